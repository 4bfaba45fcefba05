"""Hand-made curves of every outcome, with all that `detect` has to say of them in closed form.

A curve is piecewise linear in log time with its knots on checkpoints, so that a crossing interpolated
in log time is exact: ``ramp(a, b)`` rises from 0 to 1 between 10^a and 10^b, and passes h at
10^(a + h (b - a)); ``step(d)`` jumps at the checkpoint 10^d, and passes h at 10^(d - (1 - h) / 20).
Both detect tests import this: one asks that detect.py passes, the other that every mutant of it fails.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from grokbench.errors import UsageError

NAN = float("nan")
TIMES = np.concatenate([[0.0], 10 ** (np.arange(101) / 20)])  # 0, then 20 per decade from 1 to 1e5
COARSE = np.concatenate([[0.0], 4.0 ** np.arange(9)])  # 0, 1, 4, ... 65536


def at(decade):
    """Index in TIMES of 10^decade."""
    return 1 + round(20 * decade)


def ramp(start, end, low=0.0, high=1.0):
    """Kappa that goes from `low` to `high` between 10^start and 10^end, linear in log time."""
    with np.errstate(divide="ignore"):
        return low + (high - low) * np.clip((np.log10(TIMES) - start) / (end - start), 0, 1)


def step(decade, low=0.0, high=1.0):
    """Kappa that jumps at the checkpoint 10^decade."""
    return np.where(np.arange(len(TIMES)) >= at(decade), high, low)


def gone(decade, low):
    """Learned at 10^2, fallen to `low` for ever at 10^decade."""
    return step(2) - step(decade) * (1 - low)


def patch(values, start, by):
    """`values` with other ones from index `start` on."""
    values = np.array(values, dtype=float)
    start %= len(values)
    values[start : start + len(by)] = by
    return values


def curve(train, test, chance=0.25, times=TIMES, **columns):
    """Columns of a log whose chance-corrected accuracies are `train` and `test`."""
    kappas = {"train_accuracy": train, "test_accuracy": test}
    accuracies = {name: chance + (1 - chance) * np.broadcast_to(k, len(times)) for name, k in kappas.items()}
    return {"time": times, **accuracies, **{name: np.broadcast_to(v, len(times)) for name, v in columns.items()}}


def binary_auc(kappa):
    """AUC of two equal Gaussians whose optimal threshold has accuracy (1 + kappa) / 2."""
    return ndtr(np.sqrt(2) * ndtri((1 + np.asarray(kappa)) / 2))


@dataclass(frozen=True)
class Case:
    """`call` takes the module detect.py, or a mutant of it, and returns what is compared with `expected`."""

    name: str
    call: Callable
    expected: dict


def differences(case, module):
    """What the module says otherwise than the case, as text; 1e-9 is far above rounding, far below a rule."""
    try:
        fields = case.call(module)
    except Exception as error:
        return [f"raised {type(error).__name__}: {error}"]
    pairs = [(name, fields[name], value) for name, value in case.expected.items()]
    return [f"{name}: {actual!r}, expected {value!r}" for name, actual, value in pairs if not _same(actual, value)]


def _same(actual, expected):
    if isinstance(expected, float):
        return bool(np.isclose(actual, expected, rtol=1e-9, atol=1e-9, equal_nan=True))
    return type(actual) is type(expected) and actual == expected


TRAIN, TEST = ramp(1, 2), ramp(3.5, 4)
NO_SKILL = "metric_artifact untested: no skill column, and no baseline loss to compute it from"
NO_RANK = "rank versions and offset untested: no rank_auc column or number of classes"
GROKS = {
    **{"t_mem": 10**1.95, "t_mem_censoring": "observed", "t_gen": 10**3.975, "t_gen_censoring": "observed"},
    **{"delay": 2.025, "delay_censoring": "observed", "loss_delay": NAN, "loss_delay_censoring": ""},
    **{"width": 0.4, "head": 0.0, "skill_at_mem": NAN, "rank_delay": NAN, "rank_width": NAN},
    **{"offset": False, "resolved": True, "late": 1.0, "outcome": "groks", "notes": (NO_SKILL, NO_RANK)},
}


def case(name, columns, *changes, **attrs):
    """A case of `detect(columns, **attrs)` that differs from GROKS by `changes`."""
    attrs = {"chance": 0.25, **attrs}
    expected = dict(GROKS)
    for change in changes:
        expected |= change
    return Case(name, lambda m: vars(m.detect(columns, **attrs)), expected)


def gen(decade, width=0.4, mem=1.95):
    """Test accuracy crosses at 10^decade."""
    return {"t_gen": 10**decade, "delay": decade - mem, "width": width}


def mem(decade, gen=3.975):
    """Training accuracy crosses at 10^decade."""
    return {"t_mem": 10**decade, "delay": gen - decade}


def says(outcome, late=NAN):
    """A label that leaves the endpoint empty unless `late` is given."""
    return {"outcome": outcome, "late": late}


LEFT = {"t_mem_censoring": "left"}
AT_GRAIN = {"resolved": False, "delay_censoring": "right"}  # open above: t_mem lies before the first positive row
BELOW_TEN = {"resolved": False}  # between two rows, but within 10 units of the clock's first one
NO_T_GEN = {"t_gen": NAN, "t_gen_censoring": "right", "width": NAN}
BRACKETS = ("t_mem_low", "t_mem_high", "t_gen_low", "t_gen_high", "delay_low", "delay_high")
EPISODES = ("lost", "lost_longest", "lost_deepest")
BESIDE = [*BRACKETS, "t_mem_first", "t_gen_first", *(f"{t}_{name}" for t in ("t_mem", "t_gen") for name in EPISODES)]


def notes(text):
    """The note of a partial run, before those of what was not tested."""
    return {"notes": (text, NO_SKILL, NO_RANK)}


def flat(accuracy, since, ceiling, outcome="groks"):
    """The note of a run that ends on a plateau."""
    relative = f"relative to that ceiling (--ceiling {ceiling}) it would be {outcome}"
    return notes(f"partial: flat at {accuracy} since {since}; {relative}")


NO_GEN = {**NO_T_GEN, "delay": 3.05, "delay_censoring": "right"}
NO_MEM = {
    **{"t_mem": NAN, "t_mem_censoring": "right", "delay": NAN, "delay_censoring": "", "head": NAN},
    "resolved": False,
}

DEEP = ramp(3.5, 4, -0.2)  # below chance before its rise: low enough to lose .10 as well as .95
DEEP_GEN = gen(3.5 + 0.5 * 1.15 / 1.2, 0.5 * 0.8 / 1.2) | {"head": -0.2}
CROSSINGS = [
    case("groks", curve(TRAIN, TEST)),
    case("spike of one", curve(TRAIN, patch(TEST, at(3), [1.0]))),
    case("spike of two", curve(TRAIN, patch(TEST, at(3), [1.0] * 2))),
    case("spike of three, lost", curve(TRAIN, patch(DEEP, at(3), [1.0] * 3)), DEEP_GEN),
    case(
        "spike of three that never loses .10 widens the rise",
        curve(TRAIN, patch(TEST, at(2.9), [1.0] * 3)),
        gen(3.975, 3.95 - 2.855),
        says("gradual", 1.0),
    ),
    case("slingshots", curve(TRAIN, patch(patch(DEEP, at(2.5), [1.0] * 4), at(3), [1.0] * 3)), DEEP_GEN),
    case("held above .80", curve(TRAIN, patch(step(3), at(3.2), [0.81] * 5)), gen(2.9975, 0.04)),
    case(
        "lost by three below .80",
        curve(TRAIN, patch(step(3), at(3.2), [0.79] * 3)),
        gen(3.3 + 0.05 * 0.16 / 0.21, 0.04),
    ),
    case("not lost by two at 0", curve(TRAIN, patch(step(3), at(3.2), [0.0] * 2)), gen(2.9975, 0.04)),
    case("fit lost and found", curve(patch(step(1.5), at(1.8), [0.0] * 4), TEST), mem(1.9975)),
    case("label noise: below chance, never clipped", curve(TRAIN, DEEP), DEEP_GEN),
    case(
        "exactly at the level, but for rounding",
        curve(step(2, high=0.9), step(3, high=0.9), chance=0.5),
        {"t_mem": 100.0},
        gen(3.0, 0.05 * 8 / 9, mem=2.0),
        chance=0.5,
        level=0.9,
    ),
    case("level .90", curve(TRAIN, TEST), {"t_mem": 10**1.9}, gen(3.95, mem=1.9), level=0.9),
    case("level .99", curve(TRAIN, TEST), {"t_mem": 10**1.99}, gen(3.995, mem=1.99), level=0.99),
]
BEGINS = "cannot be judged: the log begins at 1,000 with both accuracies held, after both events"
TIME_ZERO = [
    case("fits at the first solve", curve(step(0), TEST), mem(0.0), AT_GRAIN),
    case("held at time 0", curve(1.0, TEST), mem(0.0), LEFT, AT_GRAIN),
    case("held where a log starts", curve(1.0, TEST[at(2) :], times=TIMES[at(2) :]), mem(2.0), LEFT, AT_GRAIN),
    case(
        "log that begins after both events",
        curve(1.0, 1.0, times=10 * TIMES[at(2) :]),
        {"t_mem": 1000.0, "t_gen": 1000.0, "t_mem_censoring": "left", "t_gen_censoring": "left", "delay": NAN},
        {"delay_censoring": "", "width": 0.0, "head": 1.0, "resolved": False},
        says("unjudged"),
        notes(BEGINS),
    ),
    case(
        "log shorter than a span that begins after both",
        curve(1.0, 1.0, times=[100.0, 101.0]),
        NO_MEM,
        NO_T_GEN,
        says("unjudged"),
        notes(BEGINS.replace("1,000", "100")),
    ),
    case("log that starts at 5", curve(TRAIN[15:], TEST[15:], times=TIMES[15:])),
    case(
        "test accuracy held at time 0",
        curve(TRAIN, 1.0),
        gen(0.0, width=0.0) | {"t_gen_censoring": "left", "head": 1.0},
        says("immediate", 0.0),
    ),
]


def cut(decade, train, test=0.0):
    """The curve up to 10^decade."""
    n = at(decade) + 1
    return curve(train[:n], test, times=TIMES[:n])


MEMORIZES = NO_GEN | says("memorizes_only", 0.0)
UNREACHED = [
    case("memorizes only", curve(TRAIN, -0.02), MEMORIZES, {"head": -0.02}),
    case("memorizes only, .19", curve(TRAIN, step(3, high=0.19)), MEMORIZES),
    case("plateau of .21", curve(TRAIN, step(3, high=0.21)), NO_GEN, says("partial", 0.0), flat(".41", "1,000", ".21")),
    case(
        "plateau of .2",
        curve(TRAIN, step(3, high=0.2), chance=0.0),
        NO_GEN,
        says("partial", 0.0),
        flat(".20", "1,000", ".2"),
        chance=0.0,
    ),
    case(
        "plateau of .6", curve(TRAIN, ramp(3, 3.5, 0, 0.6)), NO_GEN, says("partial", 0.0), flat(".70", "3,162.28", ".6")
    ),
    case("9.94 t_mem", cut(2.9, ramp(1, 1.95)), NO_GEN, mem(1.9025, 2.9), says("unconfirmed")),
    case("10.06 t_mem", cut(3, ramp(1, 2.05)), MEMORIZES, mem(1.9975, 3.0)),
    case("exactly 10 t_mem", cut(1, step(0)), MEMORIZES, mem(0.0, 1.0), AT_GRAIN),
    case("jump in the last one", curve(TRAIN, step(5)), NO_GEN, says("unconfirmed")),
    case("jump in the last two", curve(TRAIN, step(4.95)), NO_GEN, says("unconfirmed")),
    case("jump in the last three", curve(TRAIN, step(4.9)), gen(4.8975, 0.04)),
    case("fit in the last two", curve(step(4.95), TEST), NO_MEM, says("unconfirmed")),
    case("never fits", curve(ramp(1, 2, 0, 0.94), TEST), NO_MEM, says("never_fits")),
    case("never fits but for two", curve(patch(0 * TRAIN, at(2), [1.0] * 2), TEST), NO_MEM, says("never_fits")),
    case("never fits and collapses", curve(ramp(1, 2, 0, 0.94), gone(3, 0.0)), NO_MEM, NO_T_GEN, says("never_fits")),
    case("two checkpoints", curve(1.0, 1.0, times=TIMES[at(0) : at(0.1)]), NO_MEM, NO_T_GEN, says("unconfirmed")),
]

FLICKER = [0.0, 0.0, 1.0, 0.0, 1.0]  # the last 3 and the last 7 have median 1, and no three in a row are below
COLLAPSES = [
    case("train collapses", curve(gone(4, 0.0), TEST), NO_MEM, says("collapses")),
    case("train collapses to .45", curve(gone(4, 0.45), TEST), NO_MEM, says("collapses")),
    case("fit lost, to .55", curve(gone(4, 0.55), TEST), NO_MEM, says("unconfirmed")),
    case("test collapses to .45", curve(TRAIN, gone(4, 0.45)), NO_GEN, says("collapses")),
    case(
        "test lost, to .55",
        curve(TRAIN, gone(4, 0.55)),
        NO_GEN,
        says("partial", 0.0),
        flat(".66", "100", ".55", "immediate"),
    ),
    case("collapsed and pending", curve(TRAIN, patch(gone(4, 0.0), -2, [1.0] * 2)), NO_GEN, says("collapses")),
    case("train flickers at the end", curve(patch(TRAIN, -5, FLICKER), TEST), says("collapses")),
    case("test flickers at the end", curve(TRAIN, patch(TEST, -5, FLICKER)), says("collapses")),
    case("median, not mean", curve(TRAIN, patch(TEST, -5, [0.45, 0.45, 1.0, 0.45, 1.0])), says("collapses")),
]


def stairs(head, chance=0.25):
    """A head of `head` that came just before t_mem, the rest half a decade after it: neither immediate nor wide."""
    test = np.where(TIMES < 10**2.2, ramp(1.7, 1.9, 0, head), ramp(2.4, 2.6, head))
    low, high, level = 1.7 + 0.02 / head, *(2.4 + 0.2 * (h - head) / (1 - head) for h in (0.9, 0.95))
    return curve(TRAIN, test, chance), gen(level, high - low) | {"head": head}


LABELS = [
    case("delay .45", curve(step(2), step(2.45)), mem(1.9975), gen(2.4475, 0.04, 1.9975), says("immediate", 0.0)),
    case("few decades, but generalized", curve(step(4.3), step(4.9)), mem(4.2975), gen(4.8975, 0.04, 4.2975)),
    case("delay .55", curve(step(2), step(2.55)), mem(1.9975), gen(2.5475, 0.04, 1.9975)),
    case("head and no delay", curve(TRAIN, ramp(1.4, 2.4)), gen(2.35, 0.8), {"head": 0.55}, says("immediate", 0.0)),
    case("test first", curve(ramp(2, 3), ramp(0.5, 1)), mem(2.95), gen(0.975, mem=2.95), {"head": 1.0},
         says("immediate", 0.0)),
    case("head .3", *stairs(0.3), says("gradual", 0.0)),
    case("head exactly .25", *stairs(0.25, chance=0.5), says("gradual", 0.0), chance=0.5),
    case("head .24", *stairs(0.24)),
    case("width 1.08", curve(TRAIN, ramp(2.5, 3.85)), gen(2.5 + 1.35 * 0.95, 1.08), says("gradual", 1.0)),
    case("width .96", curve(TRAIN, ramp(2.5, 3.7)), gen(2.5 + 1.2 * 0.95, 0.96)),
    case("head between checkpoints", curve(step(2), ramp(1, 4)), mem(1.9975), gen(3.85, 2.4, 1.9975),
         {"head": 0.9975 / 3}, says("gradual", 0.0)),
]  # fmt: skip

QUICK = {"width": 0.04, "delay_censoring": "right", "resolved": False}  # fits at once, jumps soon


def coarse(index):
    """Fits at that checkpoint of COARSE, and never generalizes."""
    decade = np.log10(COARSE[index - 1]) + 0.95 * np.log10(4)
    train = np.where(np.arange(len(COARSE)) >= index, 1.0, 0.0)
    return curve(train, 0.0, times=COARSE), MEMORIZES, mem(decade, np.log10(COARSE[-1]))


RESOLUTION = [
    case("bracket from 4 units", *coarse(3), BELOW_TEN),
    case("bracket from 16 units", *coarse(4)),
    case("bracket from 10 units", curve(step(1.05), TEST), mem(1.0475), BELOW_TEN),
    case("bracket from 11.2 units", curve(step(1.1), TEST), mem(1.0975)),
    case("bracket from 9.4 units of 3", curve(step(1.5), TEST), mem(1.4975), BELOW_TEN, unit=3.0),
    case("bracket from 11.9 units of 3", curve(step(1.6), TEST), mem(1.5975), unit=3.0),
    case("at the grain, t_gen 4.4", curve(step(0), step(0.65)), mem(0.0), gen(0.6475, mem=0), QUICK, {"late": 0.0}),
    case("at the grain, t_gen 5.6", curve(step(0), step(0.75)), mem(0.0), gen(0.7475, mem=0), QUICK),
    case("at the grain, t_gen 2.8 units", curve(step(0), step(0.75)), mem(0.0), gen(0.7475, mem=0), QUICK,
         {"late": 0.0}, unit=2.0),
]  # fmt: skip

S = {"notes": (NO_RANK,)}
KNOWING = S | {"skill_at_mem": 0.6, "loss_delay": -1.95, "loss_delay_censoring": "observed"}
LOSS = S | {"loss_delay": 1.55, "loss_delay_censoring": "observed", "skill_at_mem": 0.0}
NO_LOSS = S | {"loss_delay": 3.05, "loss_delay_censoring": "right", "skill_at_mem": 0.48}
SKILL = [
    case("skill rises before accuracy", curve(TRAIN, TEST, skill=ramp(3.2, 3.8)), LOSS),
    case("skill .6", curve(TRAIN, TEST, skill=0.6), KNOWING, says("metric_artifact", 0.0)),
    case("skill .52", curve(TRAIN, TEST, skill=0.52), KNOWING, {"skill_at_mem": 0.52}, says("metric_artifact", 0.0)),
    case("skill .5", curve(TRAIN, TEST, skill=0.5), KNOWING, {"skill_at_mem": 0.5}, says("metric_artifact", 0.0)),
    case("skill .48", curve(TRAIN, TEST, skill=0.48), NO_LOSS),
    case("skill and head", {**stairs(0.3)[0], "skill": 0 * TIMES + 0.6}, stairs(0.3)[1], KNOWING,
         says("metric_artifact", 0.0)),
    case("skill and no delay", curve(TRAIN, step(2.4), skill=0.6), gen(2.3975, 0.04), KNOWING, says("immediate", 0.0)),
    case("skill at the first solve", curve(step(0), TEST, skill=ramp(3.2, 3.8)), mem(0.0), AT_GRAIN, LOSS,
         {"loss_delay": 3.5, "loss_delay_censoring": "right"}),
    case("skill without a fit", curve(0.0, TEST, skill=0.6), NO_MEM, S, says("never_fits")),
    case("skill from a loss", curve(TRAIN, TEST, test_loss=2 * (1 - ramp(3.2, 3.8))), LOSS, baseline_loss=2.0),
    case("a loss without its baseline", curve(TRAIN, TEST, test_loss=0.1)),
    case("skill known late only", curve(TRAIN, TEST, skill=np.where(TIMES < 10**3.4, NAN, 1.0)), LOSS,
         {"loss_delay": 1.45, "skill_at_mem": NAN}),
    case("skill column empty", curve(TRAIN, TEST, skill=NAN)),
]  # fmt: skip


def ranked(name, rank, rank_delay, rank_width, *changes, test=TEST, train=TRAIN, **attrs):
    """A case with two classes whose ranking is worth `rank`."""
    columns = curve(train, test, chance=0.5, rank_auc=binary_auc(rank))
    rank_fields = {"rank_delay": rank_delay, "rank_width": rank_width, "notes": (NO_SKILL,)}
    return case(name, columns, rank_fields, *changes, **{"chance": 0.5, "n_classes": 2, **attrs})


OFFSET = {"offset": True}
ARTIFACT = says("metric_artifact", 0.0)
SLOW = gen(3.95, 0.8)  # of ramp(3, 4)
RANK = [
    ranked("ranking with accuracy", TEST, 2.025, 0.4),
    ranked("rank lead of .285", ramp(3, 3.7), 1.715, 0.56, SLOW, test=ramp(3, 4)),
    ranked("rank lead of .33", ramp(3, 3.65), 1.6675, 0.52, SLOW, ARTIFACT, test=ramp(3, 4)),
    ranked("ranking never comes", 0.0 * TIMES, NAN, NAN),
    ranked("lag of .27", ramp(3.2, 4), 2.01, 0.64),
    ranked("lag of .315", ramp(3.15, 4), 2.0075, 0.68, OFFSET, {"width": 0.68}),
    ranked("offset and slow", ramp(2, 4), 1.95, 1.6, OFFSET, {"width": 1.6}, says("gradual", 1.0)),
    ranked("offset and head", ramp(1, 4), 1.9, 2.4, OFFSET, {"width": 2.4, "head": 0.95 / 3}, says("gradual", 0.0)),
    ranked("offset for ever", ramp(3, 4), 2.0, 0.8, MEMORIZES, OFFSET, {"width": 0.8}, test=0.0 * TIMES),
    ranked("rank fractions of the ceiling", 0.8 * TEST, 2.025, 0.4, test=0.8 * TEST, ceiling=0.8),
    ranked("NaN rank column", NAN * TIMES, NAN, NAN, {"notes": (NO_SKILL, NO_RANK)}),
    ranked("classes not known", TEST, NAN, NAN, {"notes": (NO_SKILL, NO_RANK)}, n_classes=None),
    ranked("regression", TEST, NAN, NAN, {"notes": (NO_SKILL, NO_RANK)}, n_classes=0),
]
CEILING = [
    case("ceiling .8", curve(TRAIN, 0.8 * TEST), ceiling=0.8),
    case("ceiling .8 not told", curve(TRAIN, 0.8 * TEST), NO_GEN, says("partial", 0.0), flat(".85", "10,000", ".8")),
    case("ceiling .8, .18 is partial", curve(TRAIN, step(3, high=0.18)), NO_GEN, says("partial", 0.0),
         flat(".39", "1,000", ".18"), ceiling=0.8),
    case("ceiling .8, .42 is no collapse", curve(TRAIN, 0.8 * gone(4, 0.525)), NO_GEN, says("partial", 0.0),
         flat(".57", "100", ".42", "immediate"), ceiling=0.8),
]  # fmt: skip


ROWS = np.arange(50.0, 20_001, 50)  # a row every 50 steps: 14 rows in a bin at 6500


def jump(at, *dips, times=ROWS, low=0.0, high=1.0):
    """Kappa that jumps at the row `at`, with (from, to, value) for dips, `to` excluded."""
    values = np.where(times >= at, high, low)
    for start, end, value in dips:
        values[(times >= start) & (times < end)] = value
    return values


def rows_at(t_mem, t_gen, spacing=50.0):
    """What two jumps at these rows come to: crossings, brackets and delays."""
    t_mem, t_gen = float(t_mem), float(t_gen)
    (mem_low, mem), (gen_low, gen) = ((at - spacing, at) for at in (t_mem, t_gen))
    cross = [low * (high / low) ** 0.95 for low, high in ((mem_low, mem), (gen_low, gen))]
    return {
        **{"t_mem": cross[0], "t_mem_low": mem_low, "t_mem_high": mem, "t_mem_first": cross[0]},
        **{"t_gen": cross[1], "t_gen_low": gen_low, "t_gen_high": gen, "t_gen_first": cross[1]},
        **{"delay": np.log10(cross[1] / cross[0]), "delay_low": np.log10(gen_low / mem)},
        **{"delay_high": np.log10(gen / mem_low), "width": 0.8 * np.log10(gen / gen_low)},
    }


def lost(event, *episodes):
    """Columns of (from, to, value) episodes."""
    if not episodes:
        return {f"{event}_lost": 0.0, f"{event}_lost_longest": NAN, f"{event}_lost_deepest": NAN}
    longest = max(np.log10(end / start) for start, end, _ in episodes)
    deepest = min(value for *_, value in episodes)
    return {f"{event}_lost": float(len(episodes)), f"{event}_lost_longest": longest, f"{event}_lost_deepest": deepest}


DIPS = ((1400, 1600, 0.03), (4000, 4150, 0.5), (15_000, 15_500, 0.79))
SHORT, LONG = (9000, 10_000, 0.1), (9000, 13_000, 0.1)
# the first row in each bin of 1/20 decade around 50·10^(k/20), from 6500 on
FIRST_OF_BIN = np.isin(ROWS, [ROWS[50 * 10 ** ((k - 0.5) / 20) <= ROWS][0] for k in range(44, 52)])
OWN = np.array([0, *range(1, 51), *np.round(50 * 10 ** (np.arange(1, 53) / 20)), 20_000])
BACK = 12_950 * (13_000 / 12_950) ** (0.85 / 0.9)  # from .1 back through .95
AFTER_LONG = {
    **{"t_gen": BACK, "delay": np.log10(BACK / (50 * 2**0.95)), "t_gen_first": 6450 * (6500 / 6450) ** 0.95},
    "width": np.log10(12_950 * (13_000 / 12_950) ** (0.8 / 0.9) / (6450 * (6500 / 6450) ** 0.1)),
}
FAR = np.array([0.0, 100, 400, 1600, 6400, 25_600])  # rows .6 decade apart
FAR_APART = "cannot be judged: its rows are too far apart (t_mem lies between {}, t_gen between {})"
DENSE = [
    case("dense: slingshots", curve(jump(100, *DIPS), jump(6500, SHORT), times=ROWS), rows_at(100, 6500),
         lost("t_mem", *DIPS), lost("t_gen", SHORT)),
    case("dense: no slingshots", curve(jump(100), jump(6500), times=ROWS), rows_at(100, 6500), lost("t_mem"),
         lost("t_gen")),
    case("dense: lost for more than a span", curve(jump(100), jump(6500, LONG), times=ROWS), rows_at(100, 13_000),
         lost("t_gen", LONG), AFTER_LONG),
    case("dense: a spike of ten rows", curve(jump(100), jump(6500, (3000, 3500, 1.0)), times=ROWS),
         rows_at(100, 6500)),
    case("dense: every tenth row is off", curve(jump(100), np.where(ROWS % 500 == 300, 0.4, jump(6500)), times=ROWS),
         rows_at(100, 6500), {"t_gen_lost": 27.0, "t_gen_lost_deepest": 0.4,
                              "t_gen_lost_longest": np.log10(6850 / 6800)}),
    case("dense: held from 18,500 of 20,000", curve(jump(100), jump(18_500), times=ROWS), NO_GEN,
         rows_at(100, 18_500) | {"t_gen": NAN, "t_gen_high": NAN, "t_gen_first": NAN, "delay_high": NAN, "width": NAN,
                                 "delay": np.log10(20_000 / (50 * 2**0.95))}, says("unconfirmed")),
    case("dense: held from 15,500 of 20,000", curve(jump(100), jump(15_500), times=ROWS), rows_at(100, 15_500)),
    case("never: bounded by the last row", curve(TRAIN, 0.0), MEMORIZES,
         {"t_gen_low": 1e5, "t_gen_high": NAN, "delay_low": 3.05, "delay_high": NAN, "t_gen_first": NAN,
          "t_gen_lost": NAN}),
    case("dense: the first row of each bin is off",
         curve(jump(100), np.where(FIRST_OF_BIN, 0.4, jump(6500)), times=ROWS), rows_at(100, 6500)),
    case("our own schedule: the budget is a checkpoint",
         curve(jump(100, times=OWN), jump(17_741, times=OWN), times=OWN),
         {"t_mem": 89 * (100 / 89) ** 0.95, "t_gen": 15_811 * (17_741 / 15_811) ** 0.95},
         {"width": 0.8 * np.log10(17_741 / 15_811), "delay_low": np.log10(15_811 / 100)},
         {"delay": np.log10(15_811 / 89) + 0.95 * np.log10(17_741 / 15_811 / (100 / 89))}),
    case("held at time 0 and once more", curve(patch(0 * TRAIN, 0, [1.0] * 2), TEST), NO_MEM, says("never_fits")),
    case("at the grain, delay .4975", curve(step(0), step(0.5)), mem(0.0), gen(0.4975, mem=0), QUICK,
         says("immediate", 0.0)),
    case("head before the log begins", curve(1.0, step(3.5, low=0.5)[at(2):], times=TIMES[at(2):]), mem(2.0), LEFT,
         {"t_gen": 10 ** (3.5 - 0.05 * 0.1), "delay": 1.495, "delay_censoring": "right", "head": 0.5, "width": 1.49},
         {"resolved": False}, says("unjudged"),
         {"notes": (FAR_APART.format("0 and 100", "2,818.38 and 3,162.28"), NO_SKILL, NO_RANK)}),
    case("at the first solve: open above", curve(step(0), TEST), mem(0.0), AT_GRAIN,
         {"t_mem_low": 0.0, "t_mem_high": 1.0, "delay_low": 3.95, "delay_high": NAN}),
    case("two rows far apart hold", curve([0, 0, 1, 1, 0, 1.0], 0.0, times=FAR), MEMORIZES,
         {"t_mem": 100 * 4**0.95, "delay": 3 * np.log10(4) + np.log10(4) * 0.05, "head": 0.0}),
    case("two rows far apart lose", curve([0, 0, 1, 1, 0, 0.0], 0.0, times=FAR), NO_MEM, NO_T_GEN,
         {"t_mem_first": 100 * 4**0.95}, says("unconfirmed")),
    case("rows too far apart for the delay", curve([0, 0, 1, 1, 1, 1.0], [0, 0, 0, 1, 1, 1.0], times=FAR),
         {"t_mem": 100 * 4**0.95, "t_gen": 400 * 4**0.95, "delay": np.log10(4), "width": 0.0}, says("unjudged"),
         {"delay_low": 0.0, "delay_high": np.log10(16)},
         {"notes": (FAR_APART.format("100 and 400", "400 and 1,600"), NO_SKILL, NO_RANK)}),
    case("rows too far apart for the head", curve([0, 0, 1, 1, 1, 1.0], [0, 0, 0.5, 0.5, 1, 1.0], times=FAR),
         {"t_mem": 100 * 4**0.95, "t_gen": 1600 * 4**0.9, "delay": np.log10(4) * 1.95, "head": 0.475},
         {"width": np.log10(4)}, says("unjudged"),
         {"notes": (FAR_APART.format("100 and 400", "1,600 and 6,400"), NO_SKILL, NO_RANK)}),
    case("rows far apart, and yet clear", curve([0, 0, 1, 1, 1, 1.0], [0, 0, 0, 0, 1, 1.0], times=FAR),
         {"t_mem": 100 * 4**0.95, "t_gen": 1600 * 4**0.95, "delay": np.log10(16), "width": 0.0}),
    case("still rising", curve(TRAIN, ramp(4, 5.5)), NO_GEN, says("partial", 0.0), {"head": 0.0},
         notes("partial: still rising at the end (held-out accuracy .75 at 100,000)")),
    case("falling", curve(TRAIN, ramp(3, 3.5, 0, 0.8) - ramp(4.5, 5.5, 0, 0.4)), NO_GEN, says("partial", 0.0),
         notes("partial: still falling at the end (held-out accuracy .70 at 100,000)")),
    case("all but flat", curve(TRAIN, ramp(3, 3.5, 0, 0.6) + ramp(4.75, 5, 0, 0.04)), NO_GEN, says("partial", 0.0),
         flat(".71", "3,162.28", ".62")),
]  # fmt: skip


def traced(columns, **attrs):
    """As `grokbench.trace` returns it."""
    frame = pd.DataFrame(columns)
    frame.attrs = attrs
    return frame


ATTRS = [
    case("attrs: chance", traced(curve(TRAIN, TEST), chance=0.25), chance=None),
    case("attrs: overruled", traced(curve(TRAIN, TEST), chance=0.5, ceiling=0.5, unit=9.0), ceiling=1.0, unit=1.0),
    case("attrs: ceiling", traced(curve(TRAIN, 0.8 * TEST), ceiling=0.8)),
    case("attrs: unit", traced(curve(step(1.45), TEST), unit=3.0), mem(1.4475), BELOW_TEN),
    case("attrs: baseline", traced(curve(TRAIN, TEST, test_loss=2 * (1 - ramp(3.2, 3.8))), baseline_loss=2.0), LOSS),
    case("attrs: classes", traced(curve(TRAIN, TEST, rank_auc=binary_auc(TEST)), n_classes=2),
         {"rank_delay": 2.025, "rank_width": 0.4, "notes": (NO_SKILL,)}),
]  # fmt: skip


def refused(name, columns, words, **attrs):
    """A case that raises UsageError with `words` in its message."""

    def call(module):
        try:
            return {"error": f"judged as {module.detect(columns, **{'chance': 0.25, **attrs}).outcome}"}
        except UsageError as error:
            return {"error": words if words in str(error) else str(error)}

    return Case(name, call, {"error": words})


GOOD = curve(TRAIN, TEST)
ERRORS = [
    refused("no test accuracy", {k: GOOD[k] for k in ("time", "train_accuracy")}, "no column 'test_accuracy'"),
    refused("no chance", GOOD, "chance is not known", chance=None),
    refused("chance 1", GOOD, "expected a share in [0, 1)", chance=1.0),
    refused("ceiling 0", GOOD, "expected a kappa in (0, 1]", ceiling=0.0),
    refused("ceiling 1.1", GOOD, "expected a kappa in (0, 1]", ceiling=1.1),
    refused("level 0", GOOD, "level = 0.0", level=0.0),
    refused("one class", GOOD, "n_classes = 1", n_classes=1),
    refused("baseline 0", curve(TRAIN, TEST, test_loss=1.0), "baseline_loss = 0.0", baseline_loss=0.0),
    refused("equal times", {**GOOD, "time": patch(TIMES, 5, [TIMES[4]])}, "times must be"),
    refused("negative time", {**GOOD, "time": patch(TIMES, 0, [-1.0])}, "times must be"),
    refused("infinite time", {**GOOD, "time": patch(TIMES, -1, [np.inf])}, "times must be"),
    refused("one checkpoint", {name: column[:1] for name, column in GOOD.items()}, "times must be"),
    refused("percentages", {**GOOD, "test_accuracy": 100 * GOOD["test_accuracy"]}, "divide by 100"),
    refused("negative accuracy", {**GOOD, "test_accuracy": -GOOD["test_accuracy"]}, "between 0 and 1"),
    refused("missing accuracy", {**GOOD, "train_accuracy": patch(GOOD["train_accuracy"], 7, [NAN])}, "at 1 times"),
]


def expected_kappa_rank(auc, classes):
    """By quadrature of the contract's integral; for two classes the accuracy at the optimal threshold."""
    d = np.sqrt(2) * norm.ppf(auc)
    if classes == 2:
        return 2 * norm.cdf(d / 2) - 1
    g = quad(lambda x: norm.pdf(x - d) * norm.cdf(x) ** (classes - 1), d - 10, d + 10, epsabs=1e-13)[0]
    return (g - 1 / classes) / (1 - 1 / classes)


FUNCTIONS = [
    *(
        Case(
            f"kappa_rank of {auc}, {classes} classes",
            lambda m, auc=auc, classes=classes: {"value": m.kappa_rank(np.array([auc]), classes)[0]},
            {"value": float(expected_kappa_rank(auc, classes))},
        )
        for auc in (0.3, 0.5, 0.8, 0.99)
        for classes in (2, 3, 31)
    ),
]
CASES = [
    *(CROSSINGS + TIME_ZERO + UNREACHED + COLLAPSES + LABELS + RESOLUTION),
    *(SKILL + RANK + CEILING + DENSE + ATTRS + ERRORS + FUNCTIONS),
]
