"""The runs to do: of a store, one for each claim, and of an order, one alone."""

import pytest
from test_store import a_run, record

from grokbench.runs.store import Store
from grokbench.runs.work import ClaimedWork, SoleRun


class Order:
    """As much of a `RunSpec` as work looks at."""

    def __init__(self, seed: int):
        self.key = record(seed)["key"]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    store.prepare()
    return store


def test_a_run_is_taken_kept_and_stored_once(store):
    orders = [Order(seed) for seed in range(3)]
    with ClaimedWork(orders, store) as work, ClaimedWork(orders, store) as other:
        first, _ = next(work.take())
        assert first is orders[0]
        assert [(spec, run) for spec, run in other.take()] == [(orders[1], None), (orders[2], None)]
        assert list(work.take()) == []  # all claimed
        work.keep(a_run(0))
        ((spec, run),) = other.take()
        assert (spec, run.key) == (orders[0], orders[0].key)
        assert not other
        other.give_up(orders[1])
        ((spec, run),) = work.take()
        assert (spec, run) == (orders[1], None)
        work.put_back(spec)
        assert next(work.take()) == (orders[1], None)
    assert store.keys() == [orders[0].key]
    assert not (store.results / "locks").exists()


def test_a_failure_of_before_is_to_do_and_a_result_is_not(store):
    orders = [Order(0), Order(1)]
    store.write(a_run(0, status="failed"))
    store.write(a_run(1))
    with ClaimedWork(orders, store) as work:
        assert [(spec, run and run.status) for spec, run in work.take()] == [(orders[0], None), (orders[1], "done")]


def test_a_sole_run_needs_no_store():
    order = Order(0)
    work = SoleRun(order)
    assert work
    assert list(work.take()) == [(order, None)]
    assert not work
    work.put_back(order)
    assert next(work.take()) == (order, None)
    run = a_run(0)
    work.keep(run)
    assert work.run is run
