"""torch's compiler, imported once by the fork server: an optimizer of torch's asks for it when it is made.

No built-in learner makes one. A learner from the user's own file may, and its runs do not pay for the import then.
"""

from __future__ import annotations

import contextlib
import importlib

with contextlib.suppress(Exception, SystemExit):
    importlib.import_module("torch._dynamo")
