"""Tables from hand-made runs: the contract's columns in its order, the same bytes each time, empty where undefined."""

import json
import math
import re
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest
from support_tables import NEVER, crossing, curve, derived, fill, put, read, report

import grokbench
from grokbench.curves.schedule import checkpoints
from grokbench.curves.trace import COLUMNS
from grokbench.errors import UsageError
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading
from grokbench.report.write import write_report
from grokbench.runs.store import Store
from grokbench.tables.delays import delay_text
from grokbench.tables.text import escape, markdown, plain, readable

# copied from the contract, section 3; the last is the verdicts' section 8
CONTRACT = {
    "runs": "key, suite, task, task_options, learner, learner_options, family, seed, split, clock, status, outcome, "
    "t_mem, t_mem_censoring, t_gen, t_gen_censoring, delay, delay_censoring, loss_delay, loss_delay_censoring, width, "
    "head, skill_at_mem, rank_delay, rank_width, offset, resolved, late, t_mem_low, t_mem_high, t_gen_low, t_gen_high, "
    "delay_low, delay_high, t_mem_first, t_gen_first, t_mem_lost, t_mem_lost_longest, t_mem_lost_deepest, t_gen_lost, "
    "t_gen_lost_longest, t_gen_lost_deepest, train_accuracy, test_accuracy, train_loss, test_loss, n_train, n_test, "
    "n_classes, chance, baseline_loss, budget, checkpoints, cpu_seconds, wall_seconds, "
    "peak_memory_mb, environment, error",
    "curves": "key, time, cpu_seconds, train_accuracy, test_accuracy, train_loss, test_loss, skill, rank_auc",
    "sensitivity": "task, learner, learner_options, level, runs, t_mem, t_gen, delay, late, outcomes",
    "delays": "task, task_options, learner, learner_options, family, runs, failed, late, late_low, late_high, "
    "outcomes, t_mem, t_gen, delay, delay_low, delay_high, loss_delay, resolved, test_accuracy, cpu_seconds, "
    "environments",
    "comparisons": "task, a, b, n_a, n_b, late_a, late_b, delay_a, delay_b, difference, low, high, win, p, p_holm, "
    "verdict, environments",
    "early_stopping": "task, learner, rule, stopped_before_generalizing, test_accuracy_at_stop, final_test_accuracy, "
    "regret",
    "prevalence": "task, task_options, family, learners, settings, settings_late, runs, undecided, late, share, low, "
    "high",
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A filled store after a report; tests only read it."""
    store = Store(tmp_path_factory.mktemp("filled") / "results")
    fill(store)
    put(store, "mlp", 60, status="failed", rows=[], error="a | b\n<script> `c` *d* \\|", options={"name": "x|y"})
    for seed in range(3):
        put(store, "rfm", seed, t_mem=1, t_gen=12, family="feature-learning kernel")
    write_report(store.results)
    return store


@pytest.fixture
def copied(filled, tmp_path):
    """A copy of the filled store."""
    shutil.copytree(filled.results, tmp_path / "results")
    return Store(tmp_path / "results")


@pytest.mark.parametrize("name", CONTRACT)
def test_columns_are_the_contract_s_in_its_order(filled, name):
    """A column that is new stands anywhere; those that were promised keep their names and their order."""
    header = (filled.results / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    promised = CONTRACT[name].split(", ")
    assert [column for column in header if column in promised] == promised
    assert len(read(filled, name)) > 1


def test_tables_of_no_runs_have_their_columns(store):
    store.prepare()
    for name, rows in zip(CONTRACT, report(store, *CONTRACT), strict=True):
        assert rows == []
        header, newline, nothing = (store.results / f"{name}.csv").read_text().partition("\n")
        assert set(CONTRACT[name].split(", ")) <= set(header.split(","))
        assert (newline, nothing) == ("\n", "")


def test_a_late_run_is_described_as_the_hand_computes_it(store):
    key = put(store, t_mem=20, t_gen=300)
    (row,) = report(store, "runs")
    t_mem, t_gen = crossing(20, 5000), crossing(300, 5000)
    assert row["key"] == key
    assert (row["outcome"], row["status"], row["late"], row["resolved"], row["offset"]) == (
        *("groks", "done", "1", "true", "false"),
    )
    assert float(row["t_mem"]) == pytest.approx(t_mem, rel=1e-5)  # six significant digits
    assert float(row["t_gen"]) == pytest.approx(t_gen, rel=1e-5)
    assert float(row["delay"]) == pytest.approx(math.log10(t_gen / t_mem), rel=1e-5)
    assert {row[f"{name}_censoring"] for name in ("t_mem", "t_gen", "delay", "loss_delay")} == {"observed"}
    assert (row["seed"], row["n_train"], row["checkpoints"], row["budget"]) == (
        "0",
        "24",
        str(len(checkpoints(5000))),
        "5000",
    )
    assert (row["split"], row["suite"], row["environment"], row["error"]) == ("split0", "hand", "abc123", "")
    assert (row["task_options"], row["learner_options"], row["family"], row["clock"]) == ("", "", "neural", "steps")
    assert (row["test_accuracy"], row["train_loss"], row["chance"], row["baseline_loss"]) == ("1", "0.1", "0.25", "1")


def test_what_never_came_is_an_empty_cell(store):
    put(store, "linearized", t_gen=NEVER)
    put(store, "mlp", t_mem=NEVER, t_gen=NEVER)
    lazy, mlp = report(store, "runs")
    assert (lazy["t_gen"], lazy["t_gen_censoring"], lazy["delay_censoring"]) == ("", "right", "right")
    assert float(lazy["delay"]) == pytest.approx(math.log10(5000 / crossing(20, 5000)), rel=1e-5)
    assert (mlp["outcome"], mlp["t_mem"], mlp["delay"], mlp["delay_censoring"], mlp["late"]) == (
        "never_fits",
        "",
        "",
        "",
        "",
    )


def test_no_cell_ever_reads_nan_inf_or_none(filled):
    for name, content in derived(filled).items():
        if name.endswith((".csv", ".md")):
            cells = re.split(r"[,|\n]", content.decode())
            assert not {cell_.strip().lower() for cell_ in cells} & {"nan", "inf", "-inf", "none", "null"}, name


def test_curves_are_the_stored_rows_in_ten_digits(store):
    rows = curve(20, 200, 60)
    rows[3]["test_loss"] = 1 / 3
    rows[4]["skill"] = math.nan
    key = put(store, budget=60, rows=rows)
    table = report(store, "curves")
    assert {row["key"] for row in table} == {key}
    assert [float(row["time"]) for row in table] == [row["time"] for row in rows]
    assert table[3]["test_loss"] == "0.3333333333"
    assert table[4]["skill"] == ""
    for name in COLUMNS:
        assert table[7][name] == format(rows[7][name], ".10g")


def test_delays_are_medians_with_intervals_and_counts(filled):
    delays = {(row["task_options"], row["learner"], row["learner_options"]): row for row in read(filled, "delays")}
    mlp = delays["", "mlp", ""]
    times = sorted(crossing(200 + 10 * seed, 5000) for seed in range(12))
    delays_of_runs = [math.log10(time / crossing(20, 5000)) for time in times]
    assert (mlp["runs"], mlp["failed"], mlp["resolved"]) == ("14", "1", "1")  # crashed is left out, diverged counts
    assert mlp["outcomes"] == "12 groks, 1 unconfirmed"
    assert float(mlp["late"]) == 1.0
    assert float(mlp["late_low"]) == pytest.approx(binomtest(12, 12).proportion_ci(method="exact").low, rel=1e-5)
    assert float(mlp["delay_low"]) <= float(mlp["delay"]) <= float(mlp["delay_high"])
    # 13 runs, one censored before all events: Kaplan-Meier leaves 12 events, and the median lies at the 6th or 7th
    assert delays_of_runs[5] - 1e-5 <= float(mlp["delay"]) <= delays_of_runs[6] + 1e-5
    assert float(mlp["t_mem"]) == pytest.approx(crossing(20, 5000), rel=1e-5)
    lazy = delays["", "linearized", ""]
    assert (lazy["outcomes"], lazy["late"], lazy["t_gen"], lazy["delay"], lazy["delay_low"]) == (
        *("12 memorizes_only", "0", "", "", ""),
    )
    broken = delays["", "mlp", '{"width": 9}']
    assert (broken["runs"], broken["failed"], broken["outcomes"], broken["t_mem"]) == ("1", "1", "", "")
    shuffled = delays['{"labels": "shuffled"}', "mlp", ""]
    assert (shuffled["outcomes"], shuffled["late"]) == ("12 memorizes_only", "0")


def test_controls_stand_behind_the_real_thing(store):
    put(store, "a", task={"labels": "shuffled"}, t_gen=NEVER)
    put(store, "z")
    put(store, "b")
    assert [row["learner"] for row in report(store, "runs")] == ["b", "z", "a"]


def test_sensitivity_has_three_levels_per_cell(filled):
    table = read(filled, "sensitivity")
    cells = {(row["task"], row["learner"], row["learner_options"]) for row in table}
    assert [row["level"] for row in table] == ["0.9", "0.95", "0.99"] * len(cells)
    mlp = [row for row in table if row["learner"] == "mlp" and not row["learner_options"] and "shuf" not in row["task"]]
    assert [row["runs"] for row in mlp] == ["13"] * 3
    t_mem = [float(row["t_mem"]) for row in mlp]
    assert t_mem == sorted(t_mem)
    assert t_mem[0] < t_mem[2]  # a jump passes .90 before .99


def test_comparisons_judge_learners_and_families(filled):
    rows = read(filled, "comparisons")
    table = {(row["task"] == "all", row["a"], row["b"]): row for row in rows}
    assert len(table) == len(rows), "shuffled labels are not compared"
    row = table[False, "linearized", "xgboost"]
    assert (row["n_a"], row["n_b"], row["late_a"], row["late_b"]) == ("12", "12", "0", "0")
    assert row["delay_a"] == row["difference"] == ""
    assert (row["verdict"], row["win"]) == ("later", "1")
    assert table[True, "lazy", "trees"]["verdict"] == "later"
    for row in table.values():
        assert row["verdict"] in ("later", "earlier", "no evidence", "too few runs", "not comparable")
        if row["p_holm"]:
            assert 0 < float(row["p"]) <= float(row["p_holm"]) <= 1


def register(store: Store, *pairs: list[str]) -> None:
    """What a suite's `comparisons` leave beside the runs; "nets" is the id of two tables of mlp."""
    cells = {"nets": [["mlp", ""], ["mlp", '{"width": 99}']], "xgboost": [["xgboost", ""]]}
    (store.results / "suite.json").write_text(json.dumps({"comparisons": pairs, "learners": cells}))


def test_the_sides_of_a_comparison_are_mirror_images(copied):
    rows = []
    for pair in (["nets", "xgboost"], ["xgboost", "nets"]):
        register(copied, pair)
        rows += report(copied, "comparisons")
    one, other = rows
    assert (one["a"], one["b"], one["verdict"]) == (other["b"], other["a"], "later")
    assert other["verdict"] == "earlier"
    assert float(one["difference"]) == pytest.approx(-float(other["difference"]))
    assert (one["delay_a"], one["win"]) == (other["delay_b"], "1")


def test_only_registered_pairs_are_compared(filled, copied):
    everything = read(filled, "comparisons")
    register(copied, ["nets", "xgboost"], ["trees", "neural"])
    first, second = report(copied, "comparisons")
    assert first["a"].startswith("mlp")
    assert [first["b"], second["task"], second["a"], second["b"]] == ["xgboost", "all", "trees", "neural"]
    (wider,) = [row for row in everything if (row["a"], row["b"]) == (first["a"], "xgboost")]
    assert first["p"] == wider["p"]
    assert float(first["p_holm"]) < float(wider["p_holm"]), "Holm counts the registered rows alone"
    register(copied)
    assert report(copied, "comparisons") == []


def test_nine_seeds_are_too_few_for_a_claim(store):
    for seed in range(9):
        put(store, "mlp", seed)
        put(store, "linearized", seed, t_gen=NEVER, family="lazy")
    assert {row["verdict"] for row in report(store, "comparisons")} == {"too few runs"}


def test_failed_and_crashed_runs_count_as_lost_in_comparisons(store):
    for seed in range(12):
        put(store, "mlp", seed, **({"status": "failed", "rows": []} if seed < 4 else {}))
        put(store, "linearized", seed, t_gen=NEVER, family="lazy")
    verdicts = {row["verdict"] for row in report(store, "comparisons")}
    assert verdicts == {"too few runs"}, "a third of one side is more than a fifth"


def test_a_timeout_counts_with_its_curve_so_far(store):
    put(store, status="timeout", rows=curve(20, 200, 5000)[:-3], error="time limit of 3 s; reached 3000")
    (row,) = report(store, "delays")
    assert (row["runs"], row["failed"], row["outcomes"]) == ("1", "1", "1 groks")


@pytest.mark.parametrize(
    ("variant", "shown"),
    [
        ({"budget": 4000}, "budget"),
        ({"config": {"learner_version": 2}}, "learner_version"),
        ({"config": {"device": "cuda"}}, "device"),
    ],
)
def test_runs_that_differ_in_more_than_the_seed_are_never_one_cell(store, variant, shown):
    put(store)
    put(store, **variant)
    put(store, "rfm")
    rows = report(store, "delays")
    assert [row["runs"] for row in rows] == ["1", "1", "1"]
    assert [shown in row["learner_options"] for row in rows] == [True, True, False]
    assert len({row["learner_options"] for row in rows}) == 3


def test_the_order_of_running_changes_no_byte(store, tmp_path):
    other = Store(tmp_path / "other" / "results")
    fill(store)
    fill(other, lambda seeds: seeds[::-1])
    write_report(store.results)
    write_report(other.results)
    assert derived(store) == derived(other)


def test_a_report_rebuilds_the_same_bytes(filled, copied):
    store, first = copied, derived(filled)
    assert set(first) == {
        *(f"{name}.csv" for name in CONTRACT),
        *("runs.md", "delays.md", "sensitivity.md", "comparisons.md", "prevalence.md", "early_stopping.md"),
        "environment.json",
    }
    for name in first:
        (store.results / name).unlink()
    write_report(store.results)
    assert derived(store) == first


def test_a_new_cell_changes_no_row_of_another(filled, copied):
    """Seeds of bootstraps derive from the row's identity, not from its place."""
    for seed in range(12):
        put(copied, "a-first-learner", seed, t_gen=100)
    after = report(copied, "delays")
    assert [row for row in after if row["learner"] != "a-first-learner"] == read(filled, "delays")


def test_environments_are_referred_to_by_hash(store):
    put(store, "a")
    put(store, "b", environment={"hash": "def456", "python": "3.12"})
    assert [row["environment"] for row in report(store, "runs")] == ["abc123", "def456"]
    environments = json.loads((store.results / "environment.json").read_text())
    assert environments == {
        "abc123": {"hash": "abc123", "python": "3.11"},
        "def456": {"hash": "def456", "python": "3.12"},
    }


def test_a_run_that_cannot_be_judged_is_a_row_without_judgement(store):
    put(store, chance=1.0)
    with pytest.warns(UserWarning, match=r"run \w+: chance = 1"):
        (row,) = report(store, "runs")
    assert (row["status"], row["outcome"], row["t_mem"], row["checkpoints"]) == (
        "done",
        "",
        "",
        str(len(checkpoints(5000))),
    )


def test_a_table_that_cannot_be_written_is_a_usage_error(store):
    put(store)
    (store.results / "delays.csv").mkdir()
    with pytest.raises(UsageError, match=r"delays\.csv: cannot be written"):
        write_report(store.results)


# ---------------------------------------------------------------- Markdown


def test_every_markdown_table_has_as_many_cells_as_columns(filled):
    for name in ("runs", "delays", "sensitivity", "comparisons", "prevalence"):
        text = (filled.results / f"{name}.md").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert len(lines) > 3
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}) == 1
        assert "<" not in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),
        ("<b>", "&lt;b>"),
        ("R&D", "R&amp;D"),
        ("&lt;", "&amp;lt;"),
        ("two\nlines", "two lines"),
        ("x*y*z", "x\\*y\\*z"),
        ("`code`", "\\`code\\`"),
    ],
)
def test_text_cannot_break_out_of_its_cell(text, escaped):
    assert escape(text) == escaped


def test_a_markdown_table():
    columns = {"task": "task", "x": "a heading"}
    rows = [{"task": "x|y", "x": 0.123456}, {"task": None, "x": math.nan}, {"x": True}]
    assert markdown(columns, rows) == ("| task | a heading |\n| --- | --- |\n| x\\|y | 0.123 |\n|  |  |\n|  | true |\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[
            (None, ""),
            (math.nan, ""),
            (math.inf, ""),
            (True, "true"),
            (False, "false"),
            (0.0, "0"),
            (3, "3"),
            ("a", "a"),
        ],
        *[(1 / 3, "0.333333"), (1234567.0, "1.23457e+06"), (np.float64(2.5), "2.5")],
    ],
)
def test_a_cell_of_a_csv(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1234567.0, "1230000"), (0.00012345, "0.000123"), (19.96, "20"), (1e12, "1e+12")]
)
def test_a_cell_that_people_read(value, text):
    assert readable(value) == text


def test_a_delay_in_words(filled):
    text = (filled.results / "delays.md").read_text(encoding="utf-8")

    def line(learner: str) -> str:
        (row,) = re.findall(rf"^\| modular(?:\(labels=true\))? \| {learner} \|.*", text, re.M)
        return row

    assert re.search(r"\| 12/12 \|.*\| 1\.1\d \[1\.0\d, 1\.\d\d\] \|", line(r"mlp\(width=8\)")), "median [interval]"
    assert "never (> 2.4" in line("linearized")
    assert "≥ 1.0" in line("rfm")


def test_a_delay_without_an_interval_is_shown_without_one():
    assert delay_text(1.234, math.nan, math.nan, []) == "1.23"
    assert delay_text(math.nan, math.nan, math.nan, []) == ""


# ---------------------------------------------------------------- what reads the tables


def test_load_reads_what_was_written(filled):
    results = grokbench.load(filled.results)
    for name in CONTRACT:
        frame, rows = getattr(results, name), read(filled, name)
        assert list(frame.columns) == list(rows[0])
        assert len(frame) == len(rows)
    assert results.runs.query("outcome == 'groks'").late.eq(1).all()
    assert results.runs.t_gen.isna().any()


def test_load_says_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match="no such results folder"):
        grokbench.load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"runs\.csv: no such table; rebuild it with: python -m grokbench report"):
        _ = grokbench.load(tmp_path / "empty").runs


@pytest.mark.parametrize("first", [1.0, 0.01])
def test_detect_on_our_own_curves_says_what_runs_csv_says(store, first):
    """Also on a flow, whose unit is its first positive checkpoint."""
    for number, (t_mem, t_gen) in enumerate([(20, 200), (3, 300), (20, NEVER), (NEVER, NEVER), (30, 35), (1, 1)]):
        rows = [{**row, "time": row["time"] * first} for row in curve(t_mem, t_gen, 5000)]
        put(store, seed=number, rows=rows, unit=first)
    runs = report(store, "runs")
    assert len({row["outcome"] for row in runs}) > 3
    for run, detected in zip(runs, detect_files([store.results / "curves.csv"]), strict=True):
        assert detected["series"] == run["key"]
        for name in set(detected) & set(run):
            assert plain(detected[name]) == run[name], name


def test_a_copy_of_our_curves_is_a_stranger_s_log(store, tmp_path):
    put(store)
    write_report(store.results)
    shutil.copy(store.results / "curves.csv", tmp_path / "log.csv")
    with pytest.raises(UsageError, match="--chance"):
        detect_files([tmp_path / "log.csv"])
    (row,) = detect_files([tmp_path / "log.csv"], Reading(classes=4))
    assert row["outcome"] == "groks"
