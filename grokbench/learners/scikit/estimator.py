"""Any classifier or regressor with the manners of scikit-learn, by its import path, from a suite file alone.

Annotations of options are read in this module; the class is imported only when a learner is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokbench.errors import OptionError, closest
from grokbench.learners.encodings import Encoding
from grokbench.learners.scikit.estimator_clocks import Clock, Epochs, Refits, Stages, WarmStart
from grokbench.learners.scikit.nameable import check_parameter, find_class, parameters_of
from grokbench.learners.scikit.scikit_learn import ScikitLearner
from grokbench.learners.scikit.workers import check_workers, counts_workers, with_one_worker
from grokbench.options import Positive
from grokbench.registry import register_learner

CLOCKS = {"partial_fit": "epochs", "staged": "rounds", "warm_start": "members"}
PREDICTIONS = ("decision_function", "predict_proba", "predict")
SHARES_OF_VOTES = ("apply", "kneighbors", "estimators_samples_")  # who answers with shares, most of them 0


class NoParameters(dict):
    """The default of `parameters`: a dataclass wants its defaults hashable."""

    def __hash__(self):
        return 0


@register_learner("estimator")
@dataclass(kw_only=True, eq=False)
class Estimator(ScikitLearner):
    """Any scikit-learn compatible classifier or regressor, by import path, on the clock that it offers.

    The clock is the first that it has ("auto") or the one that is named:
    "partial_fit": epochs, each one call with all training data; "staged": rounds of an ensemble that tells its
    predictions stage by stage; "warm_start": members of an ensemble (`n_estimators`), exact in scikit-learn's
    forests and bagging; "refit": time is the value of `parameter`, with a fit of its own at every checkpoint
    (whole numbers where its default is one, else a real number). Naming a `parameter` asks for "refit".
    Each random_state that is not given comes from the seed of the run.

    In `parameters`, the text "None" is Python's None, a text that is a number is that number, and a table
    {path = ..., parameters = {...}} is an estimator within the estimator. Whole numbers are integers, 1.0 as well
    as 1: where a parameter takes a count and a share, write "1" for the one and "1.0" for the other.
    A number of threads or processes (`n_jobs` and the like) is 1, for a run has one.

    Parameters
    ----------
    path : import path of a class: "sklearn.ensemble.HistGradientBoostingClassifier". Of another package than
        scikit-learn only with --allow PACKAGE; see docs/trust.md.
    parameters : the class's own parameters, as a table: parameters = { alpha = 0.01, penalty = "l1" }. None that
        names files, places or code.
    clock_from : what the clock is taken from; "auto" is the first that the class offers, in the order shown.
    parameter : what a refit sets to the time, such as "C" or "max_iter"; "svc__C" within a pipeline.
    inverse : the refit sets the parameter to 1 / time, for one that simplifies as it grows (alpha).
    first_value : the first positive checkpoint of a refit on a real-valued clock.
    scores_from : what a classifier is asked for. "auto": decision_function, else predict_proba, as its
        logarithm unless it is a share of votes (trees, neighbours, bagging), else predict.
    loss : that is measured. "auto": "hinge" for support vector machines and hinge losses asked for their
        decision_function, "mse" for "predict_proba", "predict" and regressions, otherwise "cross-entropy".
    encoding : how tokens become numbers.

    Raises
    ------
    OptionError : a path that is no such class, parameters it does not take, or a clock that it does not offer.
    """

    path: str = "sklearn.linear_model.SGDClassifier"
    parameters: dict[str, object] = NoParameters()  # noqa: RUF009 (empty, and never written to)
    clock_from: Literal["auto", "partial_fit", "staged", "warm_start", "refit"] = "auto"
    parameter: str = ""
    inverse: bool = False
    first_value: Positive = 0.001
    scores_from: Literal["auto", "decision_function", "predict_log_proba", "predict_proba", "predict"] = "auto"
    loss_: Literal["auto", "cross-entropy", "mse", "hinge"] = "auto"
    encoding: Encoding = "auto"

    clock = "what the class offers"

    def __post_init__(self):
        model = self._estimator(False)
        self._kind = self._chosen_clock(model)
        if self._kind == "refit":
            self._read_parameter(model)
        else:
            for name, value in (("parameter", self.parameter), ("inverse", self.inverse)):
                if value:
                    raise OptionError(name, value, f'clock_from = "refit" with it, not "{self._kind}"')
            self.clock = CLOCKS[self._kind]
            self._check_free(self._size_name(model))
        self._is_classifier = is_classifier(model)
        self.method = self._chosen_method(model) if self._is_classifier else "predict"
        self.loss = self._chosen_loss(model)

    def cannot_read(self, split):
        if bool(split.n_classes) != self._is_classifier:
            mine, theirs = ("classifier", "regression") if self._is_classifier else ("regressor", "classification")
            return f"{self.path} is a {mine}, the task a {theirs}"
        return super().cannot_read(split)

    def _estimator(self, regression):
        return make_estimator("path", self.path, self.parameters)

    def _clock(self, make, seed, X, y) -> Clock:
        match self._kind:
            case "partial_fit":
                return Epochs(make, seed, X, y)
            case "staged":
                return Stages(make, seed, X, y, parameter=self._size_name(make()))
            case "warm_start":
                return WarmStart(make, seed, X, y)
        return Refits(make, seed, X, y, setting=self._setting)

    def _chosen_clock(self, model) -> str:
        """`clock_from`, "auto" resolved; OptionError if the class does not offer it."""
        known = model.get_params()
        offers = {
            "partial_fit": hasattr(model, "partial_fit"),
            "staged": any(hasattr(model, f"staged_{name}") for name in PREDICTIONS),
            "warm_start": {"warm_start", "n_estimators"} <= set(known),
            "refit": bool(self.parameter),
        }
        clock = "refit" if self.parameter and self.clock_from == "auto" else self.clock_from
        if clock == "auto":
            clock = next((name for name, there in offers.items() if there), "refit")
        if not offers[clock]:
            there = [name for name, offered in offers.items() if offered]
            if clock == "refit":
                names = [name for name, value in known.items() if is_number(value) and not counts_workers(name)]
                raise OptionError("parameter", self.parameter, f"what the clock of {self.path} sets: one of {names}")
            choice = f'one of {there}, or "refit" over a parameter' if there else '"refit" over a parameter'
            raise OptionError("clock_from", self.clock_from, f"what {self.path} offers: {choice}")
        return clock

    def _size_name(self, model) -> str:
        """The parameter that a clock of members or rounds sets."""
        if self._kind == "partial_fit":
            return ""
        return "n_estimators" if "n_estimators" in model.get_params() else "max_iter"

    def _check_free(self, name: str) -> None:
        if name in self.parameters:
            raise OptionError("parameters", dict(self.parameters), f"no {name}: the clock sets it")

    def _read_parameter(self, model) -> None:
        """The clock of a refit: whole where the parameter is."""
        known = model.get_params()
        if self.parameter not in known:
            raise OptionError(
                "parameter", self.parameter, f"a parameter of {self.path}{closest(self.parameter, known)}"
            )
        self._check_free(self.parameter)
        check_parameter(type(model), self.parameter, 1)
        if counts_workers(self.parameter):
            raise OptionError("parameter", self.parameter, "no number of threads or processes: a run has one")
        default = known[self.parameter]
        if isinstance(default, bool) or not (default is None or isinstance(default, int | float | str)):
            raise OptionError("parameter", self.parameter, f"a parameter that is a number, not {default!r}")
        whole = default is None or isinstance(default, int)
        if whole and self.inverse:
            raise OptionError("inverse", True, f"a real-valued parameter: {self.parameter} is a whole number")
        self.integer_clock = whole
        self.first_time = 1.0 if whole else self.first_value
        self.clock = f"1/{self.parameter}" if self.inverse else self.parameter

    def _setting(self, time: float) -> dict[str, object]:
        value = int(time) if self.integer_clock else float(time)
        return {self.parameter: 1 / value if self.inverse else value}

    def _chosen_method(self, model) -> str:
        prefix = "staged_" if self._kind == "staged" else ""
        offered = [name for name in PREDICTIONS if hasattr(model, prefix + name)]
        if "predict_proba" in offered:
            offered.append("predict_log_proba")
        if self.scores_from == "auto":
            votes = any(hasattr(type(model), name) for name in SHARES_OF_VOTES)
            return "predict_log_proba" if offered[0] == "predict_proba" and not votes else offered[0]
        if self.scores_from not in offered:
            raise OptionError("scores_from", self.scores_from, f"one of {offered}, which {self.path} offers")
        return self.scores_from

    def _chosen_loss(self, model) -> str:
        if self.loss_ != "auto":
            return self.loss_
        if self.method in ("predict", "predict_proba"):
            return "mse"
        machine = type(model).__module__.startswith("sklearn.svm")
        hinge = machine or "hinge" in str(model.get_params().get("loss", ""))
        return "hinge" if hinge and self.method == "decision_function" else "cross-entropy"


def make_estimator(option: str, path: object, parameters: object):
    """An estimator from the import path of its class and its parameters; OptionError for a mistake in either."""
    cls = find_class(option, path)
    if not isinstance(parameters, dict):
        raise OptionError("parameters", parameters, "a table")
    check_workers(parameters)
    accepted = parameters_of(cls)
    for name, value in parameters.items():
        if name.partition("__")[0] not in accepted:
            raise OptionError("parameters", {name: value}, f"a parameter of {path}{closest(name, accepted)}")
        check_parameter(cls, name, value)
    values = {name: read_value(value) for name, value in parameters.items()}
    try:
        outer = cls(**{name: value for name, value in values.items() if "__" not in name})
        model = outer.set_params(**{name: value for name, value in values.items() if "__" in name})
        model = with_one_worker(model)
        known = model.get_params()
        if hasattr(model, "_validate_params") and hasattr(model, "_parameter_constraints"):
            model._validate_params()
    except (TypeError, ValueError, AttributeError) as error:
        text = " ".join(str(error).split())
        raise OptionError("parameters", dict(parameters), f"what {path} takes ({text[:300]})") from error
    for name in values:
        check_one(model, name, parameters[name], known)
    return model


def read_value(value: object) -> object:
    """A parameter as Python has it, from how TOML can write it."""
    if isinstance(value, list):
        return [read_value(item) for item in value]
    if isinstance(value, dict) and "path" in value:
        return make_estimator("parameters", value["path"], value.get("parameters", {}))
    if isinstance(value, str):
        for read in (int, float):
            try:
                return read(value)
            except ValueError:
                continue
        return None if value == "None" else value
    return value


def check_one(model, name: str, value: object, known: dict) -> None:
    """OptionError for a bare 1 where a parameter takes a count as well as a share up to 1."""
    if isinstance(value, bool | str) or value != 1:
        return
    allowed = getattr(model, "_parameter_constraints", {}).get(name, [])
    kinds = {getattr(getattr(constraint, "type", None), "__name__", "") for constraint in allowed}
    if {"Integral", "RealNotInt"} <= kinds:
        raise OptionError("parameters", {name: value}, f'{name} = "1" for a count or "1.0" for a share')


def is_number(value: object) -> bool:
    """True for an integer or a float that is no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_classifier(model) -> bool:
    """True for a classifier, False for a regressor; OptionError for anything else."""
    from sklearn.base import is_classifier, is_regressor

    if not (is_classifier(model) or is_regressor(model)):
        raise OptionError("path", f"{type(model).__module__}.{type(model).__name__}", "a classifier or a regressor")
    return is_classifier(model)
