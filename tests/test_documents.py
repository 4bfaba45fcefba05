"""What the documents show works: code runs, commands parse, suites load, links lead somewhere, every page is reached.

A block that cannot be executed says so in the comment above it, ``<!-- illustration: why -->``.
"""

import configparser
import re
import shlex
import shutil
from itertools import pairwise

import pytest
from support_documents import (
    DOCUMENTS,
    INDEX,
    README,
    ROOT,
    SUITE,
    all_blocks,
    anchor,
    anchors,
    blocks,
    links,
    marked,
)

from grokbench.cli import cli
from grokbench.cli.request import Request
from grokbench.registry import include
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite

LANGUAGES = {"", "bash", "python", "toml", "mermaid"}
# blocks that need more than their page, and the test that executes each
ELSEWHERE = {"recorder": "tests/recorder/test_record.py"}
LOGS = ROOT / "tests" / "logs" / "cases"


def name_of(path):
    return str(path.relative_to(ROOT))


def files_of(document):
    """Blocks of a document that are files, by their names: ``<!-- my_learner.py -->``."""
    return {b.mark: b.text for b in blocks(document) if re.fullmatch(r"\w+\.(py|toml)", b.mark)}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A reader's working directory: results, a log, and the files that a document tells to write."""
    (tmp_path / "results").mkdir()
    for name in ("reference", "smoke"):
        target = ROOT / "results" / "reference" / ("" if name == "reference" else name)
        (tmp_path / "results" / name).symlink_to(target, target_is_directory=True)
    for name in ("log.csv", "metrics.csv"):
        shutil.copy(next((LOGS / "06-lightning-csv").glob("*.csv")), tmp_path / name)
    monkeypatch.chdir(tmp_path)

    def with_files_of(document):
        for name, text in files_of(document).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return with_files_of


# --- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_block_has_a_language_that_some_test_executes(document):
    assert {block.language for block in blocks(document)} <= LANGUAGES


@pytest.mark.slow
@pytest.mark.parametrize("document", sorted({b.document for b in all_blocks("python")}), ids=name_of)
def test_python_of_a_document_runs(document, desk):
    """All of it in one scope, as somebody who follows the page would run it. It prints what the page says it prints."""
    desk(document)
    scope, elsewhere, lines = {"__name__": "__main__"}, {*ELSEWHERE, *files_of(document)}, []
    scope["print"] = lambda *values: lines.extend(" ".join(map(str, values)).splitlines())
    for block, after in pairwise([*blocks(document), None]):
        if block.language == "python" and block.executed and block.mark not in elsewhere:
            lines.clear()
            exec(compile("\n" * block.line + block.text, name_of(document), "exec"), scope)
            missing = [text for text in printed_by(block, after) if not any(alike(text, line) for line in lines)]
            assert not missing, f"{block}: {lines}"


def printed_by(block, after):
    """The lines that a page says a block prints: behind a print as a comment, or in the next block."""
    comments = re.findall(r"^ *print\(.*\)  # (.*)$", block.text, re.M)
    return comments + (after.text.splitlines() if after is not None and not after.language else [])


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def alike(a, b):
    """Whether two lines differ in blanks at most, and in numbers by what rounding on another processor may do."""
    words = [" ".join(NUMBER.sub("#", line).split()) for line in (a, b)]
    numbers = [[float(number) for number in NUMBER.findall(line)] for line in (a, b)]
    return words[0] == words[1] and numbers[0] == pytest.approx(numbers[1], rel=0.05, abs=0.03)


def test_lines_are_alike_up_to_rounding():
    assert alike("0.25: 30 -> 859", "0.25:  30 -> 871")
    assert not alike("0.25: 30 -> 859", "0.25: 30 -> 1060")
    assert not alike("groks: 1", "partial: 1")


MODULES = {"my_module.py"}  # made and trained in PyTorch
FILES = sorted({name for path in DOCUMENTS for name in files_of(path) if name.endswith("py")})


@pytest.mark.parametrize(
    "mark", [pytest.param(name, marks=[pytest.mark.slow] if name in MODULES else []) for name in FILES]
)
def test_a_file_of_a_document_keeps_every_law(mark, tmp_path, grokbench):
    path = tmp_path / mark
    path.write_text(marked(mark).text, encoding="utf-8")
    status, out, _ = grokbench("check", path)
    assert status == 0, out


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_toml_of_a_document_is_a_suite(block, desk):
    folder = desk(block.document)
    for name in files_of(block.document):
        if name.endswith(".py"):
            include(str(folder / name))
    path = folder / "shown.toml"
    path.write_text(block.text if "title" in block.text else SUITE + block.text, encoding="utf-8")
    assert make_plan(load_suite(str(path))).specs


@pytest.mark.parametrize("mark", ELSEWHERE)
def test_what_another_test_executes_is_executed_there(mark):
    assert marked(mark)
    assert f'marked("{mark}")' in (ROOT / ELSEWHERE[mark]).read_text(encoding="utf-8")


# --- commands -------------------------------------------------------------------------------------------------------


def commands():
    """(document, simple command) for each in the blocks of bash that are no illustration."""
    lines = [(b.document, line) for b in all_blocks("bash") for line in b.text.replace("\\\n", " ").splitlines()]
    return [
        (document, words)
        for document, line in lines
        for words in (words_of(part) for part in re.split(r"&&|;|\|", re.split(" #|>", line)[0]))
        if words
    ]


def words_of(command):
    """The words of a command, without assignments before it."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    return words


COMMANDS = commands()


@pytest.mark.parametrize(
    ("document", "words"), COMMANDS, ids=lambda value: shlex.join(value) if type(value) is list else ""
)
def test_a_command_of_a_document_would_do_something(document, words, desk):
    program = words[0].rpartition("/")[2]
    if program not in PROGRAMS:
        raise AssertionError(f"{name_of(document)}: {words}: no test knows {program}: <!-- illustration: why -->")
    PROGRAMS[program](words[1:], desk(document), document)


def python(words, folder, document):
    if words[:2] == ["-m", "grokbench"]:
        of_grokbench(words[2:], folder, document)
    elif words[0] == "-m":
        assert words[1] in ("pytest", "venv")
        assert not [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()]
    else:
        assert (ROOT / words[0]).is_file() or (folder / words[0]).is_file()


def of_grokbench(words, folder, document):
    """Options parse, names exist. What costs nothing is carried out: plans, lists, pages, logs that lie there."""
    verb, *arguments = words
    values = cli.commands[verb].make_context(verb, list(arguments)).params
    if verb in ("compare", "run"):
        values.pop("fail_on_mix", None)
        assert Request(**values).plan.specs
    elif verb in ("list", "show") or (verb == "detect" and (folder / arguments[0]).is_file()):
        assert carried_out(verb, arguments) == 0
    elif verb == "check" and not arguments[0].endswith(".py"):
        assert carried_out("show", arguments) == 0


def carried_out(verb, arguments):
    """The exit status of a verb in this process."""
    return cli.main([verb, *arguments], standalone_mode=False)


def pip(words, folder, document):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = re.findall(r"\.\[(.*?)\]", " ".join(words))
    assert {name for names in extras for name in names.split(",")} <= set(setup["options.extras_require"])
    files = [after for word, after in pairwise(words) if word == "-c"]
    assert not [name for name in files if not (ROOT / name).is_file()]


def tox(words, folder, document):
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    assert f"testenv:{words[words.index('-e') + 1]}" in settings


def copy(words, folder, document):
    assert not [word for word in words if word.startswith("results/reference") and not (ROOT / word).exists()]


PROGRAMS = {
    "python": python,
    "python3": python,
    "grokbench": of_grokbench,
    "pip": pip,
    "tox": tox,
    "cp": copy,
    "tar": copy,
}


def test_the_commands_are_discovered():
    assert len({tuple(words) for _, words in COMMANDS}) > 40


def test_the_first_command_needs_what_figures_need_and_no_more():
    assert "'.[plot]'" in marked("main command").text
    assert marked("main command").document == marked("test command").document == README


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=name_of)
def test_every_link_leads_somewhere(document):
    for link in links(document):
        path, _, part = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not part or part in anchors(target), link


def test_every_document_can_be_reached_from_the_readme():
    reached, waiting = set(), [README]
    while waiting:
        document = waiting.pop()
        if document not in reached and document.suffix == ".md" and document.is_file():
            reached.add(document)
            waiting += [(document.parent / link.partition("#")[0]).resolve() for link in links(document)]
    assert set(DOCUMENTS) <= reached


def test_the_index_names_every_document():
    named = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(INDEX)}
    assert set((ROOT / "docs").rglob("*.md")) - {INDEX} <= named


def test_an_anchor_is_that_of_github():
    assert anchor("What an address of your own must have") == "what-an-address-of-your-own-must-have"
    assert anchor("`delays`, and: more") == "delays-and-more"
