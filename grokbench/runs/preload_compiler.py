"""torch's compiler, imported once by the fork server: an optimizer of torch's asks for it when it is made.

The learner `any_optimizer` makes one, and a learner from the user's own file may. Runs do not pay for the import then.
"""

from __future__ import annotations

import contextlib
import importlib

with contextlib.suppress(Exception, SystemExit):
    for module in ("torch._dynamo", "torch.profiler._cupti_monitor"):  # the second at the first step
        importlib.import_module(module)
