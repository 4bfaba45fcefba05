"""The parent killed at any moment of a `compare`, start-up and reporting included: a resume is as if nothing was."""

import sys
import time
from collections import Counter

import numpy as np
import pytest
from support_bed import SUITE, Bed, phase
from support_processes import kill_session, living, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
KILLS, RUNS = 50, 9
TEXT = SUITE.replace(
    'label = ["a", "b"]', 'label = ["a", "b"]\nseconds = 0.05'
)  # runs for about as long as it starts and reports


@pytest.mark.filterwarnings("error")
def test_a_parent_killed_at_any_moment_costs_only_what_it_was_doing(tmp_path, request, capsys):
    reference = Bed(tmp_path / "reference", TEXT)
    durations = []
    for _ in range(2):  # the second time, files are in the cache, as they are for the kills
        started = time.monotonic()
        process = reference.apart()
        assert process.communicate(timeout=300) == ("", "")
        durations.append(time.monotonic() - started)
        if len(durations) == 1:
            expected = reference.tables()
            reference.clear()
    assert reference.tables() == expected
    full = request.config.getoption("--full", False)
    # uniform over the duration of an undisturbed run: at random in full, in equal steps in short
    rng = np.random.default_rng(0)
    moments = iter(rng.uniform(0, 1, 100 * KILLS) if full else np.tile([0.15, 0.5, 0.85], 10))
    phases, kept_runs, kills = Counter(), 0, 0
    while kills < (KILLS if full else 3):  # a moment at which the command was over already is drawn again
        bed = Bed(tmp_path / f"{sum(phases.values())}", TEXT)
        met, kept = kill_and_resume(bed, next(moments) * durations[-1], expected)
        phases[met] += 1
        kills += met != "over"
        kept_runs += kept
    with capsys.disabled():
        print(f"\n{kills} kills over {durations[-1]:.1f} s, {kept_runs} runs stored before them, 0 lost; phases:")
        for name, count in phases.most_common():
            print(f"  {name:<26}{count:4} {'#' * count}")


def kill_and_resume(bed: Bed, seconds: float, expected: dict) -> tuple[str, int]:
    """The phase that the kill met, and how many runs had been stored before."""
    process = bed.apart()
    time.sleep(seconds)
    met = phase(bed, process, RUNS)
    process.kill()
    process.wait()
    try:
        wait_until(lambda: not living("session", {process.pid}))
    finally:
        kill_session(process)
        process.communicate()
    bed.assert_whole()
    kept = bed.stamps()
    assert bed.inside() == 0
    assert bed.tables() == expected
    assert {key: bed.stamps()[key] for key in kept} == kept  # none was done again
    bed.assert_whole()
    bed.assert_tidy()
    return met, len(kept)
