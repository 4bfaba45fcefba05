"""What every run needs, imported once by the fork server and shared by all its children.

Whatever a library imports at its first use is here too, so that no run pays for it, in time or in its measured CPU
seconds, as of scikit-learn the models. torch's compiler, a quarter of all imports, is for the code of others alone
(`grokbench.runs.preload_compiler`).
A library that cannot be imported is the failure of the runs that need it, each with its error, and of nobody else.
"""

from __future__ import annotations

import contextlib
import importlib

MODULES = (
    "pandas",
    "pydantic",
    "scipy.linalg",
    "scipy.stats",
    "sklearn.datasets",
    "sklearn.ensemble",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.svm",
    "torch.func",
    "torch.fx.experimental.symbolic_shapes",
    "xgboost",
    "grokbench.runs.perform",
)


def preload() -> None:
    """Import and compute what all runs share, as far as it goes."""
    for module in MODULES:
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(module)
    with contextlib.suppress(Exception, SystemExit):
        _prepare()


def _prepare() -> None:
    import pydantic

    from grokbench.learners.neural import compiling
    from grokbench.options import options
    from grokbench.registry import REGISTRIES
    from grokbench.suites.registered import registered_keys
    from grokbench.threads import one_thread

    compiling.prepare()
    pydantic.TypeAdapter(int)  # which loads the rest of it
    registered_keys()  # which plans the suites of the explanations
    for registry in REGISTRIES:  # all of them: a run that includes a file asks each for what is built in
        for cls in registry.classes():
            options(cls)
    with one_thread():  # which looks into every shared library, and remembers what it is
        pass


preload()
