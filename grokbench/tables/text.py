"""Values as text: in a CSV file, on the screen, and in Markdown that nothing in them can break."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator

from grokbench.errors import one_line

LONGEST_CELL = 10_000  # characters: a list of options has hundreds
# Code, emphasis, deletion, mathematics and cells; an underscore inside a word is none, a bracket alone no link, and
# at the start of a line a sign is a list only before a blank.
_MARKUP = re.compile(r"[`*~$|]|(?<![^\W_])_|_(?![^\W_])|^\[|\](?=[\[(:])|^[#>=]|^[+-](?![\d.])|(?<=^\d)[.)](?=\s|$)")

FORMULA = ("=", "+", "-", "@")  # what begins a formula in a spreadsheet
Rows = list[dict[str, object]]


def plain(value: object, digits: int = 6) -> str:
    """A value as text: empty where undefined or infinite, true/false, floats with `digits` significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, f".{digits}g") if math.isfinite(value) else ""
    return one_line(str(value), LONGEST_CELL)


def readable(value: object) -> str:
    """A value with the precision that people read: three significant digits, and no exponent below a billion."""
    if isinstance(value, float) and math.isfinite(value) and abs(value) < 1e9:
        value = float(f"{value:.3g}")
        return plain(value, 10 if abs(value) >= 1 else 3)
    return plain(value, 3)


def interval_text(value: float, low: float, high: float) -> str:
    """A number with its interval; an end beyond the data is written as infinite. Empty where it is undefined."""
    return "" if math.isnan(value) else f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return readable(value)


def markdown(columns: dict[str, str], rows: Rows) -> str:
    """A Markdown table; `columns` maps keys of a row to headings. No value can break out of the table."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(escape(readable(row.get(key))) for key in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that Markdown (CommonMark, and the tables and mathematics of GitHub) and HTML show as it is, on one line."""
    text = one_line(text, LONGEST_CELL).strip().replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", text)


def csv_lines(columns: Iterable[str], rows: Iterable[dict], digits: int) -> Iterator[str]:
    """Lines of CSV with a header; what is undefined is empty, and no text is a formula to a spreadsheet."""
    columns, line = list(columns), io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    values = (map(row.get, columns) for row in rows)
    written = f".{digits}g"
    for texts in itertools.chain([columns], values):
        # nearly all values are finite numbers, of which a report writes tens of millions
        writer.writerow(
            [
                format(value, written) if type(value) is float and value - value == 0 else _harmless(value, digits)
                for value in texts
            ]
        )
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _harmless(value: object, digits: int) -> str:
    """A value as text; one that a spreadsheet would calculate gets an apostrophe before it, as they do themselves."""
    text = plain(value, digits)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
