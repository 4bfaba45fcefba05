"""Training logs of every shape given to `detect`: detections, or one line that says what is wrong."""

import csv
import io
import math

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from support_damage import NASTY_NUMBERS, NASTY_TEXTS, damaged, damaged_bytes
from support_watch import answer

pytestmark = pytest.mark.fuzz
COLUMNS = ("key", "time", "train_accuracy", "test_accuracy", "test_loss", "skill", "rank_auc")
TIMES = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987)
ROWS = [
    [key, time, min(1.0, 0.25 + time / 20), 0.25 if time < 200 else 1.0, 1.4 - time / 1000, time / 1000, 0.5]
    for key in ("a", "b")
    for time in TIMES
]  # fmt: skip
RUNS = "key,chance,n_classes\na,0.25,4\nb,0.25,4\n"
LOG = [list(COLUMNS), *ROWS]


def as_csv(table: object) -> bytes:
    """Rows as CSV; what is no list of rows is written as it is."""
    if not isinstance(table, list):
        return str(table).encode("utf-8", "surrogatepass")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in table:
        try:
            writer.writerow(row if isinstance(row, list) else [row])
        except (ValueError, csv.Error):  # a number of thousands of digits
            text.write(",,\n")
    return text.getvalue().encode("utf-8", "surrogatepass")


cells = st.one_of(
    st.sampled_from([str(number) for number in NASTY_NUMBERS if number != 10**400]),
    st.sampled_from(NASTY_TEXTS),
    st.floats(allow_subnormal=True).map(str),
    st.sampled_from(("", "NA", "1,5", "1e999", "1_000", "0x10", "٣", "1 ", "50%", "True", "2020-01-01")),
)


@st.composite
def with_odd_cells(draw):
    """The log with some cells of some columns replaced."""
    table = [list(row) for row in LOG]
    for _ in range(draw(st.integers(1, 6))):
        row, column = draw(st.integers(0, len(table) - 1)), draw(st.integers(0, len(COLUMNS) - 1))
        table[row][column] = draw(cells)
        if draw(st.booleans()):
            for other in table[1:]:
                other[column] = table[row][column]
    return as_csv(table)


@st.composite
def numbers_only(draw):
    """A log that can be judged, with values that are hard on the arithmetic."""
    n = draw(st.integers(0, 12))
    distinct = draw(st.booleans())
    any_time = st.floats(0, 1e308) | st.integers(0, 20).map(float)
    times = draw(st.lists(any_time, min_size=n, max_size=n, unique=distinct))
    shares = st.floats(0, 1) | st.sampled_from((0.0, 0.25, 1.0) if distinct else (0.0, 0.25, 1.0, math.nan))
    columns = [draw(st.lists(shares, min_size=n, max_size=n)) for _ in range(2)]
    columns += [draw(st.lists(st.floats(width=32) | shares, min_size=n, max_size=n)) for _ in range(3)]
    times = sorted(times) if distinct or draw(st.booleans()) else times
    return as_csv([list(COLUMNS[1:]), *([*row] for row in zip(times, *columns, strict=True))])


logs = st.one_of(
    *(with_odd_cells(), numbers_only(), numbers_only()),
    *(damaged(LOG, names=COLUMNS).map(as_csv), damaged_bytes(as_csv(LOG))),
)  # fmt: skip
amounts = st.sampled_from(
    ("0", "0.25", "0.5", "1", "-1", "nan", "inf", "1e-300", "1e308", "2", "4", "1000000000", "x", "")
)
names = st.sampled_from((*COLUMNS, "", "x", "[red]", "\x1b[1m", "=1", "x" * 400))
choices = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("--chance", "--classes", "--ceiling", "--baseline-loss", "--level")), amounts),
        st.tuples(
            st.sampled_from(("--series", "--time", "--train", "--test", "--test-loss", "--skill", "--rank-auc")), names
        ),
        st.just(("--json",)),
    ),
    max_size=3,
).map(lambda pairs: [word for pair in pairs for word in pair])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(content=logs, chosen=st.just([]) | choices, beside=st.none() | damaged_bytes(RUNS.encode()) | with_odd_cells())
@example(content=as_csv(LOG), chosen=[], beside=RUNS.encode())
@example(content=as_csv(LOG), chosen=["--classes", "4"], beside=None)
def test_a_log_is_judged_or_refused_in_one_line(tmp_path, content, chosen, beside):
    folder = tmp_path
    (folder / "log.csv").write_bytes(content)
    (folder / "runs.csv").unlink(missing_ok=True)
    if beside is not None:
        (folder / "runs.csv").write_bytes(beside)
    if not any(word in ("--chance", "--classes") for word in chosen):
        chosen = ["--classes", "4", *chosen] if beside is None else chosen
    status, *_ = answer(folder / "nothing", "detect", folder / "log.csv", *chosen)
    event(f"status {status}")
    assert status in (0, 2)
