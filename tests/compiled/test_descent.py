"""Where machine code is kept, and that an edit of any file of the room makes it anew."""

from __future__ import annotations

import sys

import pytest

numba = pytest.importorskip("numba")

import grokbench  # noqa: E402
from grokbench.compiled import descent  # noqa: E402
from grokbench.learners.neural import compiled, compiling  # noqa: E402


def test_the_name_on_disk_follows_every_file_of_the_room(monkeypatch, tmp_path):
    for name in ("descent.py", "passes.py"):
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(descent, "__file__", str(tmp_path / "descent.py"))
    names = [descent.name_on_disk("float32")]
    (tmp_path / "passes.py").write_text("after")
    names.append(descent.name_on_disk("float32"))
    names.append(descent.name_on_disk("float64"))
    assert len(set(names)) == 3


def test_what_was_compiled_is_kept(monkeypatch):
    compiling.load("float32")
    assert descent.kept("float32")
    monkeypatch.setattr(descent, "name_on_disk", lambda precision: "another text")
    assert not descent.kept("float32")


def test_without_a_folder_it_is_compiled_for_this_process(monkeypatch):
    plain = numba.njit

    def refusing(*args, cache=False, **kwargs):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*args, **kwargs)

    monkeypatch.setattr(descent.numba, "njit", refusing)
    descent.loop.cache_clear()
    try:
        assert descent.loop("float32").stats.cache_path is None
        assert descent.kept("float32")  # there is nothing to wait for once more
    finally:
        descent.loop.cache_clear()


def test_the_environment_can_say_no(monkeypatch):
    network = grokbench.learner("mlp")
    assert compiled.usable(network)
    monkeypatch.setenv(compiled.SWITCH, "0")
    assert not compiled.usable(network)
    assert not compiling.waits()
    compiling.prepare()  # and compiles nothing


def test_without_numba_it_is_the_clear_loop(monkeypatch, request):
    monkeypatch.setitem(sys.modules, "grokbench.compiled.descent", None)  # importing it is an ImportError
    compiled._importable.cache_clear()
    request.addfinalizer(compiled._importable.cache_clear)
    split = grokbench.task("modular", modulus=5).split(0)
    curve = grokbench.trace(grokbench.learner("mlp", hidden=[8]), split, budget=3)
    assert len(curve) == 4
    assert not compiling.waits()


def test_a_gpu_trains_by_the_clear_loop():
    network = grokbench.learner("mlp")
    network.device = "cuda"
    assert not compiled.usable(network)


@pytest.mark.parametrize("machine", ["1", "0"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_too_large_a_step_diverges_either_way(monkeypatch, machine, dtype):
    monkeypatch.setenv(compiled.SWITCH, machine)
    split = grokbench.task("modular", modulus=5).split(0)
    learner = grokbench.learner("mlp", optimizer="sgd", learning_rate=1e6, activation="quadratic", dtype=dtype)
    curve = grokbench.trace(learner, split, budget=200)
    assert curve.attrs["status"] == "diverged"
