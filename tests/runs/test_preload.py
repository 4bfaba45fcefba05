"""What the fork server has ready: no run pays for the imports of libraries, in time or in its measured CPU seconds."""

import json
import subprocess
import sys

import pytest

from grokbench.registry import learners
from grokbench.runs import server

LIBRARIES = {"grokbench", "numpy", "pandas", "pydantic", "scipy", "sklearn", "torch", "xgboost"}
OPTIONS = {"estimator": {"path": "sklearn.tree.DecisionTreeClassifier", "parameter": "max_depth"}}
PROGRAM = """
import json, sys
import grokbench.runs.preload
from grokbench.runs.perform import perform

for name, options, compiles in json.loads(sys.argv[1]):
    if compiles:
        import grokbench.runs.preload_compiler
    before, said = set(sys.modules), []
    task = "single_index" if name == "committee" else "modular" if "transformer" in name else "parity"
    config = {"task": task, "task_options": {}, "learner": name, "learner_options": options, "device": "cpu",
              "budget": 1, "seed": 0, "points_per_decade": 2, "settle": False}
    perform(config, said.append)
    print(json.dumps([name, said[-1]["end"]["status"], sorted(set(sys.modules) - before)]))
"""


@pytest.mark.slow
def test_no_run_of_a_built_in_learner_imports_a_library():
    names = [name for name in learners.names() if learners[name].__module__.startswith("grokbench.")]
    names.sort(key=lambda name: learners[name].compiles)  # what the compiler brings along helps nobody else
    orders = json.dumps([(name, OPTIONS.get(name, {}), learners[name].compiles) for name in names])
    done = subprocess.run([sys.executable, "-c", PROGRAM, orders], capture_output=True, text=True, check=True)
    for name, status, imported in map(json.loads, done.stdout.splitlines()):
        assert status == "done", name
        assert not [module for module in imported if module.partition(".")[0] in LIBRARIES], name


@pytest.mark.slow
def test_the_compiler_is_loaded_for_the_code_of_others_alone():
    code = "import sys, grokbench.runs.preload; print('torch._dynamo' in sys.modules)"
    code += "; import grokbench.runs.preload_compiler; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(("others", "modules"), [(False, [server.PRELOAD]), (True, [server.PRELOAD, server.COMPILER])])
def test_what_the_fork_server_loads(monkeypatch, others, modules):
    loaded = []
    monkeypatch.setattr(server.forkserver, "set_forkserver_preload", loaded.append)
    monkeypatch.setattr(server.forkserver, "ensure_running", lambda: None)
    server.running(compiler=others)
    server.running(preload=False, compiler=others)
    assert loaded == [modules, []]
