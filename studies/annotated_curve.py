"""Draws docs/figures/annotated_curve.svg: one curve of the reference, with everything on it that a detection says.

python studies/annotated_curve.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.figures.style import COLORS, GREY, INK, PALE, data, specification

if TYPE_CHECKING:
    import altair
    import pandas

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "reference" / "smoke"
FILE = ROOT / "docs" / "figures" / "annotated_curve.svg"
SHOWN = {"task_options": '{"modulus": 31, "train_fraction": 0.6}', "family": "neural", "outcome": "groks", "seed": 1}
LEVEL = 0.95
TITLE = "One network on addition modulo 31: it memorizes at step {t_mem:.0f} and generalizes at {t_gen:.0f}"


def shown_run() -> tuple[pandas.Series, pandas.DataFrame]:
    """The row of the shown run, and its curve with kappa, the accuracy above chance, of both splits."""
    import pandas as pd

    runs = pd.read_csv(FOLDER / "runs.csv", dtype={"key": str})
    for column, value in SHOWN.items():
        runs = runs[runs[column] == value]
    (_, run) = next(runs.iterrows())
    curves = pd.read_csv(FOLDER / "curves.csv", dtype={"key": str})
    curve = curves[(curves.key == run.key) & (curves.time > 0)]
    above = {
        f"kappa_{split}": (curve[f"{split}_accuracy"] - run.chance) / (1 - run.chance) for split in ("train", "test")
    }
    return run, curve.assign(**above)


def chart() -> dict:
    """The curve with its two events, the delay between them, the head and the level."""
    import altair as alt

    run, curve = shown_run()
    layers = [band(run), level(curve), *lines(curve), *events(run), *delay(run), *head(run)]
    whole = alt.layer(*layers).properties(width=620, height=270)
    return specification(whole, TITLE.format(**run))


def axes(x: str, y: str = "kappa") -> dict[str, object]:
    """The two axes of all layers: steps, and accuracy above chance."""
    import altair as alt

    steps = alt.Axis(values=[1, 10, 100, 1000, 5000], format=",d", grid=False)
    return {
        "x": alt.X(f"{x}:Q", scale=alt.Scale(type="log", domain=[1, 5000], nice=False), axis=steps, title="steps"),
        "y": alt.Y(f"{y}:Q", scale=alt.Scale(domain=[-0.12, 1.3]), axis=alt.Axis(values=[0, 0.5, 1], format=".1f"),
                   title="accuracy above chance"),
    }  # fmt: skip


def band(run: pandas.Series) -> altair.Chart:
    """The time in which the examples are known and the rule is not."""
    import altair as alt

    area = data([{"from": run.t_mem, "until": run.t_gen, "kappa": -0.12, "top": 1.3}])
    return alt.Chart(area).mark_rect(color=PALE, opacity=0.5).encode(**axes("from"), x2="until:Q", y2="top:Q")


def level(curve: pandas.DataFrame) -> altair.LayerChart:
    """The level of both events, named at the right end."""
    import altair as alt

    rule = alt.Chart(data([{"kappa": LEVEL}])).mark_rule(color=GREY, strokeDash=[1, 3])
    name = [{"time": float(curve.time.iloc[0]), "kappa": LEVEL - 0.06, "text": "level: .95 of the way to perfect"}]
    return rule.encode(y=axes("time")["y"]) + label(name, GREY, dx=6)


def lines(curve: pandas.DataFrame) -> list[altair.Chart]:
    """Training in grey, held out in the colour of networks, each with its name on it."""
    import altair as alt

    drawn = []
    for split, name, color, time in (("train", "training", GREY, 10.5), ("test", "held out", COLORS["neural"], 235)):
        rows = data(curve[["time", f"kappa_{split}"]].set_axis(["time", "kappa"], axis=1).to_dict("records"))
        drawn.append(alt.Chart(rows).mark_line(color=color, strokeWidth=2.5).encode(**axes("time")))
        drawn.append(label([{"time": time, "kappa": 0.5, "text": name}], color, align="right", dx=-6))
    return drawn


def events(run: pandas.Series) -> list[altair.Chart]:
    """A vertical line for t_mem and one for t_gen, each named at its foot."""
    import altair as alt

    names = [("t_mem", "right", -5), ("t_gen", "left", 5)]
    rules = alt.Chart(data([{"time": run[name]} for name, *_ in names])).mark_rule(color=INK, strokeDash=[4, 3])
    texts = [
        label([{"time": run[name], "kappa": 1.08, "text": f"{name} = {run[name]:.0f}"}], INK, align=align, dx=dx)
        for name, align, dx in names
    ]
    return [rules.encode(x=axes("time")["x"]), *texts]


def delay(run: pandas.Series) -> list[altair.Chart]:
    """A double arrow from the one to the other, with its length in decades."""
    import altair as alt

    height, middle = 1.12, (run.t_mem * run.t_gen) ** 0.5
    span = data([{"from": run.t_mem, "until": run.t_gen, "kappa": height}])
    line = alt.Chart(span).mark_rule(color=INK, strokeWidth=1.5)
    heads = [
        alt.Chart(data([{"time": run[name], "kappa": height}]))
        .mark_point(shape=shape, filled=True, color=INK, size=60, opacity=1, xOffset=offset)
        .encode(**axes("time"))
        for name, shape, offset in (("t_mem", "triangle-left", 5), ("t_gen", "triangle-right", -5))
    ]
    name = label([{"time": middle, "kappa": 1.21, "text": f"delay: {run.delay:.2f} decades"}], INK, align="center")
    return [line.encode(**axes("from"), x2="until:Q"), *heads, name]


def head(run: pandas.Series) -> list[altair.Chart]:
    """The held-out accuracy at t_mem: what was there when the examples were learned."""
    import altair as alt

    row = {"time": run.t_mem, "kappa": run["head"]}
    dot = alt.Chart(data([row])).mark_point(filled=True, size=70, color=COLORS["neural"], opacity=1)
    return [
        dot.encode(**axes("time")),
        label([{**row, "kappa": 0.06, "text": f"head: {run['head']:.2f}".replace("-", "−")}], INK, dx=8),
    ]


def label(rows: list[dict], color: str, **look: object) -> altair.Chart:
    """Words at a time and a height."""
    import altair as alt

    looks = {"align": "left", "fontSize": 12, "color": color, **look}
    return alt.Chart(data(rows)).mark_text(**looks).encode(**axes("time"), text="text:N")


def main() -> None:
    """Write the file."""
    import vl_convert

    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(vl_convert.vegalite_to_svg(chart()), encoding="utf-8")


if __name__ == "__main__":
    main()
