"""The made-up stores are stores: what `report` says of them is what was put in."""

import csv

import stores

from grokbench.report.write import write_report


def test_made_up_runs_are_reported(tmp_path):
    stores.main([str(tmp_path), "--settings", "2", "--seeds", "3", "--learners", "mlp", "rfm"])
    write_report(tmp_path)
    with open(tmp_path / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {row["status"] for row in rows} == {"done"}
    assert all(5 < float(row["t_mem"]) < 30 < float(row["t_gen"]) for row in rows)
