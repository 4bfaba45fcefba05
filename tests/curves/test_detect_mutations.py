"""Every rule and every number of a detection matters: change one, and a case of support_detection fails.

A row is (rule, text of one of the files that judge a curve, what replaces it). The text has to occur exactly once in
them all, so that the list cannot outlive the code it speaks of.
"""

import sys
import types
from pathlib import Path

import pytest
from support_detection import CASES, differences

from grokbench.curves import detect

FILES = (
    "series",
    "crossing",
    "curve",
    "checks",
    "evidence",
    "outcome",
    "notes",
    "detect",
)  # in the order in which they import each other
SOURCES = {name: Path(detect.__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in FILES}

NUMBERS = [
    ("3 consecutive", "SUSTAINED = 3", "SUSTAINED = 2"),
    ("3 consecutive, not 4", "SUSTAINED = 3", "SUSTAINED = 4"),
    (".15 hysteresis", "HYSTERESIS = 0.15", "HYSTERESIS = 0.1"),
    (".15 hysteresis, not .2", "HYSTERESIS = 0.15", "HYSTERESIS = 0.2"),
    ("at the level up to rounding", "ROUNDING = 1e-12", "ROUNDING = 0.0"),
    ("immediate below .5 decade", "LATE_DECADES = 0.5", "LATE_DECADES = 0.4"),
    ("immediate below .5 decade, not .6", "LATE_DECADES = 0.5", "LATE_DECADES = 0.6"),
    ("head .25", "HEAD = 0.25", "HEAD = 0.2"),
    ("head .25, not .3", "HEAD = 0.25", "HEAD = 0.35"),
    ("level .95", "LEVEL = 0.95", "LEVEL = 0.9"),
    ("width above 1", "width > 1:", "width > 0.95:"),
    ("width above 1, not 1.1", "width > 1:", "width > 1.1:"),
    ("width from .10", "crossing(quantity, 0.10)", "crossing(quantity, 0.20)"),
    ("width to .90", "crossing(quantity, 0.90)", "crossing(quantity, 0.95)"),
    ("skill .5 at t_mem", "skill_at_mem >= 0.5", "skill_at_mem >= 0.45"),
    ("skill .5 at t_mem, not .55", "skill_at_mem >= 0.5", "skill_at_mem >= 0.55"),
    ("loss_delay from skill .5", "skill, 0.5)", "skill, 0.45)"),
    ("loss_delay from skill .5, not .55", "skill, 0.5)", "skill, 0.55)"),
    ("rank lead .3", "delay - rank_delay > 0.3", "delay - rank_delay > 0.2"),
    ("rank lead .3, not .4", "delay - rank_delay > 0.3", "delay - rank_delay > 0.4"),
    ("offset .3", "ranking.time) > 0.3", "ranking.time) > 0.2"),
    ("offset .3, not .4", "ranking.time) > 0.3", "ranking.time) > 0.4"),
    ("offset at .10 of the accuracy", "crossing(test, 0.10)", "crossing(test, 0.20)"),
    ("offset at .10 of the ranking", "crossing(rank, 0.10)", "crossing(rank, 0.20)"),
    ("resolved by 10 units", ">= 10 * unit", ">= 9 * unit"),
    ("resolved by 10 units, not 11", ">= 10 * unit", ">= 11 * unit"),
    ("late at the grain from 5 units", ">= 5 * unit", ">= 4 * unit"),
    ("late at the grain from 5 units, not 6", ">= 5 * unit", ">= 6 * unit"),
    ("collapse below .5 of training", "end_train < 0.5", "end_train < 0.4"),
    ("collapse below .5 of training, not .6", "end_train < 0.5", "end_train < 0.6"),
    ("collapse below .5 held out", "end_test < 0.5", "end_test < 0.4"),
    ("collapse below .5 held out, not .6", "end_test < 0.5", "end_test < 0.6"),
    ("last 5", "[-5:]", "[-3:]"),
    ("last 5, not 7", "[-5:]", "[-7:]"),
    ("10 t_mem", "< 10 * mem.time", "< 9 * mem.time"),
    ("10 t_mem, not 11", "< 10 * mem.time", "< 11 * mem.time"),
    ("memorizes only below .2", "end_test < 0.2", "end_test < 0.15"),
    ("memorizes only below .2, not .25", "end_test < 0.2", "end_test < 0.25"),
]
BORDERS = [
    ("head of .25 is gradual", "head >= HEAD", "head > HEAD"),
    ("head of .25 is not late", "head < HEAD", "head <= HEAD"),
    ("skill of .5 counts", "skill_at_mem >= 0.5", "skill_at_mem > 0.5"),
    ("10 t_mem suffice", "timeline.last < 10", "timeline.last <= 10"),
    (".2 is partial", "end_test < 0.2", "end_test <= 0.2"),
]
CROSSING = [
    ("log time", "before * (after / before) ** share", "before + (after - before) * share"),
    ("no interpolation from time 0", "if before > 0 and", "if before >= 0 and"),
    ("NaN is below", "np.where(np.isnan(quantity.read), -np.inf", "np.where(np.isnan(quantity.read), np.inf"),
    ("held at time 0 is left-censored", '"left", high', '"observed", high'),
    ("ratios use the first positive checkpoint", "index = timeline.first_positive", "index = 0"),
    ("lost again", "starts[starts > losses.max(initial=-1)]", "starts"),
    ("hysteresis at all", "values < level - HYSTERESIS - ROUNDING", "values < level"),
    (
        "the first run counts",
        "_located(quantity, level, int(lasting[0]))",
        "_located(quantity, level, int(lasting[-1]))",
    ),
    ("pending", "pending = 0 < ends_above < SUSTAINED", "pending = False"),
    ("pending with two", "pending = 0 < ends_above < SUSTAINED", "pending = 0 < ends_above < 2"),
    ("held, though lost", "return self.begins >= 0", "return self.reached"),
]
CORRECTIONS = [
    ("chance is subtracted", "np.float64) - chance) /", "np.float64)) /"),
    ("chance is divided out", "np.float64) - chance) / (1 - chance)", "np.float64) - chance)"),
    ("never clipped", "np.asarray(accuracy, dtype=np.float64)", "np.maximum(accuracy, chance)"),
    ("held-out levels are fractions of the ceiling", "self.chance) / self.ceiling", "self.chance)"),
    ("training levels are not", 'train_accuracy"), self.chance)', 'train_accuracy"), self.chance) / self.ceiling'),
    ("rank levels are fractions of the ceiling", "n_classes) / self.ceiling", "n_classes)"),
    ("sqrt 2, two classes", "ndtri(auc) / math.sqrt(2)", "ndtri(auc)"),
    ("sqrt 2, several classes", "math.sqrt(2) * ndtri(auc)", "ndtri(auc)"),
    ("C - 1 rivals", "** (n_classes - 1)", "** n_classes"),
    ("chance 1 / C of the ranking", "(g - 1 / n_classes) / (1 - 1 / n_classes)", "g"),
    ("two classes are their own case", "if n_classes == 2:", "if n_classes == 0:"),
    ("skill from a loss", "return 1 - self", "return self"),
    ("skill relative to the baseline", "/ self.baseline_loss", ""),
]
QUANTITIES = [
    ("delay is censored at the last row", "quantity.timeline.last /", "quantity.timeline.times[-2] /"),
    ("no delay is right-censored", 'mem.time), "right"', 'mem.time), "observed"'),
    ("open above the delay is a bound", '"observed" if mem.low > 0 else "right"', '"observed"'),
    ("resolution by the lower end of the bracket", "mem.low - unit", "mem.high - unit"),
    ("resolution counts from the clock's first unit", "mem.low - unit", "mem.low"),
    ("resolution in units of the clock", ">= 10 * unit", ">= 10"),
    ("late in units of the clock", "gen.time >= 5 * unit", "gen.time >= 5"),
    ("unresolved runs need it", "resolved or gen.time >= 5 * unit", "True"),
    ("values at t_mem in log time", "np.interp(math.log(time), *self._by_unit)",
     "np.interp(time, np.exp(self._by_unit[0]), self._by_unit[1])"),
    ("rank width where offset", "(rank, rank_width) if", "(rank, _width(test)) if"),
    ("rank head where offset", "(rank, rank_width) if", "(test, rank_width) if"),
    ("offset only then", "if offset else", "if True else"),
    ("offset where the accuracy never comes", "reached else test.timeline.last", "reached else ranking.time"),
    ("rank delay only where reached", "if ranked.reached else NAN", "if True else NAN"),
    ("ranking crosses at the level", "crossing(rank, level)", "crossing(rank, 0.5)"),
    ("t_mem of training", "crossing(train, level)", "crossing(train, 0.95)"),
    ("t_gen of held-out", "crossing(test, level)", "crossing(test, 0.95)"),
]  # fmt: skip
FITS = """    if not (mem.reached or mem.pending or mem.held):
        return "never_fits"
"""
FALLS = """    if (mem.held and end_train < 0.5) or (gen.held and end_test < 0.5):
        return "collapses"
"""
BEGINS = """    if begins_after(train, test, mem, gen):
        return "unjudged"
"""
WAITS = """    if not mem.reached or gen.pending or (not gen.reached and test.timeline.last < 10 * mem.time):
        return "unconfirmed"
"""
ENDS = """    if not gen.reached:
        return "memorizes_only" if end_test < 0.2 else "partial"
"""
AT_ONCE = """    if delay < LATE_DECADES:
        return "immediate"
"""
ARTIFACT = """    if artifact:
        return "metric_artifact"
"""
GRADUAL = """    if head >= HEAD or width > 1:
        return "gradual"
"""
ORDER = [
    ("never_fits first", FITS + FALLS, FALLS + FITS),
    ("collapses before unconfirmed", FALLS + BEGINS + WAITS, WAITS + BEGINS + FALLS),
    ("unjudged before unconfirmed", BEGINS + WAITS, WAITS + BEGINS),
    ("unconfirmed before memorizes_only", WAITS + ENDS, ENDS + WAITS),
    ("immediate before metric_artifact", AT_ONCE + ARTIFACT, ARTIFACT + AT_ONCE),
    ("metric_artifact before gradual", ARTIFACT + GRADUAL, GRADUAL + ARTIFACT),
    ("never_fits", FITS, ""),
    ("collapses", FALLS, ""),
    ("unconfirmed", WAITS, ""),
    ("memorizes_only and partial", ENDS, ""),
    ("immediate", AT_ONCE, ""),
    ("metric_artifact", ARTIFACT, ""),
    ("gradual", GRADUAL, ""),
]
LABELS = [
    ("pending is not never_fits", "mem.reached or mem.pending or mem.held", "mem.reached or mem.held"),
    ("lost is not never_fits", "mem.reached or mem.pending or mem.held", "mem.reached or mem.pending"),
    ("a collapsed fit need not be reached", "mem.held and", "mem.reached and"),
    ("a collapsed generalization need not be reached", "gen.held and", "gen.reached and"),
    ("collapse needs a criterion met", "(gen.held and end_test < 0.5)", "(end_test < 0.5)"),
    ("median", "float(np.median(quantity.read[begin", "float(np.mean(quantity.read[begin"),
    ("t_mem lost or pending is unconfirmed", "if not mem.reached or gen.pending", "if gen.pending"),
    ("t_gen pending is unconfirmed", "not mem.reached or gen.pending or", "not mem.reached or"),
    ("a short run is unconfirmed", " or (not gen.reached and test.timeline.last < 10 * mem.time)", ""),
    ("a short run that generalized is not", "(not gen.reached and test.timeline", "(test.timeline"),
    ("skill makes an artifact", "skill_at_mem >= 0.5 or ", ""),
    ("ranking makes an artifact", " or (gen.reached and delay - rank_delay > 0.3)", ""),
    ("head makes it gradual", "head >= HEAD or width > 1", "width > 1"),
    ("width makes it gradual", "head >= HEAD or width > 1", "head >= HEAD"),
    ("late is empty where nothing is decided", "if outcome in UNDECIDED", "if outcome in ()"),
    (
        "late is empty where it never fits",
        '("never_fits", "collapses", "unconfirmed", "unj',
        '("collapses", "unconfirmed", "unj',
    ),
    ("late is empty where it collapses", '"collapses", "unconfirmed", "unj', '"unconfirmed", "unj'),
    ("late is empty where unconfirmed", '"collapses", "unconfirmed", "unj', '"collapses", "unj'),
    ("late is 0 without t_gen", "        return 0.0", "        return NAN"),
    ("late needs the delay", "float(delay >= LATE_DECADES and", "float("),
    ("late needs a small head", " and head < HEAD", ""),
    ("late needs no artifact", " and not artifact", ""),
    ("late does not ask for width", " and separated)", ' and separated and outcome == "groks")'),
]
GIVEN = [
    ("facts of attrs", '(getattr(curve, "attrs", None) or {})', "{}"),
    ("what is given wins", "if value is not None}", "if False}"),
    *[
        (f"{name} of attrs", "if known.get(name) is not None", f"if known.get(name) is not None and name != {name!r}")
        for name in ("chance", "n_classes", "ceiling", "unit", "baseline_loss")
    ],
    ("ceiling 1 unless given", "    ceiling: float = 1.0\n    unit", "    ceiling: float = 0.9\n    unit"),
    ("unit 1 unless given", "unit: float = 1.0\n    baseline_loss", "unit: float = 2.0\n    baseline_loss"),
    ("an empty column is no column", "return not np.isnan(self.values).all()", "return len(self.values) > 0"),
    ("regressions have no ranking", "if not self.n_classes:", "if self.n_classes is None:"),
    ("skill untested is said", "    if not skill.measured:", "    if False:"),
    ("ranking untested is said", "    if not rank.measured:\n        notes", "    if False:\n        notes"),
    ("columns are asked for", 'for name in ("time", *ACCURACIES):', "for name in ():"),
    ("chance has to be known", "if math.isnan(chance):", "if False:"),
    ("chance below 1", "0 <= chance < 1", "0 <= chance <= 1"),
    ("ceiling above 0", "0 < ceiling <= 1", "0 <= ceiling <= 1"),
    ("ceiling at most 1", "0 < ceiling <= 1", "0 < ceiling"),
    ("level above 0", "0 < level <= 1", "0 <= level <= 1"),
    ("classes more than one", "n_classes < 0 or n_classes == 1", "n_classes < 0"),
    ("baseline above 0", "0 < baseline_loss < np.inf", "0 <= baseline_loss < np.inf"),
    ("two checkpoints", "len(times) < 2 or ", ""),
    ("increasing times", "not (np.diff(times) > 0).all() or ", ""),
    ("times not negative", "times[0] < 0", "False"),
    ("finite times", "times[-1] == np.inf", "False"),
    ("shares, not percentages", "(values > 1)", "(values > 1000)"),
    ("shares not negative", "(values < 0) |", ""),
    ("no accuracy missing", "if np.isnan(values).any():", "if False:"),
]  # fmt: skip
GRIDS = [
    ("bins of 1/20 decade", "BINS_PER_DECADE = 20", "BINS_PER_DECADE = 100"),
    ("bins of 1/20 decade, not 1/5", "BINS_PER_DECADE = 20", "BINS_PER_DECADE = 5"),
    ("the median of a bin", "return _medians(values, self.starts)", "return values[self.starts]"),
    ("the last row is a checkpoint", "np.where(nearest, np.inf,", "np.where(False, np.inf,"),
    ("rows as far apart as three bins", "SPAN = 10**0.15", "SPAN = 10.0"),
    ("the rows say when", "_split(values[begin:end] >= level - ROUNDING)", "int(end - begin - 1)"),
    ("a span of two begins after time 0", " & (times[:-1] > 0)", ""),
    ("no farther than a unit is not wide", "high - low > unit * (1 + 1e-9) and ", ""),
    ("brackets of the delay: low", "gen.low / mem.high", "gen.low / mem.time"),
    ("brackets of the delay: high", "gen.high / mem.low", "gen.time / mem.low"),
    ("not reached: bounded from below", "float(times[under[-1]]) if under.size else 0.0", "0.0"),
    ("episodes begin below the band", "values < level - HYSTERESIS - ROUNDING\n    dec", "values < level\n    dec"),
    ("episodes end at the level", "np.log10(times[ends] / times[falls])", "np.log10(times[ends - 1] / times[falls])"),
    ("episodes after the first passage", "times[begins:], quantity.values[begins:]", "times, quantity.values"),
    ("the end does not look before the passage", "quantity.read[begin:]", "quantity.read"),
    ("begins after both", "mem.low == gen.low == 0", "mem.low == 0"),
    ("far from the clock's start", "row.times[0] > row.unit", "row.times[0] >= row.unit"),
    ("rows too far apart for the delay", "(soon and (mem.coarse(unit) or gen.coarse(unit)))", "False"),
    ("rows too far apart for the head", " or before))", "))"),
    ("a head before the first row is not known", " or times[0] > mem.low", ""),
    ("the least width: from", "low.high if low.coarse(unit) else low.time", "low.time"),
    ("the least width: to", "max(start, high.low) if high.coarse(unit) else high.time", "max(start, high.time)"),
    ("flat within .05", "STILL = 0.05", "STILL = 0.01"),
    ("flat within .05, not .2", "STILL = 0.05", "STILL = 0.2"),
    ("the last quarter decade", "values[late])", "values)"),
    ("memorizing has no ceiling", "not 0.2 <= end.level < 1", "False"),
]  # fmt: skip
MUTANTS = [*GRIDS, *NUMBERS, *BORDERS, *CROSSING, *CORRECTIONS, *QUANTITIES, *ORDER, *LABELS, *GIVEN]


def compiled(sources, monkeypatch):
    """All names of the files, each of which imports the others as they are given."""
    names = {}
    for name, source in sources.items():
        module = types.ModuleType(f"grokbench.curves.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source, f"mutant of {name}.py", "exec"), module.__dict__)
        names |= vars(module)
    return types.SimpleNamespace(**names)


def test_the_source_itself_passes_every_case(monkeypatch):
    module = compiled(SOURCES, monkeypatch)
    assert [case.name for case in CASES if differences(case, module)] == []


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in MUTANTS], ids=[row[0] for row in MUTANTS])
def test_a_case_fails_once_the_rule_is_changed(old, new, monkeypatch):
    counts = {name: source.count(old) for name, source in SOURCES.items()}
    assert sum(counts.values()) == 1, f"the text has to occur exactly once in {', '.join(FILES)}: {counts}"
    module = compiled({name: source.replace(old, new) for name, source in SOURCES.items()}, monkeypatch)
    assert any(differences(case, module) for case in CASES)
