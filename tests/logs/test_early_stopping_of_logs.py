"""What detect says of early stopping, on logs whose answer is known by counting rows."""

from __future__ import annotations

import csv
import io
import json

import pytest


@pytest.fixture
def late(tmp_path):
    """A row every 10 steps: fits at row 5, generalizes at row 60, and between them nothing improves."""
    rows = [f"{10 * i},{0.1 if i < 5 else 1.0},{0.1 if i < 60 else 1.0}" for i in range(100)]
    path = tmp_path / "late.csv"
    path.write_text("step,train_acc,test_acc\n" + "\n".join(rows) + "\n")
    return path


def test_a_line_beside_the_events_says_what_patience_10_would_have_done(grokbench, late):
    status, out, _ = grokbench("detect", late, "--classes", 10)
    assert status == 0
    assert "patience 10 on held-out accuracy: would have stopped at 100, before the run generalized" in out
    assert "keeping accuracy 0.100 (1.000 at the end)" in out
    row = json.loads(grokbench("detect", late, "--classes", 10, "--json")[1])[0]
    assert "rules" not in row
    assert row["early_stopping"][0].startswith("early stopping, patience 10")


def test_rule_by_rule(grokbench, late):
    status, out, _ = grokbench("detect", late, "--classes", 10, "--early-stopping", "--format", "csv")
    assert status == 0
    rows = {row["rule"]: row for row in csv.DictReader(io.StringIO(out))}
    assert {name: rows[f"patience {name}"]["stop"] for name in (3, 5, 10, 20, 50)} == {
        3: "30", 5: "50", 10: "100", 20: "200", 50: "500"
    }  # fmt: skip
    assert float(rows["patience 100"]["regret"]) == 0
    assert rows["patience 50"]["stopped_before_generalizing"] == "1"
    assert float(rows["patience 10"]["needed_checks"]) in (59, 60)  # checks without improvement before row 60
    for form in ("table", "markdown", "json"):
        assert grokbench("detect", late, "--classes", 10, "--early-stopping", "--format", form)[0] == 0
    out = grokbench("detect", late, "--classes", 10, "--early-stopping")[1]
    assert out.startswith("read: ")
    assert "checks or more" in out


def test_a_log_without_held_out_accuracy_has_no_audit(grokbench, tmp_path):
    path = tmp_path / "losses.csv"
    rows = [f"{i},{2.3 * 0.9**i},{2.3 * 0.95**i}" for i in range(100)]
    path.write_text("step,train_loss,val_loss\n" + "\n".join(rows) + "\n")
    status, out, _ = grokbench("detect", path, "--classes", 10, "--json")
    assert status == 0
    assert json.loads(out)[0]["early_stopping"] == []
    status, out, _ = grokbench("detect", path, "--classes", 10, "--early-stopping")
    assert status == 0
    assert "losses: no column says that it is held-out accuracy" in out
