"""The annotated curve of the documents says what the reference says of its run."""

import json
import re

import annotated_curve
import pytest

pytest.importorskip("altair")


def words_of(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_committed_picture_has_the_words_of_the_program():
    convert = pytest.importorskip("vl_convert")
    drawn = words_of(convert.vegalite_to_svg(annotated_curve.chart()))
    committed = words_of(annotated_curve.FILE.read_text(encoding="utf-8"))
    assert sorted(committed) == sorted(drawn), "python studies/annotated_curve.py draws it"
    assert len(drawn) > 10


def test_its_words_are_the_numbers_of_the_table_of_runs():
    run, curve = annotated_curve.shown_run()
    words = json.dumps(annotated_curve.chart(), ensure_ascii=False)
    for label in (f"t_mem = {run.t_mem:.0f}", f"t_gen = {run.t_gen:.0f}", f"delay: {run.delay:.2f} decades"):
        assert label in words
    assert f"head: {run['head']:.2f}".replace("-", "−") in words
    assert curve.kappa_test.max() == curve.kappa_train.max() == 1


def test_the_event_lies_where_the_curve_crosses_its_level():
    run, curve = annotated_curve.shown_run()
    for name, split in (("t_mem", "train"), ("t_gen", "test")):
        below = curve.time[curve[f"kappa_{split}"] < annotated_curve.LEVEL].max()
        at_it = curve.time[curve.time > below].min()
        assert below <= run[name] <= at_it
