"""What a page holds besides its words: templates, style, scripts, data, and the policy that lets nothing else run.

No name or value of a run can become markup or a script: templates escape every text, and data stand in a block that a
browser does not run, with what could end it (<, >, &, and the line ends of JavaScript) written as escapes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import quote

from grokbench.report.page_curves import compact

ASSETS = Path(__file__).parent / "assets"
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def rendered(template: str, **values: object) -> str:
    """A template with its values, every one of them escaped; half a surrogate pair is written as its number."""
    text = _environment().get_template(template).render(**values)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _environment():
    import jinja2

    options = {"autoescape": True, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(loader=jinja2.FileSystemLoader(ASSETS), **options)


def link(address: str) -> str:
    """A relative address as a link: what would be a scheme, a query or an anchor is part of the name of a folder."""
    return quote(address, safe="/", errors="surrogateescape")


def embedded(value: object) -> str:
    """JSON that can stand in a page: nothing in it ends a script or begins markup. ValueError for NaN."""
    return compact(value).translate(str.maketrans(ESCAPES))


def style() -> str:
    """The style of all pages."""
    return (ASSETS / "page.css").read_text(encoding="utf-8")


@cache
def libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, as vl-convert brings them along."""
    import vl_convert

    return _inside_a_page(vl_convert.javascript_bundle())


def script() -> str:
    """Our own script."""
    return _inside_a_page((ASSETS / "page.js").read_text(encoding="utf-8"))


def _inside_a_page(code: str) -> str:
    """A script without what would end it where it stands in a page, or would make a comment of what follows."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def policy(scripts: tuple[str, ...] = (), styles: tuple[str, ...] = ()) -> str:
    """A content security policy: only these scripts and styles, by their hashes, and no request to anywhere.

    Without scripts and styles those of files beside the page, as a site has them.
    """
    allowed = {"script-src": scripts, "style-src": styles}
    sources = [f"{name} {' '.join(map(_hash, texts)) or _beside()}" for name, texts in allowed.items()]
    return "; ".join(["default-src 'none'", *sources, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _beside() -> str:
    """Files of the same site; opened from a disk, a page has no origin, so that the scheme stands for it."""
    return "'self' file:"
