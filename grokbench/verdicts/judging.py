"""From rules and runs to verdicts: the explanations that are registered for a suite, each as a tree of verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from grokbench.curves.run import Run
from grokbench.statistics.multiplicity import holm
from grokbench.suites.registered import Registration, registered_cells, registration, suite_of
from grokbench.verdicts import gates
from grokbench.verdicts.cells import Cells, runs_by_cell
from grokbench.verdicts.finding import ALPHA, NOT_APPLICABLE, UNDECIDED, Finding, Gate
from grokbench.verdicts.rules import Prediction, Rules, of_suite
from grokbench.verdicts.verdict import Verdict, explain, judge, overall

Runs = Mapping[str, Mapping[int, Run]]  # cell "task/learner" -> seed -> run


def judge_suite(suite: str, cells: Mapping[str, Mapping], runs: Sequence[Run]) -> list[Verdict]:
    """The explanations that are registered for a suite, judged on the runs of a results folder; none: an empty list.

    Parameters
    ----------
    suite : its name
    cells : cell "task/learner" -> seed -> key, as they were planned; empty for those of the suite as registered
    runs : those that are stored
    """
    judged = []
    for rules in of_suite(suite):
        planned = cells or registered_cells(suite_of(rules.explanation))[1]
        by_cell = runs_by_cell(planned, runs)
        judged.append(judge_explanation(rules, by_cell, registration(rules.explanation)))
    return judged


def judge_explanation(rules: Rules, runs: Runs, registration: Registration) -> Verdict:
    """The verdict on an explanation: its parts are families, and theirs the predictions on each task.

    ``registration`` : what a run must hold to, for its cells to be more than exploration.
    """
    families: dict[str, list[Verdict]] = {}
    for design in rules.designs:
        cells = rules.cells(design, runs)
        judged = [_judged(rules, one, cells, registration) for one in rules.predictions if design.makes(one.name)]
        families.setdefault(design.family, []).extend(judged)
    refuting = counterexamples(rules, runs, registration)
    explained = [explain(family, judged) for family, judged in families.items() if judged]
    whole = overall(rules.explanation, explained, rules.scope, refuting)
    return replace(whole, rules=rules, registration=registration)


def _judged(rules: Rules, prediction: Prediction, cells: Cells, registration: Registration) -> Verdict:
    """The verdict on one prediction of one family on one task, by itself."""
    statistic, finding = rules.statistic(prediction), Finding({}, 0, gates=[Gate("runs", False, "no runs")])
    if all(cells.has(role) for role in prediction.uses):
        finding = statistic(cells)
        enough = f"too few runs ({finding.n} of {prediction.least})"
        finding = replace(finding, gates=[*finding.gates, Gate("enough", finding.n >= prediction.least, enough)])
    finding = replace(finding, gates=[*_gates(rules, prediction, cells, registration), *finding.gates])
    if judge(prediction, cells, finding, ALPHA).word not in (UNDECIDED, NOT_APPLICABLE):
        variants = {name: statistic(changed) for name, changed in _variants(prediction, cells)}
        finding = replace(finding, variants=variants)
    return judge(prediction, cells, finding)


def _gates(rules: Rules, prediction: Prediction, cells: Cells, registration: Registration) -> list[Gate]:
    """The gates in the order in which they are asked: what takes a row out first, then what leaves it undecided."""
    frozen = [role for role in prediction.uses if cells.resolve(role).startswith("frozen")]
    assay = {
        "assay": lambda: gates.groks_here(cells),
        "shuffled": lambda: gates.shuffled_never(cells),
        "frozen_fits": lambda: gates.frozen_fits(cells, frozen),
        "not_too_easy": lambda: gates.not_too_easy(cells, frozen),
    }
    return [
        gates.constructed(cells, prediction.name),
        gates.named(cells, prediction.uses),
        gates.registered(cells, prediction.looked_at, rules, registration),
        *(assay[name]() for name in prediction.gates),
        gates.few_lost(cells, prediction.uses),
        gates.healthy(cells, prediction.uses),
    ]


def _variants(prediction: Prediction, cells: Cells) -> Iterator[tuple[str, Cells]]:
    """The cells under each of the other thresholds, by name: the verdict must be the same under all of them."""
    yield "level 0.90", replace(cells, level=0.90)
    yield "level 0.99", replace(cells, level=0.99)
    yield "ridge 1e-3", replace(cells, ridge="after_kernel_ridge")
    yield "half the budget", cells.at_half_budget
    for other in cells.design.complexities[1:]:
        yield f"measure {other}", replace(cells, design=replace(cells.design, complexity=other))
    if any(cells.unwatched(role, step).any() for role in prediction.uses for step in range(len(cells.of_role(role)))):
        yield "undecided runs late", replace(cells, undecided=1.0)
        yield "undecided runs never", replace(cells, undecided=0.0)
    if any(not run.complete for role in prediction.uses for run in cells.all_runs(role)):
        yield "failed runs", replace(cells, lost_runs="for")


def counterexamples(rules: Rules, runs: Runs, registration: Registration) -> list[str]:
    """Always-frozen learners that generalize late in more than half of their runs (exact test, Holm over the cells).

    They refute, by themselves, that late generalization needs features to be learned. Empty unless the rules name a
    prediction of necessity.
    """
    from scipy.stats import binomtest

    p_values = {}
    for design in rules.designs if rules.necessity else ():
        cells = rules.cells(design, runs)
        for role in ("frozen_on", "frozen_off") if design.always_frozen else ():
            if cells.has(role) and gates.registered(cells, [role], rules, registration).passed:
                late = int((cells.late(role, imputed=0.0) == 1).sum())
                p = binomtest(late, len(cells.seeds), 0.5, alternative="greater").pvalue
                p_values[f"{cells.of_role(role)[0]} ({late}/{len(cells.seeds)} late)"] = float(p)
    adjusted = holm(list(p_values.values()))
    return [name for name, p in zip(p_values, adjusted, strict=True) if p <= ALPHA]
