"""A log of every format and layout, damaged, given to `detect`: detections, or one line that says what is wrong."""

import csv
import importlib.util
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import support_layouts as layouts
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support_damage import NASTY_NUMBERS, NASTY_TEXTS, damaged, damaged_bytes
from support_watch import answer

pytestmark = pytest.mark.fuzz
EXAMPLES = 1000 if settings.default.max_examples > 1000 else 15  # of each format; --full makes it a thousand
RUN = layouts.Run(every=20)
COLUMNS = (
    "step",
    "epoch",
    "_step",
    "train_acc",
    "test_acc",
    "val_acc",
    "train_loss",
    "seed",
    "split",
    "metric",
    "value",
)


@pytest.fixture(autouse=True, scope="module")
def libraries_loaded():
    """As `support_watch.warm`: what an import executes once is done before anything is watched."""
    for library, modules in LIBRARIES.items():
        if importlib.util.find_spec(library):
            for module in modules:
                importlib.import_module(module)


LIBRARIES = {
    "tensorboard": ("tensorboard.backend.event_processing.event_file_loader", "tensorboard.util.tensor_util"),
    "wandb": ("wandb.proto.wandb_internal_pb2",),
}


def written(layout) -> list[tuple[str, bytes]]:
    """Name and content of the files of a layout."""
    with tempfile.TemporaryDirectory() as folder:
        for path in layout(RUN, Path(folder)):
            files = [path] if path.is_file() else sorted(path.iterdir())
        files = sorted(Path(folder).iterdir())
        return [(path.name, path.read_bytes()) for path in files]


def rows_of(content: bytes) -> list:
    """The cells of a CSV."""
    return list(csv.reader(io.StringIO(content.decode())))


def as_csv(rows: object) -> bytes:
    """Rows as CSV; what is no list of rows is written as it is."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows if isinstance(rows, list) else [rows]:
        try:
            writer.writerow(row if isinstance(row, list) else [row])
        except (ValueError, csv.Error):  # a number of thousands of digits
            text.write(",,\n")
    return text.getvalue().encode("utf-8", "surrogatepass")


def as_json(tree: object) -> bytes:
    """A tree as JSON, as far as JSON can say it."""
    try:
        return json.dumps(tree, default=str).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return b"{"


def as_lines(records: object) -> bytes:
    """A record per line."""
    return b"".join(as_json(record) + b"\n" for record in records) if isinstance(records, list) else as_json(records)


arrays = st.one_of(
    st.lists(st.floats(), max_size=12).map(np.array),
    st.lists(st.sampled_from(NASTY_TEXTS), max_size=5).map(lambda texts: np.array(texts, dtype="U10")),
    st.sampled_from([np.zeros((2, 30)), np.zeros((3, 3, 3)), np.array(1.0), np.zeros(0), np.array([1j, 2])]),
    st.sampled_from([np.array([True, False]), np.array([2**63], dtype=np.uint64), np.array([{}, 1], dtype=object)]),
)


@st.composite
def odd_archives(draw):
    """An .npz with other arrays in place of some."""
    steps = np.array([*RUN.test])
    named = {"step": steps, "train_acc": np.linspace(0, 1, len(steps)), "test_acc": np.linspace(0, 1, len(steps))}
    for name in draw(st.lists(st.sampled_from((*COLUMNS, "a/b", "../x")), max_size=3)):
        named[name] = draw(arrays)
    file = io.BytesIO()
    np.savez(file, **named)
    return file.getvalue()


XGBOOST = {"train": {"error": [0.5, 0.2, 0.1, 0.0] * 3}, "eval": {"error": [0.5, 0.4, 0.3, 0.2] * 3}}


def damages(layout):
    """Damaged files of a layout: (name, content) each; the structure where there is one, and the bytes."""
    files = written(layout)
    name, content = files[0]
    kinds = [damaged_bytes(content)]
    if name.endswith((".csv", ".tsv")) and b"," in content:
        kinds += [damaged(rows_of(content), names=COLUMNS).map(as_csv)] * 2
    if name.endswith(".json"):
        kinds += [damaged(json.loads(content), names=COLUMNS).map(as_json)] * 2
    if name.endswith(".jsonl"):
        kinds += [damaged([json.loads(line) for line in content.splitlines()], names=COLUMNS).map(as_lines)] * 2
    if name.endswith(".npz"):
        kinds += [odd_archives()] * 2
    return st.one_of(kinds).map(lambda data: [(name, data), *files[1:]])


def boosting(run, folder):
    """What xgboost keeps."""
    (folder / "evals.json").write_text(json.dumps(XGBOOST))
    return [folder / "evals.json"]


def events(run, folder):
    """The head of an event file of TensorBoard."""
    path = folder / "events.out.tfevents.1"
    path.write_bytes(bytes.fromhex("18000000000000009f1f2a8a") + b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2" * 4)
    return [path]


def wandb_run(run, folder):
    """A file of W&B with a record that holds no history."""
    path = folder / "run.wandb"
    path.write_bytes(b":W&B\xe1\xbe\x00" + b"\0\0\0\0\x05\0\x01\x08\x01\x12\x01a" * 3)
    return [path]


NAMED = [f"{option}={name}" for option in ("--time", "--train", "--test", "--series") for name in COLUMNS]
OTHERS = (
    *("--json", "--order=last", "--order=runs", "--order=segments", "--unit=percent", "--unit=error", "--unit=loss"),
    *(
        "--offset=1",
        "--offset=-1",
        "--offset=1e308",
        "--classes=4",
        "--chance=0.1",
        "--format=csv",
        "--format=markdown",
    ),
    *("--test-unit=share", "--baseline-loss=2", "--ceiling=0.5", "--level=0.5"),
)
ORDERED = st.lists(st.sampled_from((*NAMED, *OTHERS)), max_size=3)


@pytest.mark.parametrize("layout", [*layouts.LAYOUTS, boosting, events, wandb_run], ids=lambda layout: layout.__name__)
def test_every_format_is_judged_or_refused_in_one_line(tmp_path, layout):
    @settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(files=damages(layout), options=st.just(["--classes=23"]) | ORDERED)
    def judged_or_refused(files, options):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, content in files:
            (tmp_path / name).write_bytes(content)
        paths = [tmp_path] if layout is layouts.tensorboard_folder else [tmp_path / name for name, _ in files]
        status, *_ = answer(tmp_path / "nothing", "detect", *paths, *options)
        event(f"status {status}")
        assert status in (0, 2)

    judged_or_refused()


numbers = st.sampled_from([repr(number) for number in NASTY_NUMBERS if number != 10**400]) | st.floats(0, 1).map(str)


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_numbers_under_any_names(tmp_path, data):
    names = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=3, max_size=6, unique=True))
    rows = data.draw(st.lists(st.lists(numbers, min_size=len(names), max_size=len(names)), max_size=8))
    (tmp_path / "log.csv").write_bytes(as_csv([names, *rows]))
    status, *_ = answer(tmp_path / "nothing", "detect", tmp_path / "log.csv", *data.draw(ORDERED))
    assert status in (0, 2)
