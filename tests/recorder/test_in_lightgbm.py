"""The callback for LightGBM, in LightGBM."""

import pytest
from support_runs_of_noise import CLASSES, matches, memorized_and_stopped, noise

from grokbench import MemorizedWarning, Recorder


@pytest.fixture
def lightgbm():
    """The library, imported where it is used: it takes seconds."""
    return pytest.importorskip("lightgbm")


def train(lightgbm, recorder, rounds, **options):
    from grokbench.recorder.lightgbm import RecorderCallback

    (seen, unseen), history = (lightgbm.Dataset(*split) for split in noise()), {}
    lightgbm.train(
        {"objective": "multiclass", "num_class": CLASSES, "metric": ["multi_error", "multi_logloss"]}
        | {"num_threads": 1, "min_data_in_leaf": 2, "verbose": -1},
        seen,
        rounds,
        valid_sets=[seen, unseen],
        valid_names=["train", "test"],
        callbacks=[RecorderCallback(recorder, loss="multi_logloss", **options), lightgbm.record_evaluation(history)],
    )
    return history


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_the_record_is_its_history(lightgbm):
    recorder = Recorder(n_classes=CLASSES)
    history = train(lightgbm, recorder, 5)
    matches(recorder, "train_accuracy", [1 - error for error in history["train"]["multi_error"]])
    matches(recorder, "test_accuracy", [1 - error for error in history["test"]["multi_error"]])
    matches(recorder, "test_loss", history["test"]["multi_logloss"])


def test_a_patience_in_t_mem_ends_it(lightgbm):
    recorder = Recorder(n_classes=CLASSES)
    with pytest.warns(MemorizedWarning):
        train(lightgbm, recorder, 2000, stop_after=5)
    memorized_and_stopped(recorder, 2000, 5)
