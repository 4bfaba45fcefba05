"""Tables that programs write into documents, between two marks: `<!-- name -->` and `<!-- end -->`.

What stands between the marks is written again by one command; what stands around them is for people to write.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def block(page: str, name: str) -> str:
    """What a page has between the marks of a name; ValueError where it has none."""
    match = _marked(name).search(page)
    if not match:
        raise ValueError(f"no block <!-- {name} --> … <!-- end -->")
    return match[2].strip()


def with_blocks(page: str, blocks: dict[str, str]) -> str:
    """The page with these blocks, by name, in place of its own; ValueError where it has no such marks."""
    for name, text in blocks.items():
        block(page, name)
        page = _marked(name).sub(lambda match, text=text: f"{match[1]}\n{text.strip()}\n\n{match[3]}", page)
    return page


def write_blocks(document: Path, blocks: dict[str, str]) -> None:
    """Put the blocks into a document."""
    document.write_text(with_blocks(document.read_text(encoding="utf-8"), blocks), encoding="utf-8")


def _marked(name: str) -> re.Pattern:
    return re.compile(rf"(<!-- {re.escape(name)} -->\n)(.*?)(<!-- end -->)", re.S)
