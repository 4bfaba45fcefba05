"""The shares and delays of docs/findings/claims.md are those of the committed runs and tables of needs."""

import csv
import io
import json
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "findings" / "claims.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
FRONT = " ".join((ROOT / "docs" / "findings.md").read_text(encoding="utf-8").split())


@cache
def table(suite: str, name: str) -> list[dict[str, str]]:
    with open(ROOT / "results" / "reference" / suite / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts(suite: str, family: str, task: str, factor: str) -> str:
    """Late runs out of decided ones with a factor and without, as the page has them."""
    wanted = (family, task, factor)
    row = next(row for row in table(suite, "needs") if (row["family"], row["task"], row["factor"]) == wanted)
    return ", ".join(
        f"{round(float(row[side]) * int(row[f'{side}_n']))}/{row[f'{side}_n']}" for side in ("with", "without")
    )


@pytest.mark.parametrize(
    ("line", "suite", "family", "task", "factor"),
    [
        ("networks, exclusive or of 40 bits", "lazy-to-rich", "mlp", "xor40", "features"),
        ("networks, exclusive or of 40 bits", "complexity", "mlp", "xor40, squares", "pressure"),
        ("networks, exclusive or of 40 bits", "complexity", "mlp", "xor40, orthogonal gradient", "pressure"),
        ("networks, addition", "complexity", "mlp", "add60, squares", "pressure"),
        ("networks, addition", "complexity", "mlp", "add60, orthogonal gradient", "pressure"),
        *(
            ("networks from a large start, exclusive or of 20 bits", "eight-cells", "mlp", "xor600", factor)
            for factor in ("features", "pressure", "start")
        ),
        ("committees, one direction", "lazy-to-rich", "committee", "index", "features"),
        ("committees, one direction", "complexity", "committee", "index", "pressure"),
        ("boosted trees, parity of 3 bits", "lazy-to-rich", "trees", "bits", "features"),
        ("boosted trees, parity of 3 bits", "complexity", "trees", "bits", "pressure"),
        ("recursive feature machines, addition", "complexity", "rfm", "add60", "pressure"),
        ("flow of a fixed kernel, exclusive or", "lazy-to-rich", "kernel", "xor-n5", "pressure"),
        ("flow of a fixed kernel, exclusive or", "lazy-to-rich", "kernel", "xor-n5", "start"),
    ],
)
def test_who_needs_what_has_the_shares_of_the_tables_of_needs(line, suite, family, task, factor):
    row = next(row for row in PAGE.splitlines() if row.startswith(f"| {line} |"))
    assert counts(suite, family, task, factor) in row


def medians(suite: str, learner: str, bits: dict[str, int], options: dict[str, float]) -> tuple[float, float]:
    """The median delay in decades and head of the runs whose options are those, and no others of ridge and start."""
    runs = [
        row
        for row in table(suite, "runs")
        if row["learner"] == learner
        and json.loads(row["task_options"] or "{}") == {"k": 2} | bits
        and chosen(row) == options
    ]
    assert len(runs) == 20
    return tuple(float(np.median([float(row[name]) for row in runs])) for name in ("delay", "head"))


def chosen(row: dict[str, str]) -> dict[str, float]:
    """The options of a start and of pressure."""
    options = json.loads(row["learner_options"] or "{}")
    return {name: options[name] for name in ("ridge", "start", "init_scale", "weight_decay") if name in options}


TWENTY = {"n_bits": 20, "n_train": 400}


@pytest.mark.parametrize(
    ("bits", "options", "delay", "head"),
    [
        (TWENTY, {"ridge": 1e-4}, ".57", ".69"),
        ({}, {"ridge": 1e-4}, "1.07", ".58"),
        (TWENTY, {}, ".57", ".69"),
        ({}, {}, "1.07", ".58"),
        (TWENTY, {"ridge": 1e-4, "start": 30}, "2.18", ".11"),
        ({}, {"ridge": 1e-4, "start": 30}, "2.45", ".07"),
    ],
)
def test_delays_of_fixed_kernels_and_how_far_they_are_when_they_have_fitted(bits, options, delay, head):
    assert medians("lazy-to-rich", "kernel_flow", bits, options) == pytest.approx(
        (float(delay), float(head)), abs=0.005
    )
    section = TEXT.split("## 1. ")[1].split("## 2. ")[0]
    assert f"{delay} " in section
    assert f"{head} " in section or f"{head}. " in section


def test_the_front_page_has_the_delays_from_zero():
    assert "by .57 to 1.07 decades" in FRONT


def test_the_delay_of_the_frozen_network_from_the_usual_start():
    bits = {"n_bits": 20, "n_train": 600}
    assert medians("eight-cells", "linearized", bits, {"weight_decay": 1e-4}) == pytest.approx((0.865, 0.77), abs=0.006)
    assert "it takes .86 decades more from there, too, but is .77 of the way up" in TEXT


def test_readiness_that_is_quoted_is_that_of_the_table_of_what_moves_first():
    tables = (ROOT / "docs" / "findings" / "tables.md").read_text(encoding="utf-8")
    for row, quoted in {
        "| R | mlp | add | 0.003 [-0.007, 0.009] |": ".003 decades [-.007, .009]",
        "| R | mlp | xor40 | 0.204 [0.061, 0.265] |": ".204 decades before [.061, .265]",
        "| R | trees | bits | -0.019 [-0.028, -0.009] |": ".02 decades *after* [.01, .03]",
    }.items():
        assert row in tables
        assert quoted in TEXT


def test_more_ridge_is_later_in_recursive_feature_machines():
    row = next(
        row for row in table("complexity", "explanations") if (row["prediction"], row["family"]) == ("C7", "rfm")
    )
    assert (float(row["estimate"]), row["verdict"]) == (-1, "contradicted")
    assert "more ridge is later: tau -1" in TEXT


@cache
def curves(suite: str) -> dict[str, dict[str, np.ndarray]]:
    """Key -> column -> values, of the runs whose features' dimension was measured."""
    columns = {}
    with tarfile.open(ROOT / "results" / "reference" / suite / "runs.tar.xz") as archive:
        for member in archive:
            if member.name.endswith("/curve.csv"):
                text = archive.extractfile(member).read().decode()
                if "feature_dimension" in text.partition("\n")[0]:
                    rows = list(csv.DictReader(io.StringIO(text)))
                    names = ("time", "test_accuracy", "feature_dimension", "weight_bits")
                    columns[member.name.split("/")[-2]] = {
                        name: np.array([float(row[name] or "nan") for row in rows]) for name in names
                    }
    return columns


def cell(task: dict[str, object]) -> dict[str, dict[str, str]]:
    """Seed -> run with both measures of complexity, of one task modulo 31."""
    wanted = {"modulus": 31} | task
    return {
        row["seed"]: row
        for row in table("complexity", "runs")
        if json.loads(row["task_options"]) == wanted and row["key"] in curves("complexity")
    }


def log_of(row: dict[str, str], column: str, times) -> np.ndarray:
    """log10 of a column of a run at some times, straight between checkpoints in the logarithm of both."""
    curve = curves("complexity")[row["key"]]
    return np.interp(np.log(times), np.log(np.maximum(curve["time"], 0.5)), np.log10(curve[column]))


def window(free: dict[str, str], twin: dict[str, str], column: str) -> tuple[float, float]:
    """From the peak beside the twin, between t_mem and t50, to twice t_gen."""
    curve = curves("complexity")[free["key"]]
    end = min(curve["time"][-1], 2 * float(free["t_gen"]))
    half = curve["time"][np.argmax((curve["test_accuracy"] - 1 / 31) / (30 / 31) >= 0.5)]
    times = curve["time"][(curve["time"] >= float(free["t_mem"])) & (curve["time"] <= half)]
    return float(times[np.argmax(log_of(free, column, times) - log_of(twin, column, times))]), end


FREE, FEW, TWIN = {"train_fraction": 0.4}, {"train_fraction": 0.2}, {"train_fraction": 0.4, "labels": "shuffled"}


@pytest.mark.parametrize(
    ("column", "task", "fall"),
    [
        ("feature_dimension", FREE, 0.14),
        ("feature_dimension", TWIN, 0.00),
        ("feature_dimension", FEW, 0.10),
        ("feature_dimension", FEW | {"labels": "shuffled"}, 0.11),
        ("weight_bits", FREE, 0.43),
        ("weight_bits", TWIN, 0.27),
        ("weight_bits", FEW, 0.24),
    ],
)
def test_how_far_complexity_falls_by_itself(column, task, fall):
    free, twin, runs = cell(FREE), cell(TWIN), cell(task)
    assert len(free) == 12
    falls = [-np.diff(log_of(runs[seed], column, window(free[seed], twin[seed], column)))[0] for seed in free]
    assert np.median(falls) == pytest.approx(fall, abs=0.006)
    assert f"by {fall:.2f}".replace(" 0.", " .") in TEXT or task == FEW | {"labels": "shuffled"}


def test_where_the_window_of_the_fall_begins_and_between_what_it_falls():
    free, twin = cell(FREE), cell(TWIN)
    windows = {seed: window(free[seed], twin[seed], "feature_dimension") for seed in free}
    ends = np.array([10 ** log_of(free[seed], "feature_dimension", times) for seed, times in windows.items()])
    assert np.median([times[0] / float(free[seed]["t_mem"]) for seed, times in windows.items()]) == pytest.approx(
        5.4, abs=0.05
    )
    assert np.median(ends, axis=0) == pytest.approx([83, 60], abs=0.6)
    assert "at 5.4 t_mem" in TEXT
    assert "from 83 to 60" in TEXT
