"""A callback for PyTorch Lightning."""

from __future__ import annotations

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:  # the older name of the same library
    from pytorch_lightning.callbacks import Callback

from grokbench.recorder.record import Recorder
from grokbench.recorder.watch import Watch, names_of


class RecorderCallback(Callback):
    """Keeps a record of what the module logs (`self.log(..., on_epoch=True)`), epoch by epoch, on the clock of steps.

    Parameters
    ----------
    recorder : what is written into; it travels in the checkpoint.
    train_accuracy, test_accuracy, test_loss : names under which the module logs them.
    stop_after : end training when nothing has improved for so many t_mem; None never does.
    """

    def __init__(
        self,
        recorder: Recorder,
        train_accuracy: str = "train_acc",
        test_accuracy: str = "val_acc",
        test_loss: str | None = "val_loss",
        stop_after: float | None = None,
    ):
        names = names_of(train_accuracy=train_accuracy, test_accuracy=test_accuracy, test_loss=test_loss)
        self.watch = Watch(recorder, names, stop_after)

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        """The metrics of the epoch, those of its validation among them."""
        if self.watch.see(trainer.global_step, trainer.callback_metrics):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, object]:
        """The record, for the checkpoint."""
        return self.watch.recorder.state_dict()

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """The record of the checkpoint from which training goes on."""
        self.watch.recorder.load_state_dict(state_dict)
