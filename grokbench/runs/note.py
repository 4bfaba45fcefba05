"""What a suite says and no single run knows, kept beside the runs of a results folder in ``suite.json``.

The note carries the SHA-256 of all that it says, as every stored file of a results folder does: ``run.json`` has its
own and that of ``curve.csv``. All other files there are derived from these, and made anew by each report.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from grokbench.errors import shown
from grokbench.limits import LARGEST_NOTE
from grokbench.options import options_json
from grokbench.runs.record import FORMAT, check_format
from grokbench.runs.store import regular_text, write_atomically
from grokbench.suites.plan import Plan, cell_keys


@dataclass(frozen=True)
class Note:
    """The note that a suite leaves in its results folder; without arguments that of a folder that has none.

    Parameters
    ----------
    suite : name of the suite.
    title : title of the suite.
    comparisons : the pairs of learner ids or families that are compared; None where the suite names none.
    learners : learner id -> (name, given options as JSON) of its variants.
    not_applicable : (task id, learner id, reason) of the pairs that cannot be.
    cells : cell "task id/learner id" -> seed as text -> key of the run; None where nothing is registered for the suite.
    sources : hashes of the code, as it stood at the last command, of all that is not built in; None where all is.
    """

    suite: str = ""
    title: str = ""
    comparisons: Sequence[Sequence[str]] | None = None
    learners: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    not_applicable: Sequence[Sequence[str]] = ()
    cells: Mapping[str, Mapping[str, str]] | None = None
    sources: Sequence[str] | None = None

    @classmethod
    def of(cls, plan: Plan, with_cells: bool) -> Note:
        """The note of a plan; `with_cells` where an explanation, or claims, are registered for it."""
        learners: dict[str, list] = {}
        for learner in plan.suite.learners:
            learners.setdefault(learner.id, []).append([learner.name, options_json(learner.given)])
        impossible = [[task.id, learner.id, reason] for task, learner, reason in plan.not_applicable]
        cells = cell_keys(plan.suite) if with_cells else None
        sources = sorted({source for spec in plan.specs for source in spec.source.values()}) or None
        return cls(plan.suite.name, plan.suite.title, plan.suite.comparisons, learners, impossible, cells, sources)

    @classmethod
    def read(cls, results: Path) -> Note:
        """The note of a results folder; an empty one, with a warning, where what is there cannot be ours.

        Raises UsageError for the note of a newer grokbench.
        """
        try:
            text = regular_text(results / "suite.json", LARGEST_NOTE)
            content = json.loads(text)
            _check_whole(content, text)
            check_format(content, results / "suite.json", intact="sha256" in content)
            _check(content)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, RecursionError) as error:
            warnings.warn(f"{results / 'suite.json'} is not used ({error}): every comparison counts", stacklevel=2)
            return cls()
        return cls(**{name: content[name] for name in (part.name for part in fields(cls)) if name in content})

    def write(self, results: Path) -> None:
        """Keep the note in a results folder.

        Raises UsageError where it cannot be written, or would take the place of that of a newer grokbench.
        """
        with warnings.catch_warnings(action="ignore"):
            Note.read(results)
        optional = ("cells", "sources")
        stated = {name: value for name, value in asdict(self).items() if name not in optional or value is not None}
        content = {"format": FORMAT, **stated}
        write_atomically(results / "suite.json", _text({**content, "sha256": _hash(content)}))


def _text(content: dict) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _hash(content: dict) -> str:
    """SHA-256 of a note without its hash, as text."""
    hashed = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(_text(hashed).encode()).hexdigest()


def _check_whole(content: object, text: str) -> None:
    """ValueError for a note that was changed since it was written; one without a hash is that of an earlier version."""
    if not isinstance(content, dict):
        raise ValueError("not a table")
    if "sha256" not in content:
        unknown = sorted(content.keys() - {part.name for part in fields(Note)})
        if unknown:
            raise ValueError(f"it has no sha256, and the unknown field {shown(unknown[0])}")
    elif content["sha256"] != _hash(content) or text != _text(content):
        raise ValueError("it is not the one that was stored: its sha256 does not fit")


def _check(content: dict) -> None:
    """ValueError for what `Note.write` cannot have written."""
    texts = [content.get("title", ""), content.get("suite", "")]
    pairs = content.get("comparisons")
    learners = content.get("learners", {})
    fits = all(isinstance(text, str) for text in texts) and isinstance(learners, dict)
    fits = fits and (pairs is None or (isinstance(pairs, list) and all(_texts(pair, 2) for pair in pairs)))
    impossible = content.get("not_applicable", [])
    fits = fits and isinstance(impossible, list) and all(_texts(one, 3) for one in impossible)
    fits = fits and _keys_by_cell(content.get("cells", {}))
    sources = content.get("sources", [])
    fits = fits and isinstance(sources, list) and all(isinstance(source, str) for source in sources)
    fits = fits and all(isinstance(named, list) for named in learners.values())
    if not fits or not all(_texts(one, 2) for named in learners.values() for one in named):
        raise ValueError("not what a suite leaves")


def _keys_by_cell(cells: object) -> bool:
    return isinstance(cells, dict) and all(
        isinstance(keys, dict) and all(seed.isdecimal() and isinstance(key, str) for seed, key in keys.items())
        for keys in cells.values()
    )


def _texts(several: object, number: int) -> bool:
    return isinstance(several, list) and len(several) == number and all(isinstance(text, str) for text in several)
