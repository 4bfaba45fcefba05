"""A callback for xgboost."""

from __future__ import annotations

from xgboost.callback import TrainingCallback

from grokbench.recorder.record import Recorder
from grokbench.recorder.watch import Watch, names_of


class RecorderCallback(TrainingCallback):
    """Keeps a record of `train(..., evals=[(train, "train"), (test, "test")])`, on the clock of rounds from 1.

    Parameters
    ----------
    recorder : what is written into.
    train, test : names of the two data sets in `evals`.
    error : the metric of errors, "merror" or "error" for two classes; it has to be in `eval_metric`.
    loss : a metric of losses, such as "mlogloss"; None for none.
    stop_after : end training when nothing has improved for so many t_mem; None never does.
    """

    def __init__(
        self,
        recorder: Recorder,
        train: str = "train",
        test: str = "test",
        error: str = "merror",
        loss: str | None = None,
        stop_after: float | None = None,
    ):
        super().__init__()
        losses = f"{test}-{loss}" if loss else None
        names = names_of(train_accuracy=f"{train}-{error}", test_accuracy=f"{test}-{error}", test_loss=losses)
        self.watch = Watch(recorder, names, stop_after, errors=True)

    def after_iteration(self, model, epoch: int, evals_log) -> bool:
        """The metrics of a round; whether to stop."""
        last = {f"{part}-{name}": values[-1] for part, metrics in evals_log.items() for name, values in metrics.items()}
        return self.watch.see(epoch + 1, last)
