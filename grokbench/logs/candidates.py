"""Which columns are training and held-out accuracy: recognized by their names, or named by option.

A column of the other split is never taken or suggested, nor a loss for an accuracy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grokbench.errors import UsageError, closest, shown
from grokbench.logs.reading import Reading
from grokbench.logs.table import TWICE, Table
from grokbench.logs.words import Role, Split, role_of, split_of, words_of

METRICS = ("accuracy", "error", "loss")  # the first is taken where a curve has several
MOST_NAMED = 12  # columns that a message lists


@dataclass(frozen=True, eq=False)
class Candidate:
    """A column that may be a curve.

    Parameters
    ----------
    table, name : where it stands.
    role : what its name says, completed by the columns beside it and by the name of its file.
    named : it was named by option.
    """

    table: Table
    name: str
    role: Role
    named: bool = False

    @property
    def shown(self) -> str:
        """Its name as people know it."""
        return self.table.aliases[self.name] if self.name in self.table.runs else self.name

    @property
    def filled(self) -> int:
        """How many values it has."""
        return int(self.table.frame[self.name].notna().sum())

    @property
    def run(self) -> tuple[str, ...]:
        """What tells its run from others: a panel's run, the words that are left of its name."""
        own = self.table.runs.get(self.name)
        return (own, *self.role.label) if own is not None else self.role.label


@dataclass(frozen=True, eq=False)
class Pair:
    """Training and held-out column of one run, or of all runs of a table.

    words : its place and the words of its columns that may tell it from others.
    run : its name.
    """

    words: tuple[str, ...]
    train: Candidate
    test: Candidate
    notes: tuple[str, ...] = ()
    run: str = ""


def candidates_of(table: Table) -> list[Candidate]:
    """The columns of a table whose names speak of an accuracy, an error or a loss."""
    roles = table.roles
    held = {(role.metric, table.runs.get(n), role.label) for n, role in roles.items() if role.split == "held-out"}
    place = tuple(word for part in table.place for word in words_of(part))
    return [
        Candidate(table, name, _completed(role, table.runs.get(name), held, split_of(place)))
        for name, role in roles.items()
    ]


def _completed(role: Role, run: str | None, held: set, split_of_file: Split) -> Role:
    """A role whose split the name leaves open: training beside a held-out column of its kind, else that of the file."""
    if role.split:
        return role
    if (role.metric, run, role.label) in held:
        return replace(role, split="train")
    if role.metric == "loss" and held and not split_of_file:
        return replace(role, split="train")
    return replace(role, split=split_of_file)


def pairs_of(tables: Sequence[Table], reading: Reading) -> list[Pair]:
    """The pairs of columns that are judged. UsageError where they cannot be told, with the options that name them."""
    candidates = [candidate for table in tables for candidate in candidates_of(table)]
    sides = {
        "train": _side(tables, candidates, "train", reading.train_column),
        "held-out": _side(tables, candidates, "held-out", reading.test_column),
    }
    _check_one_column(sides, reading)
    groups = _groups(sides)
    complete = {key: group for key, group in groups.items() if all(group.values())}
    if not complete:
        complete = _only_two(groups)
    if not complete:
        raise UsageError(_missing(tables, candidates, sides))
    pairs = _named(_best([_pair(key, group) for key, group in complete.items()]))
    by_loss = any(c.role.metric == "loss" and not c.named for pair in pairs for c in (pair.train, pair.test))
    unsplit = [c for c in _unsplit(candidates) if c.shown not in (reading.train_column, reading.test_column)]
    if by_loss and unsplit:
        raise UsageError(_whose(_where(tables), unsplit[0]))
    return pairs


def _side(tables: Sequence[Table], candidates: Sequence[Candidate], split: Split, named: str | None) -> list[Candidate]:
    if named is None:
        return [candidate for candidate in candidates if candidate.role.split == split]
    chosen = [
        Candidate(table, name, replace(role_of(name), split=split), named=True)
        for table in tables
        for name in table.names
        if named in (name, table.aliases.get(name))
    ]
    if not chosen:
        fitting = [candidate.shown for candidate in candidates if candidate.role.split in (split, "")]
        fitting = [name for name in dict.fromkeys(fitting) if role_of(name).metric in ("accuracy", "error")]
        raise UsageError(f"{_where(tables)}: no column {named!r}{closest(named, fitting)}")
    for candidate in chosen:
        candidate.table.check_once(candidate.name)
    return chosen


def _where(tables: Sequence[Table]) -> str:
    files = list(dict.fromkeys(str(table.file) for table in tables))
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _check_one_column(sides: dict[str, list[Candidate]], reading: Reading) -> None:
    train = {(id(c.table), c.name) for c in sides["train"] if c.named}
    test = {(id(c.table), c.name) for c in sides["held-out"] if c.named}
    if train & test:
        raise UsageError(
            f"--train and --test are both {reading.train_column!r}: one column cannot be training and held-out accuracy"
        )


def _groups(sides: dict[str, list[Candidate]]) -> dict[tuple, dict[str, list[Candidate]]]:
    """Candidates by run. A table that has both splits is a run, or several, of its own; others are put together."""
    splits: dict[int, set[str]] = {}
    for split, side in sides.items():
        for candidate in side:
            splits.setdefault(id(candidate.table), set()).add(split)
    groups: dict[tuple, dict[str, list[Candidate]]] = {}
    for split, side in sides.items():
        for candidate in side:
            complete = len(splits[id(candidate.table)]) == 2
            place = () if candidate.name in candidate.table.runs else _place_words(candidate.table)
            own = (id(candidate.table),) if complete else ("", *place)
            key = (*own, *(() if candidate.named and not candidate.table.runs else candidate.run))
            groups.setdefault(key, {"train": [], "held-out": []})[split].append(candidate)
    _join_named(groups)
    return groups


def _join_named(groups: dict[tuple, dict[str, list[Candidate]]]) -> None:
    """A column that was named goes with the other split's, whatever words their names are left with."""
    named = [key for key, group in groups.items() if any(c.named for side in group.values() for c in side)]
    for key in named:
        for split in ("train", "held-out"):
            others = [k for k in groups if k[:1] == key[:1] and groups[k][split] and k != key]
            if not groups[key][split] and len(others) == 1:
                groups[key][split] = groups[others[0]][split]


def _place_words(table: Table) -> tuple[str, ...]:
    """What tells one place from another: its words without those that name splits, metrics and the like."""
    return tuple(word for part in table.place for word in role_of(part).label)


def _only_two(groups: dict[tuple, dict[str, list[Candidate]]]) -> dict[tuple, dict[str, list[Candidate]]]:
    """One training and one held-out curve over all: they belong together, whatever other words their names have."""
    train = [group["train"] for group in groups.values() if group["train"]]
    test = [group["held-out"] for group in groups.values() if group["held-out"]]
    for metrics in (("accuracy", "error"), ("accuracy", "error", "loss")):
        ours = [[c for c in side if c.role.metric in metrics] for side in train]
        theirs = [[c for c in side if c.role.metric in ("accuracy", "error")] or side for side in test]
        ours, theirs = [side for side in ours if side], [side for side in theirs if side]
        if len(ours) == len(theirs) == 1:
            return {("",): {"train": ours[0], "held-out": theirs[0]}}
    return {}


def _pair(key: tuple, group: dict[str, list[Candidate]]) -> Pair:
    train, test = (_chosen(group[split]) for split in ("train", "held-out"))
    others = [c.shown for c in _equals(group["held-out"], test)]
    notes = (f"held-out is {test.shown!r}; {_listed(others)} is there, too (--test)",) if others else ()
    place = train.table.place if train.table is test.table else ()
    return Pair(tuple(dict.fromkeys((*place, *key[1:]))), train, test, notes)


def _named(pairs: list[Pair]) -> list[Pair]:
    """The pairs with what tells them apart: their places and words without those that all have."""
    common = set.intersection(*(set(pair.words) for pair in pairs))
    telling = [tuple(word for word in pair.words if word not in common) for pair in pairs]
    if any(not words for words in telling) or len(set(telling)) < len(telling):
        telling = [words or pair.words for words, pair in zip(telling, pairs, strict=True)]
    names = [
        "/".join(map(str, words)) if len(pairs) > 1 else _alone(pair)
        for words, pair in zip(telling, pairs, strict=True)
    ]
    return [replace(pair, run=name) for name, pair in zip(names, pairs, strict=True)]


def _alone(pair: Pair) -> str:
    """The name of the only pair: its run's in a panel, or that of its files."""
    run = pair.train.table.runs.get(pair.train.name)
    files = [_stem(candidate.table.file) for candidate in (pair.train, pair.test)]
    return run or " + ".join(dict.fromkeys(files))


def _stem(file: Path) -> str:
    return file.name.partition(".")[0] or file.name


def _chosen(side: Iterable[Candidate]) -> Candidate:
    """The best of several columns of a split: accuracy before error before loss, the full curve before a batch's."""
    best = min(side, key=lambda c: (*_worth(c), -c.filled, "test" not in words_of(c.name)))
    best.table.check_once(best.name)
    return best


def _worth(candidate: Candidate) -> tuple[int, bool]:
    words = words_of(candidate.name)
    weak = "score" in words or "scores" in words
    return METRICS.index(candidate.role.metric or "accuracy") * 2 + weak, candidate.role.lesser


def _equals(side: Iterable[Candidate], chosen: Candidate) -> list[Candidate]:
    return [c for c in side if c is not chosen and _worth(c) == _worth(chosen) and not c.named]


def _best(pairs: list[Pair]) -> list[Pair]:
    """The pairs whose curves are accuracies or errors, where there are any: the others are losses beside them."""
    by_accuracy = [pair for pair in pairs if pair.test.role.metric != "loss" or pair.test.named]
    complete = [pair for pair in by_accuracy if pair.train.role.metric != "loss" or pair.train.named]
    return complete or by_accuracy or pairs


def _missing(tables: Sequence[Table], candidates: Sequence[Candidate], sides: dict[str, list[Candidate]]) -> str:
    """What cannot be told, and what to type."""
    where = _where(tables)
    for split, option, words in (("train", "--train", "training"), ("held-out", "--test", "held-out")):
        if sides[split]:
            continue
        if _unsplit(candidates):
            return _whose(where, _unsplit(candidates)[0])
        has = f"it has {_listed(_names(tables))}"
        return f"{where}: no column says that it is {words} accuracy: give {option} NAME (or the file); {has}"
    train, test = ([c.shown for c in sides[split] if c.role.metric != "loss"] for split in ("train", "held-out"))
    train, test = train or [c.shown for c in sides["train"]], test or [c.shown for c in sides["held-out"]]
    return (
        f"{where}: cannot tell which belong together: training {_listed(train)}, held-out {_listed(test)}; "
        f"give --train {train[0]} --test {test[0]}, or the like"
    )


def _unsplit(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Accuracies and errors whose names do not say of which split they are."""
    return [c for c in candidates if not c.role.split and c.role.metric in ("accuracy", "error")]


def _whose(where: str, candidate: Candidate) -> str:
    name = candidate.shown
    return f"{where}: column {name!r} does not say of which split it is: --train {name} or --test {name}?"


def _names(tables: Sequence[Table]) -> list[str]:
    return list(dict.fromkeys(table.aliases.get(name, name) for table in tables for name in table.names))


def _listed(names: Sequence[str]) -> str:
    names = [name.split(TWICE)[0] for name in dict.fromkeys(names)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(shown(name) for name in names[:MOST_NAMED]) + more
