"""One run written in the layouts that loggers and people use; each returns the files to be read."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np

CLASSES = 23
TRAIN_STEPS = np.arange(0, 3001, 10)
TEST_STEPS = np.arange(0, 3001, 30)


def share(steps: np.ndarray, at: float, width: float = 0.05) -> np.ndarray:
    """Accuracies that rise from chance to 1 around a time, rounded as logs round them."""
    chance = 1 / CLASSES
    with np.errstate(divide="ignore"):
        height = 1 / (1 + np.exp(-(np.log10(np.maximum(steps, 1e-9)) - np.log10(at)) / width))
    return np.round(chance + (1 - chance) * np.where(height > 0.995, 1, height), 4)


def loss(accuracy: np.ndarray) -> np.ndarray:
    """A loss that falls as an accuracy rises, from ln C."""
    return np.round(np.log(CLASSES) * (1 - accuracy) * CLASSES / (CLASSES - 1), 5)


class Run:
    """The accuracies of a run, training and held-out on grids of their own."""

    def __init__(self, t_mem: float = 60, t_gen: float = 900, every: int = 1):
        ours, theirs = TRAIN_STEPS[::every], TEST_STEPS[::every]
        self.train = dict(zip(map(int, ours), map(float, share(ours, t_mem)), strict=True))
        self.test = dict(zip(map(int, theirs), map(float, share(theirs, t_gen)), strict=True))

    @property
    def steps(self) -> list[int]:
        """All steps at which there is a value."""
        return sorted({*self.train, *self.test})

    def rows(self) -> list[tuple[int, float | None, float | None]]:
        """(step, training, held-out), None where there is none."""
        return [(step, self.train.get(step), self.test.get(step)) for step in self.steps]

    def joint(self) -> list[tuple[int, float, float]]:
        """The rows that have both."""
        return [(step, self.train[step], self.test[step]) for step in self.test]


def write_rows(path: Path, names, rows, delimiter=",", decimal=".") -> Path:
    """A delimited file; None is an empty cell."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow(["" if v is None else str(v).replace(".", decimal) for v in row])
    return path


def wide(run, folder, names=("step", "train_acc", "test_acc")):
    """One row per step, empty cells where a curve has no value."""
    return [write_rows(folder / "log.csv", names, run.rows())]


def lightning(run, folder, names=("step", "train_acc_epoch", "val_acc")):
    """Training and validation on rows of their own, beside the accuracy of a batch and the number of the epoch."""
    step, train, test = names
    rows = []
    for number, (at, ours, theirs) in enumerate(run.rows()):
        rows.append((number // 3, at, None, 0.5 if number % 2 else 0.9, None, 1.5))
        rows += [(number // 3, at, None, None, theirs, None)] if theirs is not None else []
        rows += [(number // 3, at, ours, None, None, None)] if ours is not None else []
    return [write_rows(folder / "metrics.csv", ("epoch", step, train, "train_acc_step", test, "train_loss_step"), rows)]


def wandb_history(run, folder, names=("_step", "train/acc", "val/acc")):
    """An index, `_step`, `_runtime`, `_timestamp`; never both curves in one row."""
    rows, number = [], 0
    for at, ours, theirs in run.rows():
        for values in ((ours, None), (None, theirs)):
            if values != (None, None):
                rows.append((number, at, number * 0.1, 1.7e9 + number, *values))
                number += 1
    return [write_rows(folder / "history.csv", ("", names[0], "_runtime", "_timestamp", *names[1:]), rows)]


def wandb_panel(run, folder, names=("Step", "train/acc", "val/acc")):
    """`run - metric` with the ranges beside."""
    metrics = [f"glad-sun-7 - {name}" for name in names[1:]]
    head = [names[0], *(f"{metric}{end}" for metric in metrics for end in ("", "__MIN", "__MAX"))]
    return [write_rows(folder / "export.csv", head, [(at, *[a] * 3, *[b] * 3) for at, a, b in run.joint()])]


def tensorboard(run, folder, names=("Step", "train_acc", "val_acc")):
    """A file per tag."""
    return [
        write_rows(
            folder / f"{name.replace('/', '_')}.csv",
            ("Wall time", names[0], "Value"),
            [(1.7e9 + at / 7, at, value) for at, value in curve.items()],
        )
        for name, curve in zip(names[1:], (run.train, run.test), strict=True)
    ]


def tensorboard_folder(run, folder, names=("Step", "train", "validation")):
    """A folder of a file per run, as the writer of two runs leaves it."""
    for name, curve in zip(names[1:], (run.train, run.test), strict=True):
        rows = [(1.7e9 + at / 7, at, value) for at, value in curve.items()]
        write_rows(folder / f"run-{name}-tag-epoch_accuracy.csv", ("Wall time", names[0], "Value"), rows)
    return [folder]


def split_column(run, folder, names=("step", "train", "val")):
    """A column that names the split."""
    rows = [(at, names[1], value) for at, value in run.train.items()]
    rows += [(at, names[2], value) for at, value in run.test.items()]
    return [write_rows(folder / "long.csv", (names[0], "split", "accuracy"), sorted(rows))]


def tag_column(run, folder, names=("step", "train/acc", "test/acc")):
    """A column of names and one of values."""
    rows = [(at, names[1], value) for at, value in run.train.items()]
    rows += [(at, names[2], value) for at, value in run.test.items()]
    return [write_rows(folder / "tidy.csv", (names[0], "metric", "value"), sorted(rows))]


def json_lines(run, folder, names=("step", "train", "test")):
    """A nested record per line."""
    path = folder / "metrics.jsonl"
    lines = [
        {names[0]: at} | {n: {"accuracy": v} for n, v in zip(names[1:], values, strict=True) if v is not None}
        for at, *values in run.rows()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return [path]


def dict_of_lists(run, folder, names=("step", "train_acc", "test_acc")):
    """JSON with a list per column."""
    path = folder / "history.json"
    columns = dict(zip(names, map(list, zip(*run.joint(), strict=True)), strict=True))
    path.write_text(json.dumps(columns), encoding="utf-8")
    return [path]


def lists_of_two_lengths(run, folder, names=("train_steps", "train_acc", "test_acc")):
    """JSON with a clock per split."""
    path = folder / "history.json"
    columns = {names[0]: [*run.train], "eval_steps": [*run.test], names[1]: [*run.train.values()]}
    path.write_text(json.dumps(columns | {names[2]: [*run.test.values()]}), encoding="utf-8")
    return [path]


def trainer_state(run, folder, names=("step", "eval_train_accuracy", "eval_test_accuracy")):
    """The state of the Hugging Face Trainer."""
    history = [{"step": at, "epoch": at / 4, "loss": 1.0, "learning_rate": 0.01} for at in run.train]
    history += [{names[0]: at, "epoch": at / 4, names[1]: value} for at, value in run.train.items()]
    history += [{names[0]: at, "epoch": at / 4, names[2]: value} for at, value in run.test.items()]
    history.sort(key=lambda record: record["step"])
    state = {"best_metric": None, "log_history": history, "global_step": 3000, "stateful_callbacks": {"a": {"b": 1}}}
    path = folder / "trainer_state.json"
    path.write_text(json.dumps(state, indent=1), encoding="utf-8")
    return [path]


def arrays(run, folder, names=("step", "train_acc", "test_acc")):
    """Arrays by name."""
    path = folder / "log.npz"
    np.savez(path, **dict(zip(names, map(np.array, zip(*run.joint(), strict=True)), strict=True)))
    return [path]


def compressed(run, folder, names=("step", "train_acc", "test_acc")):
    """A CSV in gzip."""
    (path,) = wide(run, folder, names)
    packed = folder / "log.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return [packed]


def semicolons(run, folder, names=("step", "train_acc", "test_acc")):
    """Semicolons between cells, commas in numbers."""
    return [write_rows(folder / "log.csv", names, run.rows(), ";", ",")]


def tabs(run, folder, names=("step", "train_acc", "test_acc")):
    """Tabs between cells."""
    return [write_rows(folder / "log.tsv", names, run.rows(), "\t")]


def blanks(run, folder, names=("step", "train_acc", "test_acc")):
    """Columns as numpy.savetxt writes them, the names in a comment."""
    path = folder / "log.txt"
    np.savetxt(path, run.joint(), header=" ".join(names), fmt="%.6g")
    return [path]


LAYOUTS = (
    *(wide, lightning, wandb_history, wandb_panel, tensorboard, tensorboard_folder, split_column, tag_column),
    *(json_lines, dict_of_lists, lists_of_two_lengths, trainer_state, arrays, compressed, semicolons, tabs, blanks),
)
