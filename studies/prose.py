"""How long the sentences of the documents are: words a sentence, share of long ones, sentences with two parentheses.

python studies/prose.py                 # the README in full, of every other document the first screen
python studies/prose.py --all README.md docs/logs.md      # whole documents

Code blocks, tables, headings, pictures and comments are no prose. A piece of code in a line is one word.
A link is its text. Each item of a list begins sentences of its own.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIRST_SCREEN = 40  # lines of prose
LONG = 30  # words
HEADING_WORDS = 5  # bold words that open a paragraph and end in a stop: a heading within the line
ABBREVIATIONS = ("e.g", "i.e", "etc", "cf", "vs", "et al", "Fig", "Eq", "Sec", "approx", "resp", "St", "Dr", "No")
CODE = "code"  # stands for a piece of code in a line
_OPENS = (
    r"""["'“‘(\[]*[A-Z0-9≥≤]|(?:code|grokbench)\b|[\w/-]+\.(?:md|toml|csv|svg|py)\b"""  # what a sentence begins with
)
_END = re.compile(r"""[.!?…]["'”’)\]]*\s+(?=""" + _OPENS + ")")
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:" + "|".join(map(re.escape, ABBREVIATIONS)) + r")\.\s+$")
_NUMBERED = re.compile(r"^\d+\.\s+$")  # "1. A claim" is one sentence


@dataclass(frozen=True)
class Prose:
    """The sentences of one document.

    sentences : their texts, in order.
    """

    sentences: Sequence[str]

    @property
    def words_a_sentence(self) -> float:
        """Their mean number of words; 0 without any sentence."""
        lengths = [words(sentence) for sentence in self.sentences]
        return sum(lengths) / len(lengths) if lengths else 0.0

    @property
    def long_ones(self) -> list[str]:
        """Sentences of more than `LONG` words."""
        return [sentence for sentence in self.sentences if words(sentence) > LONG]

    @property
    def share_long(self) -> float:
        """Their share of all sentences."""
        return len(self.long_ones) / len(self.sentences) if self.sentences else 0.0

    @property
    def crowded(self) -> list[str]:
        """Sentences with more than one parenthesis."""
        return [sentence for sentence in self.sentences if sentence.count("(") > 1]


def prose_of(text: str, lines: float = float("inf")) -> Prose:
    """The sentences of a document in Markdown, of paragraphs and items until so many lines of prose are full."""
    sentences, used = [], 0
    for paragraph, height in paragraphs(text):
        if used >= lines:
            break
        used += height
        sentences += sentences_of(paragraph)
    return Prose(sentences)


def paragraphs(text: str) -> Iterator[tuple[str, int]]:
    """Each paragraph or item of a list as plain text, and how many lines of the document it takes."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for before, token in pairwise(tokens):
        if token.type == "inline" and before.type == "paragraph_open":
            plain = " ".join(_plain(_without_heading(token.children)).split())
            if plain:
                yield plain, token.map[1] - token.map[0]


def _without_heading(pieces: list) -> list:
    """The pieces of a paragraph without the bold words at its beginning, if they are few and end in a stop."""
    closing = [i for i, piece in enumerate(pieces) if piece.type == "strong_close"]
    if not closing or not any(piece.type == "strong_open" for piece in pieces[:2]):
        return pieces
    opening = _plain(pieces[: closing[0]]).strip()
    is_heading = opening.endswith((".", ":", "?")) and words(opening) <= HEADING_WORDS
    return pieces[closing[0] + 1 :] if is_heading else pieces


def _plain(pieces: list) -> str:
    texts = {"text": lambda piece: piece.content, "code_inline": lambda _: CODE, "softbreak": lambda _: " "}
    return "".join(texts[piece.type](piece) for piece in pieces if piece.type in texts)


def sentences_of(paragraph: str) -> list[str]:
    """The sentences of plain text.

    A stop ends one if a capital, a number, code or the name of a file follows, and no abbreviation stands before it.
    """
    sentences, start = [], 0
    for end in _END.finditer(paragraph):
        sentence = paragraph[start : end.end()]
        if not (_ABBREVIATED.search(sentence) or _NUMBERED.match(sentence)):
            sentences.append(sentence.strip())
            start = end.end()
    return [sentence for sentence in (*sentences, paragraph[start:].strip()) if sentence]


def words(sentence: str) -> int:
    """What stands between blanks and has a letter or a digit in it."""
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


def documents() -> list[Path]:
    """The README, and every document in docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def seen_first(path: Path) -> Prose:
    """What a newcomer reads: the whole README, of other documents the first screen."""
    return prose_of(path.read_text(encoding="utf-8"), float("inf") if path.name == "README.md" else FIRST_SCREEN)


def main() -> None:
    """Print a row per document."""
    parser = argparse.ArgumentParser(description="Words a sentence, document by document.")
    parser.add_argument("documents", nargs="*", type=Path, help="Markdown files; default: the README and docs/")
    parser.add_argument("--all", action="store_true", help="the whole of each document")
    options = parser.parse_args()
    print(f"{'document':<44} {'sentences':>9} {'words each':>10} {'over 30 words':>13} {'two parentheses':>15}")
    for path in options.documents or documents():
        prose = prose_of(path.read_text(encoding="utf-8")) if options.all else seen_first(path)
        name = str(path.relative_to(ROOT) if path.is_absolute() else path)
        numbers = f"{len(prose.sentences):>9} {prose.words_a_sentence:>10.1f} {prose.share_long:>13.0%}"
        print(f"{name:<44} {numbers} {len(prose.crowded):>15}")


if __name__ == "__main__":
    main()
