"""A side of a comparison is the arrays of its runs."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support_handmade import NEVER, made, recorded

from grokbench.curves.run import Run
from grokbench.verdicts.side import Side, shared_clusters


def test_the_runs_of_a_side_are_its_arrays():
    """Every number that the rules look at is that of the detection, the curve or the record."""
    runs = [
        recorded(made(seed=3, t_mem=20.0, t_gen=800.0), clock="rounds"),
        made(seed=4, t_gen=NEVER),
        made(seed=5, t_mem=NEVER, t_gen=NEVER),
        made(seed=6, status="crashed"),
        Run({"status": "timeout", "config": {"seed": 7}}),
    ]
    side = Side.of(runs, lambda run: f"task {run.seed % 2}")
    first = runs[0].detections[0.95]
    assert side.task.tolist() == ["task 1", "task 0", "task 1", "task 0", "task 1"]
    assert side.seed.tolist() == [3, 4, 5, 6, 7]
    assert side.clock.tolist() == ["rounds", "steps", "steps", "steps", ""]
    assert (side.t_mem[0], side.t_gen[0], side.delay[0]) == (first.t_mem, first.t_gen, first.delay)
    assert side.event.tolist() == [True, False, False, False, False]
    assert side.fitted.tolist() == side.resolved.tolist() == [True, True, False, False, False]
    np.testing.assert_array_equal(side.late, [1, 0, math.nan, math.nan, math.nan])
    np.testing.assert_array_equal(side.last, [10_000, 10_000, 10_000, 10_000, math.nan])
    assert side.delay[1] == runs[1].detections[0.95].delay == pytest.approx(math.log10(10_000 / 20), abs=0.05)
    assert np.isnan(side.delay[2:]).all()
    assert side.first.tolist() == [1.0] * 5


def test_arrays_must_fit():
    side = Side.of([made(seed=3), made(seed=4)], lambda run: "add")
    with pytest.raises(ValueError, match="t_gen has shape"):
        replace(side, t_gen=np.ones(3))


def test_of_two_sides_those_runs_stay_whose_task_and_seed_both_have():
    """By a loop over all pairs, and in whatever order they come."""
    ours, theirs = ([made(seed=seed, t_gen=200.0 + seed) for seed in seeds] for seeds in ((7, 3, 5, 4), (8, 4, 5, 7)))
    stratum = {3: "u", 4: "u", 5: "v", 7: "v", 8: "v"}
    a, b = Side.of(ours, lambda run: stratum[run.seed]), Side.of(theirs, lambda run: "u")
    a, b = shared_clusters(a, b)
    assert a.clusters == b.clusters == [("u", 4)]
    a, b = shared_clusters(*(Side.of(runs, lambda run: "u") for runs in (ours, theirs)))
    paired = [("u", run.seed) for run in ours if any(other.seed == run.seed for other in theirs)]
    assert a.clusters == b.clusters == sorted(paired)
    assert a.t_gen.tolist() == [run.detections[0.95].t_gen for run in sorted(ours, key=lambda run: run.seed)[1:]]
