"""What is not opened: pickles, which are programs, and forms that other tools turn into a table in one line."""

from __future__ import annotations

from pathlib import Path

from grokbench.errors import UsageError
from grokbench.logs.formats.base import Format, plain_suffix
from grokbench.logs.table import Table

PICKLE = "a pickle is a program, and is not opened"
TORCH = f"{PICKLE}; write its history as CSV: pandas.DataFrame(torch.load(FILE, weights_only=True)[KEY]).to_csv(...)"
UNPACK = "expected a CSV table, plain or as .gz, .bz2 or .xz; unpack it first"
REASONS = {
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib", ".p"),
        f"{PICKLE}; in the program that made it, write pandas.DataFrame(history).to_csv('log.csv')",
    ),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), TORCH),
    ".npy": "one array without names; numpy.savez('log.npz', step=..., train_accuracy=..., test_accuracy=...) has them",
    **dict.fromkeys((".zip", ".tar", ".tgz", ".zst", ".7z", ".rar"), UNPACK),
    ".parquet": f"{UNPACK}: pandas.read_parquet(FILE).to_csv('log.csv')",
    ".feather": f"{UNPACK}: pandas.read_feather(FILE).to_csv('log.csv')",
    **dict.fromkeys((".h5", ".hdf5"), "HDF5 is not read; write its columns as CSV: pandas.read_hdf(FILE).to_csv(...)"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet is not read; save it as CSV"),
    ".mat": "write its columns as CSV: pandas.DataFrame(scipy.io.loadmat(FILE)[KEY]).to_csv('log.csv')",
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), "a database is not read; write a query's rows as CSV"),
}
MAGIC = {b"\x89HDF": ".h5", b"PAR1": ".parquet", b"ARROW1": ".feather", b"SQLite format 3": ".sqlite"}


def _reason(path: Path, head: bytes) -> str:
    suffix = plain_suffix(path)
    if suffix in REASONS:
        return REASONS[suffix]
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return REASONS[".pkl"]
    if head.startswith(b"PK\x03\x04") and suffix != ".npz":
        return TORCH if b"data.pkl" in head else UNPACK
    return next((REASONS[suffix] for magic, suffix in MAGIC.items() if head.startswith(magic)), "")


def _read(path: Path) -> list[Table]:
    with open(path, "rb") as file:
        raise UsageError(f"{path}: {_reason(path, file.read(512))}")


FORMAT = Format("not opened", 0, lambda path, head: bool(_reason(path, head)), _read)
