"""What there is: names, options and stored runs, for `list`, `show` and `check`."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from grokbench.cli.replications import known_claims, show_claim
from grokbench.curves.evaluate import MEASURES as ALWAYS
from grokbench.errors import UsageError, closest, one_line, printable
from grokbench.limits import LARGEST_SUITE, bounded_text
from grokbench.options import options
from grokbench.registry import figures, learners, measures, tables, tasks
from grokbench.verdicts import rules

KINDS = ("tasks", "learners", "measures", "explanations", "tables", "figures", "suites")


def entries(kind: str) -> list[dict[str, str]]:
    """Name and one-line description of everything of a kind; learners also with family and clock."""
    if kind == "measures":
        described = ALWAYS | {name: _description(measures[name]) for name in measures.names()}
        return [{"name": name, "description": description} for name, description in described.items()]
    if kind == "explanations":
        return [{"name": name, "description": rules.claim(name)} for name in rules.names()]
    if kind == "suites":
        return [{"name": name, "description": _title(path)} for name, path in sorted(_suites().items())]
    if kind == "tables":
        return [{"name": name, "description": tables[name].description()} for name in tables.names()]
    if kind == "figures":
        return [{"name": name, "description": figures[name].description()} for name in figures.names()]
    registry = {"tasks": tasks, "learners": learners}[kind]
    rows = []
    for name in registry.names():
        cls = registry[name]
        row = {"name": name, "description": _description(cls)}
        if kind == "learners":
            row |= {"family": cls.family, "clock": cls.clock}
        rows.append(row)
    return rows


def lookup(name: str, results: Path | None = None) -> tuple[dict, str]:
    """A task, learner, measure, explanation, claim or suite by name, or a stored run by its key: as data and as text.

    The start of a key is enough. Where a suite has the name of something else, its path shows it.
    """
    suite = Path(name) if name.endswith(".toml") and Path(name).is_file() else _suites().get(name)
    for kind, registry in (("task", tasks), ("learner", learners)):
        if name in registry:
            fields, text = _show_class(kind, registry[name])
            return fields, text + (f"\n\nThere is a suite of this name, too: show {suite}" if suite else "")
    if name in rules.names():
        fields, text = _show_explanation(rules.read(name))
        return fields, text + (f"\n\nThe suite of this name: show {suite}" if suite else "")
    if suite:
        fields = {"name": suite.stem, "path": str(suite), "title": _title(suite)}
        return fields, f"{suite}\n\n{printable(_suite_text(suite))}"
    if name in ALWAYS:
        return {"name": name, "description": ALWAYS[name]}, f"measure {name}, of every run\n\n{ALWAYS[name]}"
    if name in measures:
        return _show_measure(measures[name])
    if name in tables:
        return _show_table(tables[name])
    if name in figures:
        return _show_figure(figures[name])
    if name in known_claims():
        return show_claim(name, results)
    if re.fullmatch(r"[0-9a-f]{4,20}", name):
        return _show_run(name, results)
    names = [
        *tasks.names(),
        *learners.names(),
        *ALWAYS,
        *measures.names(),
        *rules.names(),
        *tables.names(),
        *figures.names(),
        *known_claims(),
        *_suites(),
    ]
    raise UsageError(
        f"no task, learner, measure, explanation, table, figure, claim, suite or run {name!r}{closest(name, names)}"
    )


def _suites() -> dict[str, Path]:
    from grokbench.suites.suite import shipped_suites

    return shipped_suites()


def _suite_text(path: Path) -> str:
    try:
        return bounded_text(path.resolve(), LARGEST_SUITE)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _title(path: Path) -> str:
    from grokbench.suites.suite import read_toml

    try:
        return one_line(str(read_toml(path).get("title", "")), 200)
    except UsageError:
        return "(cannot be read)"


def _description(cls: type) -> str:
    doc = inspect.cleandoc(cls.__doc__ or "").splitlines()
    return doc[0] if doc else ""


def _show_class(kind: str, cls: type) -> tuple[dict, str]:
    rows = [
        {
            "option": option.name,
            "type": option.type_name,
            "default": None if option.required else option.default,
            "required": option.required,
            "description": option.description,
        }
        for option in options(cls).values()
    ]
    fields = {"name": cls.name, "kind": kind, "description": _description(cls), "version": cls.version, "options": rows}
    if kind == "learner":
        fields |= {name: getattr(cls, name) for name in ("family", "clock", "loss")}
    return fields, _class_text(fields, cls)


def _show_measure(cls: type) -> tuple[dict, str]:
    columns = list(cls.column_names())
    fields = {"name": cls.name, "kind": "measure", "description": _description(cls), "version": cls.version}
    text = f"measure {cls.name} (columns: {', '.join(columns)})\n\n{inspect.cleandoc(cls.__doc__ or '')}"
    return fields | {"columns": columns}, f'{text}\n\nIn a suite: measures = ["{cls.name}"]'


def _show_table(cls: type) -> tuple[dict, str]:
    columns = [{"column": c.name, "heading": c.heading, "meaning": c.meaning} for c in cls.columns]
    fields = {"name": cls.name, "kind": "table", "description": cls.description(), "columns": columns}
    files = f"{cls.name}.csv, {cls.name}.md" if cls.own_page else f"{cls.name}.csv"
    lines = [f"table {cls.name} ({files}): one row is {cls.description()}", "", "columns:"]
    for column in cls.columns:
        lines += [
            f"  {column.name}" + (f" (read as: {column.heading})" if column.heading else ""),
            f"      {column.meaning}",
        ]
    return fields, "\n".join([*lines, "", cls.note.strip()]).rstrip()


def _show_figure(cls: type) -> tuple[dict, str]:
    fields = {"name": cls.name, "kind": "figure", "description": cls.description()}
    head = f"figure {cls.name} (figures/{cls.name}.svg, figures/{cls.name}.png): {cls.description()}"
    return fields, f"{head}\n\n{inspect.cleandoc(cls.__doc__ or '').partition(chr(10))[2].strip()}".rstrip()


def _show_explanation(registered: rules.Rules) -> tuple[dict, str]:
    seeds = f"{registered.seeds} seeds from {registered.first_seed} on, unless a family says otherwise"
    head = f"explanation {registered.explanation} (suite: {registered.suite}; confirmatory: {seeds})"
    lines = [head, "", registered.claim, "", "predictions:"]
    for prediction in registered.predictions:
        margins = "; ".join(f"{name} {margin.words}" for name, margin in prediction.margins.items())
        lines += [
            f"  {prediction.name} ({prediction.role}): {prediction.claim}",
            f"      {margins}; n ≥ {prediction.least}",
        ]
        lines.append(f"      what would change our mind: {prediction.change_of_mind}")
    lines += ["", "families:"]
    for design in registered.designs:
        own = f" ({design.seeds} seeds)" if design.seeds else ""
        lines.append(f"  {design.family} on {design.task}{own}: {', '.join(design.roles)}")
    fields = {
        "name": registered.explanation,
        "kind": "explanation",
        "description": registered.claim,
        "suite": registered.suite,
    }
    return fields | {"predictions": [asdict(prediction) for prediction in registered.predictions]}, "\n".join(lines)


def _class_text(fields: dict, cls: type) -> str:
    doc = inspect.cleandoc(cls.__doc__ or "")
    body = re.split(r"^Parameters\n-+\n", doc, flags=re.M)[0].strip()
    head = f"{fields['kind']} {fields['name']}"
    if "clock" in fields:
        head += f" (family: {fields['family']}; clock: {fields['clock']}; loss: {fields['loss']})"
    lines = [head, "", body, "", "options:"]
    for row in fields["options"]:
        default = "required" if row["required"] else f"default {json.dumps(row['default'])}"
        lines.append(f"  {row['option']} : {row['type']}, {default}")
        if row["description"]:
            lines.append(f"      {row['description']}")
    return "\n".join(lines)


def _show_run(prefix: str, results: Path | None) -> tuple[dict, str]:
    from grokbench.report.archive import with_runs
    from grokbench.runs.files import is_folder
    from grokbench.runs.folder import is_ours

    if results:
        with with_runs(results) as whole:
            return _show_run_of(prefix, {whole: results})
    stores = (path.parent for path in Path("results").glob("*/runs") if is_folder(path))
    return _show_run_of(prefix, {folder: folder for folder in sorted(stores) if is_ours(folder)})


def _show_run_of(prefix: str, folders: Mapping[Path, Path]) -> tuple[dict, str]:
    """The one run whose key begins so; folders : where runs are read -> what the folder is called."""
    from grokbench.runs.store import Store

    stored = [(Store(folder), key) for folder in folders for key in Store(folder).keys() if key.startswith(prefix)]
    if not stored:
        raise UsageError(f"no stored run {prefix!r} in {', '.join(map(str, folders.values())) or 'results/'}")
    if len({key for _, key in stored}) > 1:
        raise UsageError(f"{prefix!r} is the start of several runs: {', '.join(key for _, key in stored[:5])} ...")
    store, key = stored[0]
    run, results = store.read(key), folders[store.results]
    if run is None:
        raise UsageError(f"run {key} in {results} does not check out, as the warning says")
    curve = {name: list(values) for name, values in run.curve.columns.items()}
    return {"record": run.record, "curve": curve}, _run_text(run, results)


def _run_text(run, results: Path) -> str:
    record = run.record
    lines = [
        one_line(f"run {record['key']} in {results}"),
        one_line(f"status: {record['status']} {record['error']}".rstrip(), 2000),
        "",
    ]
    lines += [f"{name}: {json.dumps(value)}" for name, value in record["config"].items()]
    detection = run.detections.get(0.95)
    if detection:
        lines += ["", *(f"{name}: {_short(value)}" for name, value in asdict(detection).items() if name != "notes")]
    names = list(run.curve.columns)
    lines += ["", "  ".join(f"{name:>14}" for name in names)]
    for values in zip(*run.curve.columns.values(), strict=True):
        lines.append("  ".join(f"{_short(value):>14}" for value in values))
    if record.get("traceback"):
        lines += ["", *(f"  {line}" for line in record["traceback"].splitlines())]  # none begins like a line of ours
    return printable("\n".join(lines))


def _short(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.5g}"
    return str(value)
