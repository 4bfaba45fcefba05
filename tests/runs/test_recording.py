"""A run while it is made: messages come in, and a run comes out."""

import math
from array import array

import pytest

from grokbench.curves.trace import COLUMNS
from grokbench.runs.environment import environment
from grokbench.runs.recording import Recording, recorded
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite

ROW = {**dict.fromkeys(COLUMNS, 0.5), "time": 0.0}
END = {"status": "done", "error": "", "traceback": "", "cpu_seconds": 1.0, "wall_seconds": 2.0, "peak_memory_mb": 3.0}


@pytest.fixture
def spec():
    return make_plan(load_suite("smoke", seeds=1)).specs[0]


def test_messages_become_a_run(spec):
    recording = Recording(spec)
    assert recording.last("time") is None
    for message in (
        {"alive": 7},
        {"facts": {"chance": 0.25, "n_classes": 4}},
        {"facts": {"unit": 2.0, "ceiling": 0.75, "baseline_loss": 1.5}},
        {"row": ROW},
        {"row": {**ROW, "time": 1, "norm": 3.0}},
    ):
        recording.take(message)
    assert (recording.last("time"), recording.end) == (1.0, None)
    recording.take({"end": END})
    run = recording.run()
    assert (run.key, run.status, run.seed) == (spec.key, "done", spec.seed)
    assert run.record["config"] == spec.config
    assert run.record["environment"] == environment()
    assert run.record["task_given"] == spec.task.given
    assert (run.curve.chance, run.curve.unit, run.curve.ceiling, run.curve.baseline_loss) == (0.25, 2.0, 0.75, 1.5)
    assert list(run.curve.columns) == [*COLUMNS, "norm"]
    assert all(isinstance(values, array) and values.typecode == "d" for values in run.curve.columns.values())
    assert list(run.curve.time) == [0.0, 1.0]


def test_a_number_that_a_checkpoint_lacks_is_nan(spec):
    recording = Recording(spec)
    for row in ({**ROW, "early": 1.0}, ROW, {**ROW, "late": 2.0}):
        recording.take({"row": row})
    columns = {name: list(recording.columns[name]) for name in ("early", "late")}
    assert columns["early"][0] == 1.0
    assert columns["late"][2] == 2.0
    assert all(map(math.isnan, columns["early"][1:] + columns["late"][:2]))


def test_a_checkpoint_with_what_is_no_number_leaves_no_trace(spec):
    recording = Recording(spec)
    recording.take({"row": ROW})
    with pytest.raises(TypeError):
        recording.take({"row": {**ROW, "norm": None}})
    assert {name: list(values) for name, values in recording.columns.items()} == {name: [ROW[name]] for name in ROW}


def test_an_order_knows_better_than_the_process_that_carried_it_out(spec):
    run = recorded(spec, {**END, "key": "another", "suite": "another", "environment": {"hash": "there"}}, {})
    assert (run.key, run.record["suite"]) == (spec.key, "smoke")
    assert run.record["environment"] == {"hash": "there"}
    assert len(run.curve) == 0
