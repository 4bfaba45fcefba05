"""The metric artefact on runs that are made by hand, so that the right number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from support_handmade import CLASSES, NEVER, SEEDS, changed, gates_of, made, ramp, runs_of, value

from grokbench.curves.curve import kappa_rank
from grokbench.explanations import metric_artifact
from grokbench.verdicts import rules
from grokbench.verdicts.cells import Cells, Design
from grokbench.verdicts.verdict import judge

ROLES = {"recipe": "add/recipe", "strict": "add/recipe"}
GRID = np.linspace(-4, 12, 3201)


def cells(runs: dict, roles=ROLES) -> Cells:
    return Cells(Design("net", "add", True, roles), runs, list(SEEDS))


def judged(name: str, finding):
    prediction = next(one for one in rules.read("metric-artifact").predictions if one.name == name)
    return judge(prediction, cells({}), finding).word


def ranked(seed, skilled=800.0, ranking=800.0, **changes):
    """A run whose skill crosses one half at half of its rise, and whose threshold-free accuracy rises by a time."""
    run = made(seed, **changes)
    kappa = ramp(run.curve.time, ranking)
    auc = ndtr(np.interp(kappa, kappa_rank(ndtr(GRID / math.sqrt(2)), CLASSES), GRID) / math.sqrt(2))
    return changed(run, skill=ramp(run.curve.time, skilled), rank_auc=auc)


def regression(run):
    """The same run as one of a regression, without a ranking."""
    return replace(run, curve=replace(run.curve, n_classes=0))


class TestInTimeOtherwise:
    def test_what_is_late_everywhere_contradicts(self):
        finding = metric_artifact.in_time_otherwise(cells(runs_of(recipe=ranked)))
        t_mem, t_gen = (10 ** (math.log10(t) - 0.05 / 3) for t in (20, 800))
        assert value(finding, "delay") == pytest.approx(math.log10(t_gen / t_mem), abs=0.01)
        half = math.log10(800) - 0.5 / 3
        assert value(finding, "elsewhere") == pytest.approx(-(half - math.log10(t_mem)), abs=0.01)
        assert judged("A1", finding) == "contradicted"

    @pytest.mark.parametrize("face", ["skilled", "ranking"])
    def test_one_measure_in_time_is_enough(self, face):
        finding = metric_artifact.in_time_otherwise(cells(runs_of(recipe=lambda s: ranked(s, **{face: 25.0}))))
        assert value(finding, "elsewhere") > -0.15
        assert judged("A1", finding) == "supported"  # flagged as artefacts, and asked all the same

    def test_a_regression_has_its_skill_alone(self):
        runs = runs_of(recipe=lambda s: regression(ranked(s, skilled=25.0)))
        assert judged("A1", metric_artifact.in_time_otherwise(cells(runs))) == "supported"

    def test_runs_that_do_not_look_late_are_not_asked(self):
        for changes in ({"t_gen": 30.0}, {"t_gen": NEVER}):
            finding = metric_artifact.in_time_otherwise(cells(runs_of(recipe=lambda s, g=changes: ranked(s, **g))))
            assert finding.n == 0
            assert gates_of(finding)["looks late"] == (False, "not applicable")

    def test_a_head_start_does_not_look_late(self):
        def head(seed):
            run = ranked(seed)
            return changed(run, test_accuracy=np.maximum(run.curve.column("test_accuracy"), 0.4))

        assert not gates_of(metric_artifact.in_time_otherwise(cells(runs_of(recipe=head))))["looks late"][0]

    def test_without_another_measure_there_is_nothing_to_compare(self):
        bare = runs_of(recipe=lambda s: changed(made(s), skill=np.full(len(made(s).curve.time), math.nan)))
        finding = metric_artifact.in_time_otherwise(cells(bare))
        assert finding.n == 0

    def test_lost_runs_speak_against_the_claim_or_for_it(self):
        case = cells(runs_of(recipe=lambda s: ranked(s, skilled=25.0, status="done" if s > 1005 else "failed")))
        assert value(metric_artifact.in_time_otherwise(case), "elsewhere") == -math.inf
        assert value(metric_artifact.in_time_otherwise(replace(case, lost_runs="for")), "elsewhere") == math.inf


class TestMovesWithThreshold:
    def test_two_levels_of_one_run(self):
        """Both ramps rise alike, so that their delays are the same at all levels."""
        finding = metric_artifact.moves_with_threshold(cells(runs_of(recipe=ranked)))
        assert value(finding, "change") == pytest.approx(0, abs=0.02)  # a checkpoint is .05 decade
        assert judged("A2", finding) == "contradicted"

    def test_an_accuracy_that_creeps_from_one_level_to_the_next(self):
        def creeping(seed):
            run = made(seed)
            with np.errstate(divide="ignore"):
                creep = np.clip(0.91 + 0.09 * (np.log10(run.curve.time) - math.log10(800)), 0.91, 1)
            test = np.where(run.curve.time < 800, 0.9 * ramp(run.curve.time, 800.0), creep)
            return changed(run, test_accuracy=0.1 + 0.9 * test)

        finding = metric_artifact.moves_with_threshold(cells(runs_of(recipe=creeping)))
        assert value(finding, "change") > 0.8  # .08 of .09 a decade
        assert judged("A2", finding) == "supported"

    def test_a_stricter_tolerance_is_another_cell(self):
        roles = {"recipe": "add/recipe", "strict": "add/strict"}
        runs = runs_of(recipe=ranked, strict=lambda s: ranked(s, t_mem=400.0))
        finding = metric_artifact.moves_with_threshold(cells(runs, roles))
        assert value(finding, "change") == pytest.approx(math.log10(20), abs=0.02)
        assert judged("A2", finding) == "supported"

    def test_other_thresholds_of_the_verdict_change_nothing(self):
        case = cells(runs_of(recipe=ranked))
        changes = [value(metric_artifact.moves_with_threshold(replace(case, level=h)), "change") for h in (0.9, 0.99)]
        assert changes[0] == changes[1]

    def test_at_the_grain_it_is_the_change_of_the_time(self):
        runs = runs_of(recipe=lambda s: made(s, t_mem=1.0))
        finding = metric_artifact.moves_with_threshold(cells(runs))
        assert (value(finding, "change"), finding.resolved) == (pytest.approx(0.09 / 3, abs=0.02), 0)

    def test_a_run_at_the_grain_among_others_is_left_out(self):
        runs = runs_of(recipe=lambda s: ranked(s, t_mem=5.0 if s < 1003 else 20.0))
        assert metric_artifact.moves_with_threshold(cells(runs)).n == 7

    def test_what_never_generalizes_at_one_threshold_is_left_out(self):
        roles = {"recipe": "add/recipe", "strict": "add/strict"}
        runs = runs_of(recipe=ranked, strict=lambda s: ranked(s, t_gen=NEVER if s < 1004 else 800.0))
        assert metric_artifact.moves_with_threshold(cells(runs, roles)).n == 6

    def test_lost_runs(self):
        case = cells(runs_of(recipe=lambda s: ranked(s, status="done" if s > 1005 else "failed")))
        assert value(metric_artifact.moves_with_threshold(case), "change") == 0
        assert value(metric_artifact.moves_with_threshold(replace(case, lost_runs="for")), "change") == math.inf


class TestHeads:
    def test_a_ranking_in_time_is_no_head_start_of_the_accuracy(self):
        """The detection's head is that of the ranking, where the accuracy lags it."""
        runs = runs_of(recipe=lambda s: ranked(s, ranking=10.0))
        assert runs["add/recipe"][1000].detections[0.95].head > 0.9
        assert gates_of(metric_artifact.in_time_otherwise(cells(runs)))["looks late"][0]


class TestOffset:
    @pytest.mark.parametrize(("ranking", "verdict"), [(200.0, "supported"), (800.0, "contradicted")])
    def test_the_lag_behind_the_ranking(self, ranking, verdict):
        finding = metric_artifact.offset(cells(runs_of(recipe=lambda s: ranked(s, ranking=ranking))))
        assert value(finding, "lag") == pytest.approx(math.log10(800 / ranking), abs=0.02)
        assert judged("A3", finding) == verdict

    def test_an_accuracy_that_never_begins_lags_to_the_end(self):
        finding = metric_artifact.offset(cells(runs_of(recipe=lambda s: ranked(s, t_gen=NEVER))))
        begun = 10 ** (math.log10(800) - 0.9 / 3)
        assert value(finding, "lag") == pytest.approx(math.log10(10_000 / begun), abs=0.02)

    def test_without_a_ranking_it_is_not_asked(self):
        finding = metric_artifact.offset(cells(runs_of(recipe=lambda s: regression(ranked(s)))))
        assert gates_of(finding)["ranking"] == (False, "not applicable")
        assert finding.n == 0
