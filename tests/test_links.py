"""Links of the documents lead somewhere: to a file that is there, and to a heading of it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "results" / "reference" / "README.md"])


def links(path: Path, picture: bool) -> list[str]:
    """Targets within the repository, of pictures or of text, outside of code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    marks = re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", text)
    return [target for mark, target in marks if bool(mark) == picture and not re.match(r"\w+:", target)]


def anchors(path: Path) -> set[str]:
    """Headings as GitHub names them: lower case, blanks as hyphens, no other punctuation."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_a_file_and_a_heading(path):
    for target in links(path, picture=False):
        name, _, heading = target.partition("#")
        document = (path.parent / name).resolve() if name else path
        assert document.exists(), target
        assert not heading or heading in anchors(document), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_pictures_are_there_where_figures_were_drawn(path):
    """A folder of results without its figures is to be reported again; within one that has them none is missing."""
    for picture in ((path.parent / target).resolve() for target in links(path, picture=True)):
        assert picture.is_file() or not picture.parent.is_dir(), picture
