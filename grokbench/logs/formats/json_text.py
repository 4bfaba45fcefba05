"""JSON and JSON lines: records, dicts of lists, histories inside of anything else."""

from __future__ import annotations

import json
from pathlib import Path

from grokbench.errors import UsageError, shown
from grokbench.limits import LARGEST_UNPACKED
from grokbench.logs.compressed import DAMAGED, whole
from grokbench.logs.formats.base import Format, plain_suffix
from grokbench.logs.table import Table
from grokbench.logs.tree import table_of_records, tables_of_tree

LINES = (".jsonl", ".ndjson", ".jsonlines")


def read(path: Path) -> list[Table]:
    """The tables of a file. UsageError for what is no JSON, in one line with the number of the line."""
    try:
        text = whole(path, LARGEST_UNPACKED).decode("utf-8-sig")
    except (ValueError, OSError, EOFError, *DAMAGED) as error:
        raise UsageError(f"{path}: not a JSON file: {' '.join(str(error).split())}") from error
    if not text.strip():
        raise UsageError(f"{path}: no rows")
    try:
        return tables_of_tree(path, json.loads(text))
    except RecursionError as error:
        raise UsageError(f"{path}: nested deeper than any log") from error
    except ValueError as error:
        return _lines(path, text, error)


def _lines(path: Path, text: str, whole_error: ValueError) -> list[Table]:
    """The table of a file with a record per line; a last line that was cut off is left out."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    records, notes = [], ()
    for number, line in lines:
        try:
            record = json.loads(line)
        except RecursionError as error:
            raise UsageError(f"{path}: line {number} is nested deeper than any log") from error
        except ValueError as error:
            if not records:
                raise UsageError(f"{path}: not a JSON file: {' '.join(str(whole_error).split())}") from error
            if number != lines[-1][0]:
                raise UsageError(f"{path}: line {number} is no JSON: {shown(line)}; mend or remove it") from error
            notes = (f"line {number}, the last, is cut off and left out",)
            continue
        if not isinstance(record, dict):
            raise UsageError(f"{path}: line {number}: expected a record like {{...}}, got {shown(line)}")
        records.append(record)
    return [table_of_records(path, records, ()).noted(*notes)]


def _recognizes(path: Path, head: bytes) -> bool:
    if plain_suffix(path) in (".json", *LINES):
        return True
    return plain_suffix(path) not in (".csv", ".tsv") and head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"[")


FORMAT = Format("JSON", 5, _recognizes, read, (".json", *LINES))
