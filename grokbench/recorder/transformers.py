"""A callback for the Trainer of Hugging Face transformers."""

from __future__ import annotations

from transformers import TrainerCallback

from grokbench.recorder.record import Recorder
from grokbench.recorder.watch import Watch, names_of


class RecorderCallback(TrainerCallback):
    """Has the Trainer evaluate on the geometric grid, and keeps a record of what it says.

    The Trainer knows no training accuracy of its own: give it `eval_dataset={"train": ..., "test": ...}` and
    `compute_metrics`.

    Parameters
    ----------
    recorder : what is written into.
    train_accuracy, test_accuracy, test_loss : names of the Trainer's metrics.
    stop_after : end training when nothing has improved for so many t_mem; None never does.
    """

    def __init__(
        self,
        recorder: Recorder,
        train_accuracy: str = "eval_train_accuracy",
        test_accuracy: str = "eval_test_accuracy",
        test_loss: str | None = "eval_test_loss",
        stop_after: float | None = None,
    ):
        names = names_of(train_accuracy=train_accuracy, test_accuracy=test_accuracy, test_loss=test_loss)
        self.watch = Watch(recorder, names, stop_after)

    def on_step_end(self, args, state, control, **kwargs):
        """Evaluate where a checkpoint of the grid has come."""
        control.should_evaluate |= self.watch.recorder.due(state.global_step)
        return control

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        """The metrics of one of the data sets."""
        if self.watch.see(state.global_step, metrics or {}):
            control.should_training_stop = True
        return control
