"""The law of explanations: the rules are valid, as far as that can be known before any run."""

from __future__ import annotations

from grokbench.errors import UsageError
from grokbench.explanations.base import Explanation
from grokbench.laws import Broken, Law, judge


def check(cls: type[Explanation]) -> list[Law]:
    """The verdict on the law, with the first thing that is wrong."""

    def rules() -> None:
        try:
            cls.check()
        except UsageError as error:
            raise Broken(str(error)) from error

    return judge([("rules", rules)])
