"""The plain loop learns the table that it says, and its recorder sees it memorized; the rest is minutes long."""

import plain_loop
import pytest
import torch


def test_examples_are_the_table_of_sums_once_each():
    torch.manual_seed(0)
    (inputs, sums), (others, answers) = plain_loop.examples()
    assert (len(sums), len(answers)) == (576, 385)
    numbers = [part.reshape(-1, 2, 31).argmax(2) for part in (inputs, others)]
    assert (numbers[0].sum(1) % 31 == sums).all()
    assert (numbers[1].sum(1) % 31 == answers).all()
    assert len({tuple(pair.tolist()) for part in numbers for pair in part}) == 31 * 31


@pytest.mark.filterwarnings("ignore::UserWarning")  # memorized: what the study is about
def test_a_short_run_memorizes_and_has_not_generalized(monkeypatch):
    monkeypatch.setattr(plain_loop, "STEPS", 150)
    seen = plain_loop.trained(0).detection()
    assert seen.t_mem == pytest.approx(60.3, rel=0.05)
    assert not seen.t_gen >= 0
