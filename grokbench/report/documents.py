"""Documents of a site: Markdown to HTML. What a document names stays text: no markup, no script, no foreign address.

CommonMark with tables, by markdown-it without its passage for HTML. A link leads on where its target is on the site;
one to the web stays; any other becomes the text that it was.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from grokbench.limits import bounded_text
from grokbench.report.embedded import rendered

LARGEST = 2**22  # bytes of a document; the longest has 60,000
LARGEST_PICTURE = 2**21
PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}
WEB = ("https://", "http://", "mailto:")


def documents_in(folder: Path) -> dict[str, Path]:
    """``docs/NAME.html`` -> the Markdown file behind it, of a folder and the folders in it."""
    files = sorted(path for path in folder.rglob("*.md") if path.is_file() and not path.is_symlink())
    return {f"docs/{path.relative_to(folder).with_suffix('.html').as_posix()}": path for path in files}


def heading(path: Path) -> str:
    """The first heading of a document; its name where it has none."""
    match = re.search(r"^# +(.+)$", bounded_text(path, LARGEST), re.M)
    return match[1].strip("` ") if match else path.stem


def document(address: str, path: Path, addresses: Mapping[str, str], **frame: object) -> str:
    """The page of a document.

    addresses : paths in the folder above the documents, such as ``docs/definitions.md`` -> addresses on the site.
    """
    tokens = _parser().parse(bounded_text(path, LARGEST))
    names = _Names()
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open":
            token.attrSet("id", names.of(after.content))
        if token.children:
            token.children = list(_led(token.children, address, path, addresses))
    body = _parser().renderer.render(tokens, _parser().options, {})
    body = body.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    body = body.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return rendered("document.html", title=heading(path), body=body, **frame)


@cache
def _parser():
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


class _Names:
    """Addresses of headings, as GitHub makes them: small letters, hyphens for blanks, a number where they recur."""

    def __init__(self):
        self.seen: dict[str, int] = {}

    def of(self, text: str) -> str:
        """The address of a heading from its text."""
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number = self.seen[name] = self.seen.get(name, -1) + 1
        return f"{name}-{number}" if number else name


def _led(tokens: Sequence, address: str, path: Path, addresses: Mapping[str, str]) -> Iterator:
    """Tokens of a line, each link with its address on the site; one that leads nowhere there is left out."""
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href")), address, addresses)
            open_links.append(bool(target))
            token.attrSet("href", target or "")
        elif token.type == "image":
            token.attrSet("src", _picture(path.parent / str(token.attrGet("src")), path))
        if token.type == "link_open" and not open_links[-1]:
            continue
        if token.type == "link_close" and not open_links.pop():
            continue
        yield token


def _target(link: str, address: str, addresses: Mapping[str, str]) -> str:
    """Where a link of a document leads from its page; empty where that is not on the site."""
    if link.startswith((*WEB, "#")):
        return link
    file, mark, anchor = link.partition("#")
    above = posixpath.normpath(posixpath.join(posixpath.dirname(address), file))
    if above not in addresses:
        return ""
    return posixpath.relpath(addresses[above], posixpath.dirname(address)) + mark + anchor


def _picture(file: Path, path: Path) -> str:
    """A picture beside a document as a data URL; empty where it is none of a document's."""
    kind, root = PICTURES.get(file.suffix), path.parent.resolve()
    inside = file.is_file() and (root in file.resolve().parents)
    if not kind or not inside or file.stat().st_size > LARGEST_PICTURE:
        return ""
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
