"""The splitter of studies/prose.py: what is prose, where a sentence ends, what a word is."""

import prose
import pytest


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It reaches .95 for good, after 1.5 units.", ["It reaches .95 for good, after 1.5 units."]),
        ("Some, e.g. Adam, i.e. optimizers. Others too.", ["Some, e.g. Adam, i.e. optimizers.", "Others too."]),
        ("As Kumar et al. (2023) say. So it is.", ["As Kumar et al. (2023) say.", "So it is."]),
        ('He says "stop." Then (at last.) It ends.', ['He says "stop."', "Then (at last.)", "It ends."]),
        ("It ends. 12 of 12 are late. .5 is not.", ["It ends.", "12 of 12 are late. .5 is not."]),
        ("See it. logs.md has more.", ["See it.", "logs.md has more."]),
        ("1. A claim with a number. Its reason.", ["1. A claim with a number.", "Its reason."]),
        ("Learns by heart … and finds the rule.", ["Learns by heart … and finds the rule."]),
        ("A colon: no end; a semicolon neither.", ["A colon: no end; a semicolon neither."]),
        ("", []),
    ],
)
def test_a_sentence_ends_where_a_reader_breathes(text, sentences):
    assert prose.sentences_of(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("# Heading. One\n\nText.\n", ["Text."]),
        ("```bash\nNo prose. None\n```\n\n    Nor this. No\n\nText.\n", ["Text."]),
        ("| a. B | c |\n| --- | --- |\n| d. E | f |\n\nText.\n", ["Text."]),
        ("<!-- A comment. Two -->\n![A picture. Of it](a.svg)\n\nText.\n", ["Text."]),
        ("- One\n- Two. And three\n  over two lines\n", ["One", "Two.", "And three over two lines"]),
        ("1. One\n2. Two\n", ["One", "Two"]),
        ("Read [the page. It is](a.md) short.\n", ["Read the page.", "It is short."]),
        ("Type `a b. C d` twice. `x` is one word.\n", ["Type code twice.", "code is one word."]),
        ("**A heading.** The *text* of it.\n", ["The text of it."]),
        ("**A whole sentence of seven bold words.** Text.\n", ["A whole sentence of seven bold words.", "Text."]),
        ("It is **bold** here.\n", ["It is bold here."]),
        ("> Cited. Text.\n", ["Cited.", "Text."]),
    ],
)
def test_only_prose_is_counted(text, sentences):
    assert list(prose.prose_of(text).sentences) == sentences


def test_the_words_of_a_sentence():
    assert prose.words("It reaches .95 — or not — after log10(t / s) = 1.2 decades.") == 10


def test_what_is_said_of_a_document():
    text = f"{'word ' * 31}end. Short (one) and (two). Three words more."
    parts = prose.prose_of(text.capitalize().replace("short", "Short").replace("three", "Three"))
    assert parts.words_a_sentence == pytest.approx((32 + 4 + 3) / 3)
    assert len(parts.long_ones) == 1
    assert parts.share_long == pytest.approx(1 / 3)
    assert parts.crowded == ["Short (one) and (two)."]
    assert prose.prose_of("").words_a_sentence == prose.prose_of("").share_long == 0


def test_the_first_screen_ends_after_the_paragraph_that_fills_it():
    text = "\n\n".join(f"Line\nof {i}." for i in range(10))
    assert len(prose.prose_of(text, lines=5).sentences) == 3
    assert len(prose.prose_of(text).sentences) == 10


def test_the_table_has_a_row_per_document(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["prose.py"])
    prose.main()
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(prose.documents())
