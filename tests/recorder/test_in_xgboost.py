"""The callback for xgboost, in xgboost."""

import pytest
from support_runs_of_noise import CLASSES, matches, memorized_and_stopped, noise

from grokbench import MemorizedWarning, Recorder


@pytest.fixture
def xgboost():
    """The library, imported where it is used: it takes seconds."""
    return pytest.importorskip("xgboost")


def train(xgboost, recorder, rounds, **options):
    from grokbench.recorder.xgboost import RecorderCallback

    history, (seen, unseen) = {}, (xgboost.DMatrix(*split) for split in noise())
    xgboost.train(
        {"objective": "multi:softprob", "num_class": CLASSES, "eta": 0.1, "eval_metric": ["merror", "mlogloss"]}
        | {"nthread": 1, "max_depth": 3},
        seen,
        rounds,
        evals=[(seen, "train"), (unseen, "test")],
        evals_result=history,
        verbose_eval=False,
        callbacks=[RecorderCallback(recorder, loss="mlogloss", **options)],
    )
    return history


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_the_record_is_its_history(xgboost):
    recorder = Recorder(n_classes=CLASSES)
    history = train(xgboost, recorder, 5)
    matches(recorder, "train_accuracy", [1 - error for error in history["train"]["merror"]])
    matches(recorder, "test_accuracy", [1 - error for error in history["test"]["merror"]])
    matches(recorder, "test_loss", history["test"]["mlogloss"])


def test_a_patience_in_t_mem_ends_it(xgboost):
    recorder = Recorder(n_classes=CLASSES)
    with pytest.warns(MemorizedWarning):
        train(xgboost, recorder, 2000, stop_after=5)
    memorized_and_stopped(recorder, 2000, 5)
