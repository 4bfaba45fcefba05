"""A callback for Keras."""

from __future__ import annotations

from keras.callbacks import Callback

from grokbench.recorder.record import Recorder
from grokbench.recorder.watch import Watch, names_of


class RecorderCallback(Callback):
    """Keeps a record of `fit(..., validation_data=...)`, on the clock of epochs, the first one being 1.

    The training accuracy of Keras is the mean over the batches of the epoch, while the network changes.

    Parameters
    ----------
    recorder : what is written into.
    train_accuracy, test_accuracy, test_loss : names in the logs of Keras.
    stop_after : end training when nothing has improved for so many t_mem; None never does.
    """

    def __init__(
        self,
        recorder: Recorder,
        train_accuracy: str = "accuracy",
        test_accuracy: str = "val_accuracy",
        test_loss: str | None = "val_loss",
        stop_after: float | None = None,
    ):
        super().__init__()
        names = names_of(train_accuracy=train_accuracy, test_accuracy=test_accuracy, test_loss=test_loss)
        self.watch = Watch(recorder, names, stop_after)

    def on_epoch_end(self, epoch, logs=None) -> None:
        """The logs of an epoch; Keras counts them from 0."""
        if self.watch.see(epoch + 1, logs or {}):
            self.model.stop_training = True
