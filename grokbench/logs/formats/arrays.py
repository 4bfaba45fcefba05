"""Arrays in an ``.npz``: columns by name; a matrix is several runs of a column, whichever way it lies.

Arrays of objects are pickles and are not opened.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from grokbench.errors import UsageError
from grokbench.limits import LARGEST_UNPACKED, MOST_COLUMNS
from grokbench.logs.compressed import DAMAGED, whole
from grokbench.logs.formats.base import Format, plain_suffix
from grokbench.logs.table import Table
from grokbench.logs.tree import tables_of_tree
from grokbench.logs.words import rank_of_clock


def read(path: Path) -> list[Table]:
    """The tables of a file. UsageError for one that is damaged, too large, or has objects in it."""
    import numpy as np

    try:
        content = io.BytesIO(whole(path, LARGEST_UNPACKED))
        _check_size(path, content)
        with np.load(content) as stored:  # numpy opens no pickle unless it is asked to
            arrays = {name: _array(path, name, stored) for name in stored.files}
    except UsageError:
        raise
    except (ValueError, OSError, EOFError, KeyError, RuntimeError, NotImplementedError, *ZIP) as error:
        raise UsageError(f"{path}: not an .npz file: {' '.join(str(error).split())[:200]}") from error
    except (SyntaxError, TypeError, OverflowError, MemoryError, AttributeError) as error:  # a forged header
        raise UsageError(f"{path}: not an .npz file: {type(error).__name__} in the head of an array") from error
    return tables_of_tree(path, _tree(path, arrays))


ZIP = (zipfile.BadZipFile, *DAMAGED)


def _check_size(path: Path, content: io.BytesIO) -> None:
    """UsageError where what is packed says, or pretends, to be larger than a log that is unpacked."""
    with zipfile.ZipFile(content) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST_UNPACKED:
        raise UsageError(f"{path}: unpacked it is larger than {LARGEST_UNPACKED:,} bytes; take what is needed")
    content.seek(0)


def _array(path: Path, name: str, stored):
    import numpy as np

    try:
        array = np.asarray(stored[name])
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UsageError(f"{path}: array {name!r} holds objects, which are pickled, and is not opened") from error
    return array


def _tree(path: Path, arrays: dict) -> dict:
    """Arrays as lists of numbers; a matrix as several, of the length of a clock if there is one."""
    clocks = {array.shape[0] for name, array in arrays.items() if array.ndim == 1 and rank_of_clock(name) is not None}
    tree = {}
    for name, array in arrays.items():
        if array.dtype.kind not in "iufb" or array.size == 0:
            continue
        if array.ndim == 1:
            tree[name] = array.astype(float).tolist()
        elif array.ndim == 2:
            rows = array.T if array.shape[0] in clocks and array.shape[1] not in clocks else array
            if len(rows) > MOST_COLUMNS:
                raise UsageError(f"{path}: array {name!r} has {len(rows):,} rows: more runs than any log has columns")
            tree[name] = {f"{number}": row.astype(float).tolist() for number, row in enumerate(rows)}
    return tree


def _recognizes(path: Path, head: bytes) -> bool:
    return plain_suffix(path) == ".npz"


FORMAT = Format("NumPy arrays", 4, _recognizes, read, (".npz",))
