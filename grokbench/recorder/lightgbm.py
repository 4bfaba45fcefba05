"""A callback for LightGBM."""

from __future__ import annotations

from lightgbm.callback import EarlyStopException

from grokbench.recorder.record import Recorder
from grokbench.recorder.watch import Watch, names_of


class RecorderCallback:
    """Keeps a record of `train(..., valid_sets=[train, test], valid_names=["train", "test"])`, on the clock of rounds.

    Parameters
    ----------
    recorder : what is written into.
    train, test : names of the two data sets in `valid_names`.
    error : the metric of errors, "multi_error" or "binary_error"; it has to be in the parameter `metric`.
    loss : a metric of losses, such as "multi_logloss"; None for none.
    stop_after : end training when nothing has improved for so many t_mem; None never does.
    """

    order = 30  # as that of the early stopping of LightGBM, after what prints and records
    before_iteration = False

    def __init__(
        self,
        recorder: Recorder,
        train: str = "train",
        test: str = "test",
        error: str = "multi_error",
        loss: str | None = None,
        stop_after: float | None = None,
    ):
        losses = f"{test}-{loss}" if loss else None
        names = names_of(train_accuracy=f"{train}-{error}", test_accuracy=f"{test}-{error}", test_loss=losses)
        self.watch = Watch(recorder, names, stop_after, errors=True)

    def __call__(self, env) -> None:
        """The metrics of a round; raises the library's own EarlyStopException to stop."""
        last = {f"{part}-{name}": value for part, name, value, *_ in env.evaluation_result_list}
        if self.watch.see(env.iteration + 1, last):
            raise EarlyStopException(env.iteration, env.evaluation_result_list)
