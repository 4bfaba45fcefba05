"""The notebook is the page: the same words, the same code in the same order."""

import json

import notebook


def code_of(cells):
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_notebook_is_that_of_the_page():
    page = notebook.PAGE.read_text(encoding="utf-8")
    assert notebook.FILE.read_text(encoding="utf-8") == notebook.written(notebook.notebook_of(page)), (
        "python studies/notebook.py writes it"
    )


def test_its_code_is_that_of_the_page():
    stored = json.loads(notebook.FILE.read_text(encoding="utf-8"))
    blocks = [block.strip("\n") for block in notebook.PYTHON.findall(notebook.PAGE.read_text(encoding="utf-8"))]
    assert code_of(stored["cells"]) == blocks
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)


def test_what_the_code_printed_is_no_text():
    page = "Text.\n\n```python\nprint(1)\n```\n\n```\n1\n```\n\nMore.\n\n```bash\nls\n```\n"
    cells = notebook.notebook_of(page)["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == [
        ("markdown", "Text."), ("code", "print(1)"), ("markdown", "More.\n\n```bash\nls\n```"),
    ]  # fmt: skip
    assert [cell["id"] for cell in cells] == ["cell-0", "cell-1", "cell-2"]
