"""One run, from its configuration to its messages; the same code in a child process and in this one."""

from __future__ import annotations

import resource
import sys
import time
import traceback
from collections.abc import Callable

from grokbench.curves.trace import Course, facts
from grokbench.declarations import check_instance
from grokbench.errors import UsageError
from grokbench.registry import learners, sources, tasks
from grokbench.suites.registered import registered_keys, registered_rules
from grokbench.threads import one_thread, seconds_of_processes

ERROR_LENGTH, TRACE_LENGTH = 2_000, 50_000  # characters: an exception may quote all its data


def perform(config: dict, send: Callable[[dict], None]) -> None:
    """Carry out the run of a configuration and report on it by messages, each a dict.

    Sends ``{"facts": ...}`` at once (the rules in force) and with the first checkpoint, ``{"row": ...}`` per
    checkpoint, and at the end ``{"end": {...}}`` with status, error, traceback and what the run used. An
    exception of the task or the learner becomes part of that message, and is not raised.
    """
    send({"facts": {"registered": registered_rules(), "registered_cells": registered_keys()}})
    wall, cpu = time.monotonic(), time.process_time() + seconds_of_processes()
    status, error, trace = "failed", "", ""
    try:
        with one_thread():
            status = _follow(config, send)
    except (Exception, SystemExit) as exception:  # a learner that calls exit() has failed, not we
        if isinstance(exception, MemoryError):  # let go of what filled it: reporting takes memory too
            traceback.clear_frames(exception.__traceback__)
        error = _last_line(exception)[:ERROR_LENGTH]
        trace = traceback.format_exc()[-TRACE_LENGTH:]
    send(
        {
            "end": {
                "status": status,
                "error": error,
                "traceback": trace,
                "cpu_seconds": max(time.process_time() + seconds_of_processes() - cpu, 0.0),
                "wall_seconds": time.monotonic() - wall,
                "peak_memory_mb": _peak_memory_mb(),
            }
        }
    )


def _follow(config: dict, send: Callable[[dict], None]) -> str:
    """Send facts and checkpoints of a run as they come; returns its status."""
    _check_source(config)
    task = tasks.create(config["task"], **config["task_options"])
    learner = learners.create(config["learner"], **config["learner_options"])
    learner.device = config["device"]
    check_instance("learner", learner, learner.name)
    split = task.split(config["seed"])
    sizes = {"split": split.hash, "n_train": len(split.y_train), "n_test": len(split.y_test)}
    send({"facts": {**sizes, "family": learner.family, "chance": split.chance, "n_classes": split.n_classes}})
    names = ("budget", "seed", "points_per_decade", "settle")
    course = Course(learner, split, *(config[name] for name in names), measures=list(config.get("measures", ())))
    for number, row in enumerate(course.rows()):
        if number == 0:  # before, the learner had not begun
            check_instance("learner", learner, learner.name)
            send({"facts": facts(learner, split)})
        send({"row": row})
    return course.status


def _check_source(config: dict) -> None:
    """UsageError where the code that is here is not the code that the run was planned with."""
    if "source" in config:
        present = sources(config["task"], config["learner"], config.get("measures", ()))
        changed = [kind for kind, source in config["source"].items() if present.get(kind) != source]
        if changed:
            raise UsageError(f"the code of its {changed[0]} is not that of the plan: was the file edited meanwhile?")


def _last_line(exception: BaseException) -> str:
    """The last line of the error, as a traceback ends."""
    text = "".join(traceback.format_exception_only(exception)).strip().splitlines()
    return text[-1] if text else type(exception).__name__


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
