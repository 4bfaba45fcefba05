"""One worker for whatever takes a number of them: a run has one thread, whichever class it is made of."""

from __future__ import annotations

from grokbench.errors import OptionError

WORKERS = ("jobs", "threads", "nthread", "nthreads", "workers", "cpus", "cores", "procs", "nprocs", "processes")
WORKER = ("job", "thread", "worker", "cpu", "core", "process")  # with a word for a number: "n_job", "thread_count"
NUMBER = ("n", "num", "nb", "max")
ONE = (1, None, "1", "None")  # as a suite can write it


def counts_workers(name: str) -> bool:
    """True for the name of a parameter that is a number of threads or processes, also of a part: "svc__n_jobs"."""
    *_, before, last = "", *name.split("__")[-1].lower().split("_")
    return last in WORKERS or (last == "count" and before in WORKER) or (before in NUMBER and last in WORKER)


def check_workers(parameters: object) -> None:
    """OptionError for a parameter, at any depth of tables and lists, that asks for more than one worker."""
    if isinstance(parameters, dict):
        for name, value in parameters.items():
            if isinstance(name, str) and counts_workers(name) and value not in ONE:
                raise OptionError("parameters", {name: value}, f"{name} = 1: a run has one thread")
            check_workers(value)
    elif isinstance(parameters, list | tuple):
        for value in parameters:
            check_workers(value)


def with_one_worker(model):
    """The estimator, set to one worker where its class would take more by itself.

    In scikit-learn None is one; elsewhere it may be all that the machine has.
    """
    counts = {name: value for name, value in model.get_params().items() if counts_workers(name)}
    more = {name: 1 for name, value in counts.items() if value != 1 and not (value is None and _is_sklearn(model))}
    return model.set_params(**more) if more else model


def _is_sklearn(model) -> bool:
    return type(model).__module__.split(".")[0] == "sklearn"
