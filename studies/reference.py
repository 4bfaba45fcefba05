"""Puts the results of a suite into results/reference: its tables, its figures, and its runs in one archive.

python studies/reference.py results/modular [--whole]

The archive is the same bytes for the same runs, and `grokbench report` makes everything else in the folder from it. All
references together have 42 MB: the longest tables are left out, and the figures that show no answer at a glance.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import tarfile
from pathlib import Path

from grokbench.report.write import write_report

REFERENCE = Path(__file__).parents[1] / "results" / "reference"
KEPT = ("*.csv", "*.md", "*.json", "figures/*.svg")
LEFT_OUT = ("curves.csv", "early_stopping.csv", "early_stopping.md", "runs.md", "sensitivity.csv", "sensitivity.md")
FIGURES = ("cast", "cross_table", "verdicts", "needs", "lead", "outcomes", "size", "replications", "claims")
FILTER = {"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 4, "lp": 0, "pb": 0}  # for text


def keep(results: Path, target: Path, whole: bool) -> None:
    """Write the report of some results, copy what is read of it, and pack the runs. The target is made anew.

    whole : whether nothing is left out.
    """
    write_report(results)
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(path for pattern in KEPT for path in results.glob(pattern)):
        if whole or (path.stem in FIGURES if path.suffix == ".svg" else path.name not in LEFT_OUT):
            copy = target / path.relative_to(results)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    pack(results, target / "runs.tar.xz")


def pack(results: Path, archive: Path) -> None:
    """The stored runs as an archive without owners and times; locks and what else lies there stay out.

    All curves come first and runs of one cell beside each other, which saves a tenth of the bytes.
    """
    runs = sorted((results / "runs").glob("*/run.json"), key=_place)
    files = [run.with_name(name) for name in ("curve.csv", "run.json") for run in runs]
    files += [results / name for name in ("suite.json", "grokbench.json")]
    with lzma.open(archive, "wb", filters=[FILTER]) as packed, tarfile.open(fileobj=packed, mode="w|") as file:
        for path in filter(Path.exists, files):
            file.add(path, path.relative_to(results).as_posix(), filter=_without_traces)


def _place(run: Path) -> tuple:
    config = json.loads(run.read_text(encoding="utf-8"))["config"]
    options = [json.dumps(config[name], sort_keys=True) for name in ("task_options", "learner_options")]
    return config["task"], config["learner"], *options, config["seed"], run.parent.name


def _without_traces(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def main() -> None:
    """Keep the results that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--whole", action="store_true", help="leave nothing out")
    options = parser.parse_args()
    keep(options.results, REFERENCE / options.results.name, options.whole)


if __name__ == "__main__":
    main()
