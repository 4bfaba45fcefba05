"""What every run needs, imported once by the fork server and shared by all its children.

Whatever a library imports at its first use is here too, so that no run pays for it, in time or in its measured CPU
seconds: of torch its compiler, which the first optimizer of a process asks for, and of scikit-learn the models.
"""

from __future__ import annotations

import pandas  # noqa: F401
import pydantic
import scipy.linalg
import scipy.stats  # noqa: F401
import sklearn.datasets
import sklearn.ensemble
import sklearn.neighbors
import sklearn.neural_network
import sklearn.svm  # noqa: F401
import torch._dynamo
import torch.func  # noqa: F401
import xgboost  # noqa: F401

import grokbench.runs.perform  # noqa: F401
from grokbench.options import options
from grokbench.registry import learners, measures, tasks
from grokbench.suites.registered import registered_keys

pydantic.TypeAdapter(int)  # which loads the rest of it
registered_keys()  # which plans the suites of the explanations
for registry in (tasks, learners, measures):
    for cls in registry.classes():
        options(cls)
