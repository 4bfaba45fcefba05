"""TensorBoard's event files, through the library ``tensorboard`` where it is installed."""

from __future__ import annotations

from pathlib import Path

from grokbench.errors import UsageError
from grokbench.logs.formats.base import Format, check_readable
from grokbench.logs.table import Table
from grokbench.logs.tree import tables_of_tree

CONVERSION = (
    "a TensorBoard event file is read with the package tensorboard (pip install tensorboard); "
    "or download each tag as CSV from its page (Scalars, 'Show data download links')"
)


def read(path: Path) -> list[Table]:
    """A table per scalar tag. UsageError with the conversion where the library is not installed."""
    check_readable(path, "tensorboard", CONVERSION)
    scalars = _scalars(path)
    if not scalars:
        raise UsageError(f"{path}: no scalars in it")
    return [
        table
        for tag, events in scalars.items()
        for table in tables_of_tree(path, {"Step": [step for step, _ in events], tag: [value for _, value in events]})
    ]


def _scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag -> (step, value) in the order of the file. A record cut off at its end is left out."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    scalars: dict[str, list[tuple[int, float]]] = {}
    try:
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value if event.HasField("summary") else ():
                number = make_ndarray(value.tensor) if value.HasField("tensor") else value.simple_value
                if getattr(number, "size", 1) == 1 and getattr(getattr(number, "dtype", None), "kind", "f") in "fiu":
                    scalars.setdefault(value.tag, []).append((int(event.step), float(number)))
    except Exception as error:  # the library raises its own kinds for what is damaged
        raise UsageError(f"{path}: not an event file: {type(error).__name__}: {error}") from error
    return scalars


def _recognizes(path: Path, head: bytes) -> bool:
    return "tfevents" in path.name


FORMAT = Format("TensorBoard events", 2, _recognizes, read, ())
