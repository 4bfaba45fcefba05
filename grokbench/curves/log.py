"""Anyone's training log as a long CSV: one row per checkpoint, columns named by the user."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from grokbench.curves.compressed import DAMAGED, opened
from grokbench.curves.curve import Curve
from grokbench.curves.detect import LEVEL, check, detection_at, sustained_ceiling
from grokbench.errors import UsageError, closest, shown
from grokbench.limits import LARGEST_HEADER, LARGEST_LOG, LARGEST_UNPACKED, MOST_COLUMNS


@dataclass(frozen=True)
class Reading:
    """How a log is to be read: the names of its columns, and what is known of its runs besides.

    Parameters
    ----------
    time_column, train_column, test_column : clock, training accuracy and held-out accuracy; the log has them.
    loss_column, skill_column, auc_column : held-out loss, skill and rank_auc; read where the log has them.
    series : the column that tells the runs of the log apart; None for "key" where there is one, or a single run.
    chance : accuracy of the best constant answer; None for 1 / `classes`.
    classes : number of classes.
    ceiling : highest attainable chance-corrected held-out accuracy; None for the highest that each run sustains.
    baseline_loss : held-out loss of the best constant answer.
    level : chance-corrected accuracy that counts as learned.

    Where `chance` or `classes` is None, it is taken from the ``runs.csv`` beside a log of the harness's own.
    """

    time_column: str = "time"
    train_column: str = "train_accuracy"
    test_column: str = "test_accuracy"
    loss_column: str = "test_loss"
    skill_column: str = "skill"
    auc_column: str = "rank_auc"
    series: str | None = None
    chance: float | None = None
    classes: int | None = None
    ceiling: float | None = None
    baseline_loss: float | None = None
    level: float = LEVEL

    @property
    def needed(self) -> dict[str, str]:
        """Our name -> name in the log of the columns that it must have."""
        return {"time": self.time_column, "train_accuracy": self.train_column, "test_accuracy": self.test_column}

    @property
    def optional(self) -> dict[str, str]:
        """Our name -> name in the log of the columns that it may have."""
        return {"test_loss": self.loss_column, "skill": self.skill_column, "rank_auc": self.auc_column}


def detect_file(file: Path, reading: Reading = Reading()) -> list[dict[str, object]]:
    """The detection of each series of a log, with its name, its ceiling and what could not be tested.

    Raises UsageError for a file or a column that is not there, and for values that cannot be.
    """
    rows = []
    for name, curve in read_log(file, reading):
        try:
            check(curve)
            detection = detection_at(curve, reading.level)
        except UsageError as error:
            raise UsageError(f"{file}: series {name}: {error}") from error
        rows.append({"series": name, **asdict(detection), "ceiling": curve.ceiling})
    return rows


def read_log(file: Path, reading: Reading) -> Iterator[tuple[str, Curve]]:
    """The series of a log by name, each as a curve. Raises UsageError as `detect_file` does."""
    used = [*reading.needed.values(), *reading.optional.values()]
    table = _read(file, reading.series, [*used, reading.series or "key"])
    for column in (*reading.needed.values(), *([reading.series] if reading.series else [])):
        if column not in table.columns:
            raise UsageError(f"{file}: no column {column!r}{closest(column, table.columns)}")
    names = reading.needed | {ours: name for ours, name in reading.optional.items() if name in table.columns}
    _check_numbers(file, table, names.values(), accuracies=(reading.train_column, reading.test_column))
    series = reading.series or ("key" if "key" in table.columns else None)
    nameless = int((table[series] == "").sum()) if series else 0
    if nameless:
        raise UsageError(f"{file}: column {series!r}: {nameless} rows belong to no series")
    own_runs = _own_runs(file) if series == "key" else {}
    for name, group in table.groupby(series, sort=False) if series else [(file.stem, table)]:
        columns = {ours: group[column].to_numpy(dtype=float) for ours, column in names.items()}
        yield str(name), _curve(file, str(name), columns, reading, own_runs.get(str(name)))


def _curve(file: Path, name: str, columns: dict, reading: Reading, own: dict[str, float] | None) -> Curve:
    """The curve of a series; `own` is what the harness knows of it, where it is one of its own runs."""
    n_classes = reading.classes or (own or {}).get("n_classes")
    chance = reading.chance
    if chance is None:
        chance = (own or {}).get("chance", 1 / n_classes if n_classes else None)
    if chance is None:
        raise UsageError(f"{file}: give --classes N (balanced classes) or --chance SHARE, the best constant's accuracy")
    if not 0 <= chance < 1:
        raise UsageError(f"{file}: series {name}: chance = {chance!r}: expected a share in [0, 1)")
    ceiling = reading.ceiling
    if ceiling is None:
        ceiling = 1.0 if own else sustained_ceiling(columns["test_accuracy"], chance)
    # our own first checkpoint after 0 is one unit of the clock; a stranger's unit is 1
    unit = next((float(time) for time in columns["time"] if time > 0), 1.0) if own else 1.0
    return Curve(columns, chance, n_classes, ceiling, unit, reading.baseline_loss)


def _read(file: Path, series: str | None, used: Sequence[str]):
    """The table of a log; the names of its series are texts, as they stand there: "001" and "NA", too.

    used : the columns that are looked at; each may stand there only once.
    """
    import pandas as pd

    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    try:
        with opened(file, LARGEST_UNPACKED) as data, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            header = _header(file, data)
            texts = {series or "key": str}
            # a row longer than the header must not turn its first columns into an index
            table = pd.read_csv(data, converters=texts, low_memory=False, index_col=False)
    except pd.errors.ParserWarning as error:
        raise UsageError(f"{file}: its rows have more values than its first line has names") from error
    except (ValueError, OverflowError, OSError, EOFError, *DAMAGED) as error:
        raise UsageError(f"{file}: not a CSV table: {' '.join(str(error).split())}") from error
    _check_header(file, header, used)
    if table.empty:
        raise UsageError(f"{file}: no rows")
    return table


def _header(file: Path, data: BinaryIO) -> list[str]:
    """The names in the first line of a log, which is then read from its beginning again."""
    line = data.readline(LARGEST_HEADER + 1)
    data.seek(0)
    if len(line) > LARGEST_HEADER or line.count(b",") >= MOST_COLUMNS:
        raise UsageError(f"{file}: its first line has more columns than any log (at most {MOST_COLUMNS:,})")
    return next(csv.reader([line.decode("utf-8-sig", errors="replace")]), [])


def _check_header(file: Path, header: Sequence[str], used: Sequence[str]) -> None:
    twice = [name for name in used if header.count(name) > 1]
    if twice:
        raise UsageError(f"{file}: column {twice[0]!r} stands there {header.count(twice[0])} times; rename all but one")


def _check_numbers(file: Path, table, columns, accuracies) -> None:
    """Make the columns float64, or raise UsageError for what is no number or no share."""
    import pandas as pd

    for column in columns:
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = table[column][numbers.isna() & table[column].notna()]
        if len(wrong):
            raise UsageError(f"{file}: column {column!r}: expected numbers, got {shown(wrong.iloc[0])}")
        table[column] = numbers.astype(float)
    for column in accuracies:
        if not table[column].dropna().between(0, 1).all():
            values = table[column].dropna()
            worst = float(max(values, key=lambda value: abs(value - 0.5)))  # 1.0000001 is not to be printed as 1
            got = shown(int(worst) if worst.is_integer() else worst)
            hint = "; divide percentages by 100" if worst > 1.5 else ""
            raise UsageError(f"{file}: column {column!r}: expected shares from 0 to 1, got {got}{hint}")


def _own_runs(file: Path) -> dict[str, dict[str, float]]:
    """chance and n_classes by key, from the runs.csv beside a curves.csv of ours."""
    import pandas as pd

    beside = file.with_name("runs.csv")
    # a link could lead out of the results folder
    if beside.is_symlink() or not beside.is_file() or beside.stat().st_size > LARGEST_LOG:
        return {}
    try:
        runs = pd.read_csv(beside, dtype={"key": str}, low_memory=False).set_index("key")
        facts = runs[["chance", "n_classes"]].apply(pd.to_numeric, errors="coerce").dropna()
    except (ValueError, KeyError, OverflowError, OSError):
        return {}  # not ours after all
    facts = facts[facts.chance.between(0, 1, inclusive="left") & facts.n_classes.between(0, 2**31)]
    return {key: {"chance": float(row.chance), "n_classes": int(row.n_classes)} for key, row in facts.iterrows()}
