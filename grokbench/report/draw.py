"""Figures to files: each that the runs have something to show in, as SVG and as PNG, from one specification."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grokbench.figures.base import Figure
from grokbench.figures.style import specification
from grokbench.registry import figures as registry
from grokbench.runs.files import make_folder
from grokbench.runs.store import write_atomically
from grokbench.tables.grid import Grid

FOLDER = "figures"
KINDS = (".svg", ".png")
SCALE = 2  # pixels of a PNG file for one of the drawing
NEEDED = ("altair", "vl_convert", "jinja2")
HOW_TO_INSTALL = "pip install 'grokbench[plot]'"
SWITCH = "GROKBENCH_FIGURES"  # "0" in the environment: tables alone


def can_draw() -> bool:
    """Whether the libraries of the extra `plot` are installed, for figures and pages."""
    return all(importlib.util.find_spec(name) for name in NEEDED)


def why_tables_alone() -> str:
    """Why a report has neither figures nor a page, and what to do about it; empty where it has them."""
    if os.environ.get(SWITCH) == "0":
        return f"unset {SWITCH}, then"
    return "" if can_draw() else f"{HOW_TO_INSTALL}, then"


def figures_of(grid: Grid) -> list[Figure]:
    """The registered figures that these runs have something to show in, the first to look at first."""
    made = (registry[name]() for name in registry.names())
    return sorted((figure for figure in made if figure.applies(grid)), key=lambda figure: (figure.rank, figure.name))


@dataclass(frozen=True)
class Drawn:
    """A figure of some runs: its words, and the Vega-Lite specification that SVG, PNG and the page are drawn from."""

    name: str
    title: str
    caption: str
    numbers: str  # name of the table that has them
    specification: dict


def drawn(grid: Grid) -> list[Drawn]:
    """The figures of these runs, the first to look at first."""
    figures = ((figure, figure.title(grid)) for figure in figures_of(grid))
    return [
        Drawn(figure.name, title, figure.caption(grid), figure.numbers, specification(figure.chart(grid), title))
        for figure, title in figures
    ]


def write_figures(results: Path, figures: Iterable[Drawn]) -> list[Path]:
    """Draw all figures of a results folder; returns the SVG files.

    Files of registered figures that are not among them, as the runs of an earlier report had them, are removed.
    """
    import vl_convert

    written, folder, figures = [], make_folder(results / FOLDER), list(figures)
    for name in set(registry.names()) - {figure.name for figure in figures}:
        for kind in KINDS:
            with contextlib.suppress(OSError):
                (folder / f"{name}{kind}").unlink()
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(figure.specification)
        path, picture = (folder / f"{figure.name}{kind}" for kind in KINDS)
        write_atomically(path, svg)
        write_atomically(picture, vl_convert.svg_to_png(svg, scale=SCALE))
        written.append(path)
    return written
