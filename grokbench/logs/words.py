"""What the name of a column says: which split, which metric, which clock, and which run.

Names are taken apart into words, and the words are looked up. Nothing is guessed from a word that is not listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Split = Literal["train", "held-out", ""]
Metric = Literal["accuracy", "error", "loss", ""]

TRAIN = frozenset("train training trn tr trained".split())
HELD_OUT = frozenset(
    "val valid validation validate dev devel test testing tst te eval evaluation heldout holdout held ho oos".split()
)
ACCURACY = frozenset("acc accs accuracy accuracies accu correct top1 score scores".split())
ERROR = frozenset("err error errors errs merror errorrate misclassification misclassified zeroone".split())
LOSS = frozenset(
    "loss losses nll ce xent xentropy crossentropy logloss mlogloss bce mse rmse mae cost objective deviance".split()
)
SQUARED = frozenset("squared absolute mse rmse mae".split())  # losses of regressions: their best constant is not ln C
OTHER_METRIC = frozenset(
    "top2 top3 top5 top10 f1 auc auroc prauc ap map precision recall bleu rouge perplexity ppl mcc kappa r2".split()
)
STEP = {
    **dict.fromkeys("step steps".split(), 1),
    **dict.fromkeys("iteration iterations iter iters it itr update updates batch batches".split(), 2),
    **dict.fromkeys("tokens images kimg".split(), 3),
    **dict.fromkeys("epoch epochs ep".split(), 4),
    **dict.fromkeys("round rounds tree trees".split(), 5),
    **dict.fromkeys("time t tick ticks".split(), 6),
}  # word of a clock -> rank: the finest first
FROM_ZERO = frozenset("epoch epochs ep round rounds iteration iterations tree trees".split())  # libraries count from 0
SEEN = frozenset("examples samples tokens images seen processed".split())
WALL = frozenset(
    "wall walltime runtime timestamp timestamps seconds second sec secs elapsed duration date datetime hour hours "
    "minute minutes min ms created relative".split()
)
BESIDE_CLOCK = frozenset(
    "global num n total number index idx trainer optimizer optim opt gradient grad current boosting training "
    "train".split()
)
SIZE = frozenset("size sizes samples sample fraction frac param params parameter parameters range width".split())
BESIDE_SIZE = frozenset("train training n num number of dataset data set model hidden layer value values".split())
RUN = frozenset(
    "seed seeds run runs runid trial trials fold folds experiment exp replicate replicates rep repeat key variant "
    "config series job model learner method optimizer name id".split()
)
BESIDE_RUN = frozenset("random state number num index no".split())
SPLIT_COLUMN = frozenset("split phase mode set subset dataset partition stage".split())
TAG_COLUMN = frozenset("metric tag variable measure key name".split())
VALUE_COLUMN = frozenset("value values scalar".split())
# words that tell no run apart
NEUTRAL = frozenset(
    "epoch step iteration metrics metric value values log logs history scalars scalar csv mean avg average multiclass "
    "binary categorical sparse multi overall rate percent pct percentage out set split data dataset curve curves run "
    "tag results result export wandb tensorboard tb cross entropy softmax of on by the full final sup".split()
)
# what a curve of its own is not: kept out where another column says the same without
LESSER = frozenset("step batch running ema smooth smoothed smoothing balanced macro swa".split())
EXCLUDED = frozenset("std stderr sem var min max lower upper ci best count per lr grad norm delta".split())
_ONE = re.compile(r"(?:acc|accuracy|prec|top)@1(?!\d)|top[_-]?1(?!\d)|(?<![a-z])(?:acc|prec)1(?!\d)")
_FIVE = re.compile(r"(?:acc|accuracy|prec|top)@\d+|top[_-]?(?!1(?!\d))\d+|(?<![a-z])(?:acc|prec)5(?!\d)")
_GLUED = re.compile(
    r"^(train|training|trn|tr|val|valid|validation|test|testing|tst|eval|dev)"
    r"(acc|accs|accuracy|err|errs|error|errors|loss|losses|top1|nll|score|step|steps|epoch)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=65536)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: ``valAcc``, ``val/acc`` and ``val_acc`` have the same."""
    text = _CAMEL.sub("_", name).lower().replace("%", " percent ")
    text = _FIVE.sub(" top5 ", _ONE.sub(" top1 ", text))
    parts = [part for part in re.split(r"[\W_]+", text) if part]
    return tuple(word for part in parts for word in _unglued(part))


def _unglued(part: str) -> tuple[str, ...]:
    match = _GLUED.match(part)
    return match.groups() if match else (part,)


@dataclass(frozen=True)
class Role:
    """What the name of a column says of it.

    Parameters
    ----------
    split : "train", "held-out", or "" where the name says neither.
    metric : "accuracy", "error", "loss", or "" for what is none of these.
    label : the words that are left, which tell one curve from another: a run, a task, a data set.
    lesser : it is a batch's value, a running mean or the like: taken only where nothing else is there.
    """

    split: Split
    metric: Metric
    label: tuple[str, ...]
    lesser: bool = False


@lru_cache(maxsize=65536)
def role_of(name: str) -> Role:
    """The role that a column's name gives it."""
    words = words_of(name)
    metric = _metric(words)
    split = split_of(words)
    label = tuple(word for word in words if word not in _ROLE_WORDS)
    return Role(split, metric, label, any(word in LESSER for word in words))


def split_of(words: tuple[str, ...]) -> Split:
    """The split that words name; training where both are named: ``eval_train`` is an evaluation of training data."""
    if any(word in TRAIN for word in words):
        return "train"
    return "held-out" if any(word in HELD_OUT for word in words) else ""


def _metric(words: tuple[str, ...]) -> Metric:
    if any(word in EXCLUDED or word in OTHER_METRIC for word in words):
        return ""
    if any(word in ACCURACY for word in words):
        return "accuracy"
    if any(word in ERROR for word in words) and not SQUARED & set(words):
        return "error"
    loss = any(word in LOSS for word in words) or {"cross", "entropy"} <= set(words) or SQUARED & set(words)
    if loss and {"zero", "one"} <= set(words):
        return "error"
    return "loss" if loss else ""


_ROLE_WORDS = TRAIN | HELD_OUT | ACCURACY | ERROR | LOSS | SQUARED | NEUTRAL | LESSER


def rank_of_clock(name: str) -> int | None:
    """How good a clock a column of this name is, 0 the best; None for what is no clock."""
    words = words_of(name)
    if any(word in WALL for word in words) and not (set(words) <= STEP.keys() | {"min"}):
        return None
    ranks = [STEP[word] for word in words if word in STEP]
    allowed = STEP.keys() | BESIDE_CLOCK | HELD_OUT | TRAIN
    if not ranks and len(words) > 1 and set(words) <= SEEN | BESIDE_CLOCK and set(words) & {"seen", "processed"}:
        return 3
    if not ranks or not set(words) <= allowed or len(ranks) > 1:
        return None
    if name == "_step":  # counts the calls of the logger
        return 3
    return 0 if "global" in words else min(ranks)


def counts_from_zero(name: str) -> bool:
    """Whether libraries call 0 what is over when the row is written: an epoch, a boosting round."""
    return any(word in FROM_ZERO for word in words_of(name))


def is_wall_clock(name: str) -> bool:
    """Whether a column's name speaks of seconds or dates."""
    words = words_of(name)
    return (any(word in WALL for word in words) or ("time" in words and len(words) > 1)) and not _metric(words)


def is_size(name: str) -> bool:
    """Whether a column's name speaks of amounts of data or of models: each row is then another model."""
    words = set(words_of(name))
    return bool(words & SIZE) and words <= SIZE | BESIDE_SIZE


def is_run(name: str) -> bool:
    """Whether a column's name says that it tells runs apart: a seed, a fold, a trial."""
    words = set(words_of(name))
    return bool(words & RUN) and words <= RUN | BESIDE_RUN


def is_smoothed(name: str) -> bool:
    """Whether a column's name says that it was smoothed."""
    return bool(set(words_of(name)) & {"smooth", "smoothed", "ema", "smoothing"})
