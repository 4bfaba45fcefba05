"""Tables and environments of every shape given to `diff`: an answer, or one line that says what is wrong."""

import csv
import io
import json
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support_damage import damaged, damaged_bytes
from support_watch import answer

from grokbench import cli

pytestmark = pytest.mark.fuzz
REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "smoke"
TABLE = list(csv.reader(io.StringIO((REFERENCE / "runs.csv").read_text(encoding="utf-8"))))[:7]
MACHINES = json.loads((REFERENCE / "environment.json").read_text(encoding="utf-8"))


def as_csv(table: object) -> bytes:
    """Rows as CSV; what is no list of rows is written as it is."""
    if not isinstance(table, list):
        return str(table).encode("utf-8", "surrogatepass")
    text = io.StringIO()
    csv.writer(text, escapechar="\\").writerows(row if isinstance(row, list) else [row] for row in table)
    return text.getvalue().encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Libraries make code of their own when they are imported, which the watch would take for the table's."""
    with pytest.raises(SystemExit), redirect_stdout(io.StringIO()):
        cli.main(["diff", str(REFERENCE), str(REFERENCE)])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    table=damaged(TABLE).map(as_csv) | damaged_bytes(as_csv(TABLE)),
    machines=st.none() | damaged(MACHINES).map(lambda tree: json.dumps(tree, default=str).encode()),
    shape=st.sampled_from((("--json",), ("--out",), ("--fail-on-change",))),
)
def test_a_damaged_table_is_answered(tmp_path, table, machines, shape):
    folder = tmp_path / "results"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "runs.csv").write_bytes(table)
    if machines is not None:
        (folder / "environment.json").write_bytes(machines)
    arguments = (*shape, tmp_path / "out") if shape == ("--out",) else shape
    status, _, _ = answer(tmp_path, "diff", REFERENCE, folder, *arguments)
    event(f"{shape[0]} {status}")
    assert status in (0, 1, 2)
    assert (folder / "runs.csv").read_bytes() == table
