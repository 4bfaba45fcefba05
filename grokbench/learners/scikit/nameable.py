"""What a suite may name: classes of packages that the user allows, and parameters that reach no file and no code.

A suite may come from anyone. Its import path is checked before anything is imported, because to import is to run.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import site
import sys
import sysconfig
from pathlib import Path

from grokbench.allowed import allowed
from grokbench.errors import OptionError, closest

MANNERS = ("fit", "predict", "get_params", "set_params")
SKLEARN = frozenset(
    "calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble "
    "feature_selection gaussian_process impute isotonic kernel_approximation kernel_ridge linear_model manifold "
    "mixture model_selection multiclass multioutput naive_bayes neighbors neural_network pipeline preprocessing "
    "random_projection semi_supervised svm tree".split()
)  # its public modules of estimators; a test holds them against sklearn.utils.all_estimators
REACHING = frozenset(
    "file files filename filenames path paths dir dirs directory folder folders memory cache caches cachedir callback "
    "callbacks func function functions callable hook hooks loader loaders log logs logger logdir logging snapshot "
    "snapshots checkpoint checkpoints load save dump url uri urls host hosts port ports machine machines server "
    "address socket config module plugin plugins import script command cmd shell exec eval input output workdir "
    "tempdir tmpdir tmp temp root home location uris dirname basename pickle joblib export writing".split()
)  # words in the names of parameters that reach files, other machines or code
HARMLESS = frozenset({"cache_size", "fit_path", "decision_function_shape"})  # of scikit-learn: none reaches anything
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_:+-]{0,60}")
EXPECTED = 'the import path of a class, such as "sklearn.ensemble.RandomForestClassifier"'


def find_class(option: str, path: object) -> type:
    """The class of an import path, if it has the manners of an estimator; nothing is called but the import.

    Raises OptionError for a path that the user has not allowed, before anything is imported, and for one that leads
    out of its package.
    """
    module, name = check_path(option, path)
    try:
        imported = importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise OptionError(option, path, f"{EXPECTED} ({error})") from error
    if imported.__name__ != module:  # a name under which a package shows another's module
        raise OptionError(option, path, f"a class of {module}, which is another module's name")
    cls = getattr(imported, name, None)
    if cls is None:
        raise OptionError(option, path, f"a class in {module}{closest(name, public_classes(imported))}")
    if not (isinstance(cls, type) and all(callable(getattr(cls, manner, None)) for manner in MANNERS)):
        raise OptionError(option, path, f"a class with {', '.join(MANNERS)}, as scikit-learn's have")
    home = cls.__module__.partition(".")[0]
    if home not in allowed():
        raise OptionError(option, path, f"a class of {module.partition('.')[0]}, not of {home}")
    return cls


def check_path(option: str, path: object) -> tuple[str, str]:
    """Module and class of an import path that may be imported; OptionError otherwise. Nothing is imported."""
    parts = path.split(".") if isinstance(path, str) else []
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise OptionError(option, path, EXPECTED)
    if any(part.startswith("_") for part in parts):
        raise OptionError(option, path, "a public class: no name in its path begins with _")
    package, module = parts[0], ".".join(parts[:-1])
    if package not in allowed():
        ours = " or ".join(allowed())
        raise OptionError(
            option,
            path,
            f"a class of {ours}; with --allow {package} one of {package}, if you trust the suite and the package. "
            "A file of your own comes in by --include",
        )
    if package == "sklearn" and not (len(parts) == 3 and parts[1] in SKLEARN):
        raise OptionError(option, path, f"sklearn.MODULE.CLASS{closest('.'.join(parts[1:-1]), sorted(SKLEARN))}")
    if not is_installed(module):
        raise OptionError(option, path, "a class of an installed package; a file of your own comes in by --include")
    return module, parts[-1]


def is_installed(module: str) -> bool:
    """True for a module that is imported already, or that would be imported from where packages are installed.

    A package is allowed by its name: a file of that name that lies beside the suite is not meant.
    """
    if module in sys.modules:
        return True
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except ValueError:  # an imported module without a spec
        return False
    if spec is None:
        return True  # that there is no such module is the importer's to say
    places = [Path(place).resolve() for place in [spec.origin or "", *(spec.submodule_search_locations or [])] if place]
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    folders.add(Path(site.getusersitepackages()).resolve())
    return bool(places) and all(any(place.is_relative_to(folder) for folder in folders) for place in places)


def public_classes(module) -> list[str]:
    """Names of the classes of a module that fit and predict."""
    members = [getattr(module, name, None) for name in getattr(module, "__all__", [])]
    return [
        cls.__name__ for cls in members if isinstance(cls, type) and hasattr(cls, "fit") and hasattr(cls, "predict")
    ]


def parameters_of(cls: type) -> list[str]:
    """The parameters that a class names, or its bases where it hands them on; what nobody names is not among them."""
    named: dict[str, None] = {}
    for base in cls.__mro__[:-1]:
        if "__init__" in vars(base):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
            kinds = [parameter.kind for parameter in parameters]
            unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            named |= {one.name: None for one in parameters if one.kind not in unnamed}
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                break
    return list(named)


def check_parameter(cls: type, name: str, value: object) -> None:
    """OptionError for a parameter of a class that could reach a file, a folder, another machine or code.

    name : of the parameter; of "svc__memory" the last part counts.
    value : as the suite has it. The keys of a table are names of parameters, too, as in a grid of settings; a table
        with a path is an estimator, whose own path and parameters are checked where it is made.
    """
    listed = listed_texts(cls, name)
    for inner in value if isinstance(value, list) else [value]:
        if not (isinstance(inner, dict) and "path" in inner):
            _check_reach(name, inner, listed)


def _check_reach(name: str, value: object, listed: tuple[str, ...] = ()) -> None:
    last = str(name).rpartition("__")[2]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower().split("_")
    empty = value is False or value is None or value == "None"
    if REACHING & set(words) and last not in HARMLESS and not empty:
        expected = f"no {last}: what names files, places or code is not for a suite to set"
        raise OptionError("parameters", {str(name): value}, expected)
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_reach(key, inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict) and isinstance(inner.get("path"), str):
                continue  # a step of a pipeline: ["svc", {path = ...}]
            _check_reach(name, inner, listed)
    elif isinstance(value, str) and value not in listed and not _is_plain(value):
        expected = f"a plain word or a number for {last}: a suite names no file and no code"
        raise OptionError("parameters", {str(name): value}, expected)


def _is_plain(text: str) -> bool:
    """A word that can name a choice, or a number; no path, no address, no expression."""
    if PLAIN.fullmatch(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def listed_texts(cls: type, name: str) -> tuple[str, ...]:
    """The texts that a class of scikit-learn's lists as choices for a parameter."""
    constraints = getattr(cls, "_parameter_constraints", {}).get(name, ())
    options = [getattr(one, "options", ()) for one in (constraints if isinstance(constraints, list) else ())]
    return tuple(text for texts in options for text in texts if isinstance(text, str))
