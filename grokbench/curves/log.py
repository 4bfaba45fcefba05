"""Anyone's training log as a long CSV: one row per checkpoint, columns named by the user."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from grokbench.curves.detect import detect, sustained_ceiling
from grokbench.errors import UsageError, closest, shown


def detect_file(
    file: Path,
    *,
    time_column: str = "time",
    train_column: str = "train_accuracy",
    test_column: str = "test_accuracy",
    loss_column: str = "test_loss",
    skill_column: str = "skill",
    auc_column: str = "rank_auc",
    series: str | None = None,
    chance: float | None = None,
    classes: int | None = None,
    ceiling: float | None = None,
    baseline_loss: float | None = None,
    level: float = 0.95,
) -> list[dict[str, object]]:
    """The detection of each series of a log, with its ceiling and what could not be tested.

    What is not given is taken from the ``runs.csv`` beside the file, where there is one: then the file is
    the harness's own. Raises UsageError for a file or column that is not there, or values that cannot be.
    """
    table = _read(file)
    needed = {"time": time_column, "train_accuracy": train_column, "test_accuracy": test_column}
    optional = {"test_loss": loss_column, "skill": skill_column, "rank_auc": auc_column}
    for column in (*needed.values(), *([series] if series else [])):
        if column not in table.columns:
            raise UsageError(f"{file}: no column {column!r}{closest(column, table.columns)}")
    names = {**needed, **{name: column for name, column in optional.items() if column in table.columns}}
    _check_numbers(file, table, names.values(), accuracies=(train_column, test_column))
    series = series or ("key" if "key" in table.columns else None)
    if series and table[series].isna().any():
        raise UsageError(f"{file}: column {series!r}: {int(table[series].isna().sum())} rows belong to no series")
    known = _own_runs(file) if series == "key" else {}
    groups = table.groupby(series, sort=False) if series else [(file.stem, table)]
    rows = []
    for name, group in groups:
        curve = {standard: group[column].to_numpy(dtype=float) for standard, column in names.items()}
        own = known.get(str(name), {})
        rows.append(
            {"series": str(name), **_judge(file, str(name), curve, own, chance, classes, ceiling, baseline_loss, level)}
        )
    return rows


def _judge(file, name, curve, own, chance, classes, ceiling, baseline_loss, level) -> dict[str, object]:
    classes = classes or own.get("n_classes")
    if chance is None:
        chance = own.get("chance", 1 / classes if classes else None)
    if chance is None:
        raise UsageError(f"{file}: give --classes N (balanced classes) or --chance SHARE, the best constant's accuracy")
    if not 0 <= chance < 1:
        raise UsageError(f"{file}: series {name}: chance = {chance!r}: expected a share in [0, 1)")
    try:
        if ceiling is None:
            ceiling = 1.0 if own else sustained_ceiling(curve["test_accuracy"], chance)
        # our own first checkpoint after 0 is one unit of the clock; a stranger's unit is 1
        unit = next((time for time in curve["time"] if time > 0), 1.0) if own else None
        found = detect(curve, chance, classes, ceiling, level, unit, baseline_loss)
    except UsageError as error:
        raise UsageError(f"{file}: series {name}: {error}") from error
    return {**asdict(found), "ceiling": ceiling}


def _first_positive(times) -> float:
    positive = times[times > 0]
    return float(positive[0]) if len(positive) else 1.0


def _read(file: Path):
    import pandas as pd

    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    try:
        table = pd.read_csv(file, dtype={"key": str}, low_memory=False)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{file}: not a CSV table: {' '.join(str(error).split())}") from error
    if table.empty:
        raise UsageError(f"{file}: no rows")
    return table


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
            worst = table[column].abs().max()
            raise UsageError(
                f"{file}: column {column!r}: expected shares from 0 to 1, got {worst:g}; divide percentages by 100"
            )


def _own_runs(file: Path) -> dict[str, dict[str, float]]:
    """chance and n_classes by key, from the runs.csv beside a curves.csv of ours."""
    import pandas as pd

    beside = file.with_name("runs.csv")
    if not beside.is_file():
        return {}
    try:
        runs = pd.read_csv(beside, dtype={"key": str}, low_memory=False).set_index("key")
        facts = runs[["chance", "n_classes"]].apply(pd.to_numeric, errors="coerce").dropna()
    except (ValueError, KeyError, OverflowError, OSError):
        return {}  # not ours after all
    facts = facts[facts.chance.between(0, 1, inclusive="left") & facts.n_classes.between(0, 2**31)]
    return {key: {"chance": float(row.chance), "n_classes": int(row.n_classes)} for key, row in facts.iterrows()}
