"""What every run needs, imported once by the fork server and shared by all its children.

torch._dynamo among them: the first optimizer of a process would otherwise import it for most of a second.
"""

from __future__ import annotations

import pandas  # noqa: F401
import scipy.linalg
import scipy.stats  # noqa: F401
import sklearn  # noqa: F401
import torch._dynamo
import torch.func  # noqa: F401
import xgboost  # noqa: F401

import grokbench.runs.perform  # noqa: F401
from grokbench.registry import learners, measures, tasks

for registry in (tasks, learners, measures):
    registry.names()
