"""The documents as data: their blocks of code with the marks above them, their headings, their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
README, INDEX = ROOT / "README.md", ROOT / "docs" / "index.md"
DOCUMENTS = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "results" / "reference" / "README.md",
]
ILLUSTRATION = "illustration"
SUITE = (
    'title = "of a document"\nseeds = 1\n[[tasks]]\nname = "modular"\nmodulus = 7\n'  # for tables of learners to follow
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    language : bash, python, toml or another; empty for what a program printed.
    mark : the comment directly above it, such as ``<!-- my_learner.py -->``; empty without one.
    line : where it begins in its document.
    """

    document: Path
    language: str
    text: str
    mark: str
    line: int

    @property
    def executed(self) -> bool:
        """Whether it is more than an illustration."""
        return not self.mark.startswith(ILLUSTRATION)

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@cache
def tokens(document: Path) -> list:
    """What a parser of CommonMark makes of a document."""
    return MarkdownIt("commonmark").enable("table").parse(document.read_text(encoding="utf-8"))


@cache
def blocks(document: Path) -> list[Block]:
    """The blocks of code of a document, in order."""
    code, mark = [], ""
    for token in tokens(document):
        if token.type == "fence":
            code.append(Block(document, token.info.strip(), token.content, mark, token.map[0] + 1))
        comment = re.fullmatch(r"<!-- (.*?) -->\s*", token.content) if token.type == "html_block" else None
        mark = comment[1] if comment else ""
    return code


def all_blocks(language: str) -> list[Block]:
    """Every block of a language that is no illustration, in all documents."""
    return [block for path in DOCUMENTS for block in blocks(path) if block.language == language and block.executed]


def marked(name: str) -> Block:
    """The one block with a mark, wherever it stands."""
    (block,) = [block for path in DOCUMENTS for block in blocks(path) if block.mark == name]
    return block


def links(document: Path) -> Iterator[str]:
    """The targets of its links and pictures that lead to files, with their anchors."""
    for token in tokens(document):
        for piece in token.children or ():
            target = piece.attrGet("href") or piece.attrGet("src")
            if target and not re.match(r"[a-z]+:", str(target)):
                yield str(target)


@cache
def anchors(document: Path) -> set[str]:
    """What may stand behind # in a link to it: its headings as GitHub names them."""
    stream = tokens(document)
    return {
        anchor("".join(piece.content for piece in text.children))
        for before, text in pairwise(stream)
        if before.type == "heading_open"
    }


def anchor(heading: str) -> str:
    """A heading in lower case, blanks as hyphens, without punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
