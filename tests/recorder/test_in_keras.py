"""The callback for Keras, in Keras with torch below it."""

import pytest
from support_runs_of_noise import CLASSES, matches, memorized_and_stopped, noise

from grokbench import MemorizedWarning, Recorder

# how Keras reads tensors of torch
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def train(keras, recorder, epochs, **options):
    from grokbench.recorder.keras import RecorderCallback

    keras.utils.set_random_seed(0)
    seen, unseen = noise()
    model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss, metrics=["accuracy"])
    callback = RecorderCallback(recorder, **options)
    return model.fit(
        *seen, validation_data=unseen, epochs=epochs, batch_size=60, verbose=0, callbacks=[callback]
    ).history


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_the_record_is_its_history(keras):
    recorder = Recorder(n_classes=CLASSES)
    history = train(keras, recorder, 3)
    matches(recorder, "train_accuracy", history["accuracy"])
    matches(recorder, "test_accuracy", history["val_accuracy"])
    matches(recorder, "test_loss", history["val_loss"])


def test_a_patience_in_t_mem_ends_it(keras):
    recorder = Recorder(n_classes=CLASSES)
    with pytest.warns(MemorizedWarning):
        train(keras, recorder, 300, stop_after=2)
    memorized_and_stopped(recorder, 300, 2)
