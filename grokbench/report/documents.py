"""Documents of a site: Markdown to HTML. What a document names stays text: no markup, no script, no foreign address.

CommonMark with tables, by markdown-it. HTML becomes text that a browser shows, without its comments. A link leads on
where its target is on the site; one to the web stays; any other becomes the text that it was. A picture that is not
there becomes its description.
"""

from __future__ import annotations

import base64
import html
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from grokbench.errors import UsageError
from grokbench.limits import bounded_text
from grokbench.report.embedded import link, rendered

LARGEST = 2**22  # bytes of a document; the longest has 60,000
LARGEST_PICTURE = 2**21
PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}
ALONE = re.compile(r"<p>(<img [^>]*>)</p>")  # a picture that is a paragraph
COMMENT = re.compile(r"<!--.*?-->", re.S)
WEB = ("https://", "http://", "mailto:")


def documents_in(folder: Path) -> dict[str, Path]:
    """``docs/NAME.html`` -> the Markdown file behind it, of a folder and the folders in it.

    Raises UsageError for a folder without any.
    """
    files = sorted(path for path in folder.rglob("*.md") if path.is_file() and not path.is_symlink())
    if not files:
        raise UsageError(f"{folder}: no documents there; expected a folder with files NAME.md: --docs DIR")
    return {f"docs/{path.relative_to(folder).with_suffix('.html').as_posix()}": path for path in files}


def heading(path: Path) -> str:
    """The first heading of a document; its name where it has none."""
    match = re.search(r"^# +(.+)$", _text(path), re.M)
    return match[1].strip("` ") if match else path.stem


def _text(path: Path) -> str:
    try:
        return bounded_text(path, LARGEST)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def document(
    address: str, path: Path, addresses: Mapping[str, str], shown: Sequence[Path] = (), **frame: object
) -> str:
    """The page of a document.

    addresses : paths in the folder above the documents, such as ``docs/definitions.md`` -> addresses on the site.
    shown : folders whose pictures documents may show, beside those in a document's own.
    """
    tokens = _parser().parse(_text(path))
    names = _Names()
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open":
            token.attrSet("id", names.of(after.content))
        if token.children:
            token.children = list(_led(token.children, address, addresses, (path.parent, *shown)))
    body = _parser().renderer.render(tokens, _parser().options, {})
    body = ALONE.sub(r'<div class="scroll card" tabindex="0" role="group" aria-label="Picture">\1</div>', body)
    body = body.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    body = body.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return rendered("document.html", title=heading(path), body=body, **frame)


@cache
def _parser():
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.add_render_rule("html_block", lambda _, tokens, i, *__: _as_text(tokens[i].content, "<p>{}</p>\n"))
    parser.add_render_rule("html_inline", lambda _, tokens, i, *__: _as_text(tokens[i].content))
    return parser


def _as_text(markup: str, around: str = "{}") -> str:
    """HTML of a document as text, without comments; no element of it comes to life."""
    text = COMMENT.sub("", markup).strip()
    return around.format(html.escape(text)) if text else ""


class _Names:
    """Addresses of headings, as GitHub makes them: small letters, hyphens for blanks, a number where they recur."""

    def __init__(self):
        self.seen: dict[str, int] = {}

    def of(self, text: str) -> str:
        """The address of a heading from its text."""
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number = self.seen[name] = self.seen.get(name, -1) + 1
        return f"{name}-{number}" if number else name


def _led(tokens: Sequence, address: str, addresses: Mapping[str, str], shown: Sequence[Path]) -> Iterator:
    """Tokens of a line, each link with its address on the site; one that leads nowhere there is left out."""
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href")), address, addresses)
            open_links.append(bool(target))
            token.attrSet("href", target or "")
        elif token.type == "image":
            _show(token, shown)
        if token.type == "link_open" and not open_links[-1]:
            continue
        if token.type == "link_close" and not open_links.pop():
            continue
        yield token


def _target(href: str, address: str, addresses: Mapping[str, str]) -> str:
    """Where a link of a document leads from its page; empty where that is not on the site."""
    if href.startswith((*WEB, "#")):
        return href
    file, mark, anchor = href.partition("#")
    above = posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(file)))
    if above not in addresses:
        return ""
    page, *place = addresses[above].split("#")
    return link(posixpath.relpath(page, posixpath.dirname(address))) + (f"#{place[0]}" if place else mark + anchor)


def _show(token, shown: Sequence[Path]) -> None:
    """Give an image its data; one without becomes the text that describes it."""
    data = _picture(shown[0] / unquote(str(token.attrGet("src"))), shown)
    if data:
        token.attrSet("src", data)
    else:
        token.type, token.tag, token.content, token.children = "text", "", f"[Picture: {token.content}]", None


def _picture(file: Path, shown: Sequence[Path]) -> str:
    """A picture as a data URL; empty for one in no folder that is shown, and for one that is too large."""
    kind = PICTURES.get(file.suffix)
    inside = file.is_file() and any(folder.resolve() in file.resolve().parents for folder in shown)
    if not kind or not inside or file.stat().st_size > LARGEST_PICTURE:
        return ""
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
