"""The ``.wandb`` file of a run, through the library ``wandb`` where it is installed."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.logs.formats.base import Format, check_readable, plain_suffix
from grokbench.logs.table import Table
from grokbench.logs.tree import table_of_records

CONVERSION = (
    "a .wandb file is read with the package wandb (pip install wandb); "
    "or export it: wandb.Api().run('ENTITY/PROJECT/RUN').history().to_csv('log.csv')"
)


def read(path: Path) -> list[Table]:
    """The history of the run. UsageError with the conversion where the library is not installed."""
    check_readable(path, "wandb", CONVERSION)
    records, ended = _history(path)
    if not records:
        raise UsageError(f"{path}: no history in it")
    table = table_of_records(path, records, ())
    return [table if ended else table.noted("the run has not ended in its file: it is still written, or was killed")]


def _history(path: Path) -> tuple[list[dict], bool]:
    """The rows of the history, as they were logged, and whether the run ended. A record cut off is left out."""
    try:
        from wandb.proto.wandb_internal_pb2 import Record

        messages = [Record.FromString(record) for record in framed(path.read_bytes())]
        kinds = [message.WhichOneof("record_type") for message in messages]
        rows = [_row(message.history) for message, kind in zip(messages, kinds, strict=True) if kind == "history"]
        return rows, "exit" in kinds
    except UsageError:
        raise
    except Exception as error:  # the library raises its own kinds for what is damaged
        raise UsageError(f"{path}: not a .wandb file: {type(error).__name__}: {error}") from error


def framed(content: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format, after its head of seven bytes.

    Blocks of 32 KiB hold fragments: a checksum of 4 bytes, a length of 2, a kind of 1 (whole, first, middle, last). The
    package wandb read this format in Python until 0.20, and no longer does.
    """
    position, record = HEAD, b""
    while position + FRAGMENT <= len(content):
        left = BLOCK - position % BLOCK
        if left < FRAGMENT:  # too little for another fragment: filled with zeros
            position += left
            continue
        length, kind = struct.unpack("<HB", content[position + 4 : position + FRAGMENT])
        fragment = content[position + FRAGMENT : position + FRAGMENT + length]
        if len(fragment) < length or kind not in (WHOLE, FIRST, MIDDLE, LAST):
            return
        record = fragment if kind in (WHOLE, FIRST) else record + fragment
        if kind in (WHOLE, LAST):
            yield record
        position += FRAGMENT + length


HEAD, BLOCK, FRAGMENT = 7, 2**15, 7  # bytes
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def _row(history) -> dict:
    """One row; a name is a key, or the keys that lead to it."""
    row = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in history.item}
    row.setdefault("_step", history.step.num)
    return row


FORMAT = Format("W&B run", 3, lambda path, head: plain_suffix(path) == ".wandb", read, (".wandb",))
