"""Any PyTorch module as a learner: a function that makes one is all that a user writes.

The module is trained as it is, by an optimizer of torch.optim, and shows the three faces. Its linearized twin comes
with it (`grokbench.learners.neural.linearized_module`).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, make_dataclass
from typing import Literal

import numpy as np

from grokbench.errors import OptionError, UsageError, closest
from grokbench.learners.base import Learner
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.neural.batches import Batches
from grokbench.learners.neural.empirical_kernel import trace_tangent_kernel
from grokbench.learners.neural.losses import Loss, objective
from grokbench.learners.neural.random_state import RandomState
from grokbench.options import NonNegative, Positive, Whole
from grokbench.registry import learners

BLOCK = 4096  # inputs that are scored at once


class NoArguments(dict):
    """The default of `optimizer_arguments`: a dataclass wants its defaults hashable."""

    def __hash__(self):
        return 0


@dataclass(kw_only=True, eq=False)
class ModuleLearner(Learner):
    """A module f of parameters theta, drawn by its own initialization and trained by gradients of a loss.

    The scores are ``s(x) = alpha (f(x; theta) - f(x; theta_0))``, the second term only where `centred`. The training
    loss is the named loss of the scores divided by alpha^2, as of an `mlp`. Scores are taken in evaluation mode, steps
    in training mode: dropout draws from a random state of the run, batch normalization keeps its averages.

    The tangent kernel is ``(1/C) sum_c <grad s_c(x), grad s_c(x')>`` over all parameters, in evaluation mode. It is
    computed in blocks of bounded memory.

    Parameters
    ----------
    optimizer : name of a class of torch.optim: "AdamW", "SGD", "Muon".
    learning_rate : its step size.
    weight_decay : its decay, as that class means it.
    optimizer_arguments : its other arguments, as a table: { momentum = 0.9, nesterov = true }.
    loss : what is minimized; a regression always takes "mse".
    batch_size : examples per step, without replacement within an epoch; 0 is the full batch.
    output_scale : alpha, the factor of the output; the training loss is divided by its square.
    centred : subtract the initial output, so that the scores start at exactly 0.
    reads : "encoded" inputs (n, d), or "tokens", which are integers (n, arity), for modules that embed them.
    encoding : how tokens are encoded.
    dtype : precision of the parameters.

    Raises
    ------
    OptionError : an optimizer that torch.optim does not have, or arguments that it does not take.
    """

    optimizer: str = "AdamW"
    learning_rate: Positive = 0.001
    weight_decay: NonNegative = 0.0
    optimizer_arguments: dict[str, object] = NoArguments()  # noqa: RUF009 (empty, and never written to)
    loss: Loss = "cross-entropy"
    batch_size: Whole = 0
    output_scale: Positive = 1.0
    centred: bool = False
    reads: Literal["encoded", "tokens"] = "encoded"
    encoding: Encoding = "auto"
    dtype: Literal["float32", "float64"] = "float32"

    family = "neural"
    compiles = True

    def __post_init__(self):
        make_optimizer(self, [])  # so that a mistake stops the plan, not the run

    def make(self, n_inputs: int, n_classes: int, alphabet):
        """The module, which maps (n, n_inputs) to (n, n_classes), of a regression to (n, 1)."""
        raise NotImplementedError

    def cannot_read(self, split):
        """Real features have no tokens."""
        if self.reads == "tokens" and split.alphabet is None:
            return "the module reads tokens, not real-valued features"
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        """Make the module, see that it is one that can be judged, and stand before the first step."""
        import torch

        self._encode, self._steps = Encoder(alphabet, self.encoding), 0
        self._loss = self.loss if n_classes else "mse"
        self._outputs = max(n_classes, 1)
        self._random = RandomState(int(rng.integers(2**63)))
        self._inputs = self._read(X)
        with self._random.held(), torch.enable_grad():
            module = self.make(self._inputs.shape[1], self._outputs, alphabet)
        self._module = module.to(self.device, getattr(torch, self.dtype)).train(False)
        check_module(self._module, self._inputs[:BLOCK], self._outputs)
        self._initial = {name: tensor.detach().clone() for name, tensor in self._module.state_dict().items()}
        self._targets = self._of_labels(y, n_classes)
        self._batches = Batches(self.batch_size, len(y), rng)
        self._trained = self._start()
        self._base = self._values(self._inputs) if self.centred else None
        self._optimizer = make_optimizer(self, list(self._trained.values()))

    def advance(self, time):
        """Take optimizer steps until `time` of them are done."""
        import torch

        with self._random.held(), torch.enable_grad(), self._training():
            while self._steps < time:
                rows = self._batches.draw(1)[0] if self._batches.size else slice(None)
                self._optimizer.zero_grad(set_to_none=True)
                self._gradients(rows)
                self._optimizer.step()
                self._steps += 1

    def scores(self, X):
        """alpha (f - [centred] f_0) of the inputs, computed in the learner's dtype."""
        inputs = self._read(X)
        values = self._values(inputs)
        if self.centred:
            values = values - self._values_at(self._initial, inputs)
        return (self.output_scale * values).cpu().numpy().astype(np.float64)

    def kernel(self, X):
        """Trace tangent kernel of the scores at the present parameters, float64 (see the class)."""
        kernel = trace_tangent_kernel(self._module, self._tangent_point(), self._read(X, "float64"), self._outputs)
        return self.output_scale**2 * kernel

    def description(self):
        """Parameters and buffers of the module by their names, numbers only."""
        tensors = {**self._module.state_dict(), **self._trained}
        return {name: tensor.detach().cpu().numpy().astype(np.float64) for name, tensor in tensors.items()}

    # What the linearized twin replaces.

    def _start(self) -> dict:
        """The tensors to be trained, by name."""
        return dict(self._module.named_parameters())

    def _tangent_point(self) -> dict:
        """Parameters and buffers at which the tangent kernel is taken."""
        return self._module.state_dict()

    def _values(self, inputs):
        """(n, outputs) of the trained function in evaluation mode, less no base and times no scale."""
        return self._values_at(self._module.state_dict(), inputs)

    def _gradients(self, rows) -> None:
        """Leave the gradients of the training loss on some rows with the tensors that are trained."""
        values = self._module(self._inputs[rows])
        values = values - self._base[rows] if self.centred else values
        loss = objective(self.output_scale * values, self._targets[rows], self._loss) / self.output_scale**2
        loss.backward()

    @contextmanager
    def _training(self) -> Iterator[None]:
        """The module in training mode inside the block."""
        self._module.train()
        try:
            yield
        finally:
            self._module.train(False)

    def _values_at(self, state: dict, inputs):
        import torch

        with torch.no_grad():
            parts = [torch.func.functional_call(self._module, state, (part,)) for part in inputs.split(BLOCK)]
        return torch.cat(parts)

    def _read(self, X: np.ndarray, dtype: str = ""):
        import torch

        if self.reads == "tokens":
            return torch.tensor(X, dtype=torch.int64, device=self.device)
        return torch.tensor(self._encode(X), dtype=getattr(torch, dtype or self.dtype), device=self.device)

    def _of_labels(self, y: np.ndarray, n_classes: int):
        import torch

        if self._loss == "mse":
            return torch.tensor(one_hot(y, n_classes), dtype=getattr(torch, self.dtype), device=self.device)
        return torch.tensor(y, dtype=torch.int64, device=self.device)


def make_optimizer(options: ModuleLearner, tensors: list):
    """The optimizer that the options name, over some tensors; OptionError for what torch.optim does not take.

    Over none it is None, but the options are looked at, and torch's compiler, which every optimizer loads, stays away.
    """
    import torch

    known = [name for name, cls in vars(torch.optim).items() if isinstance(cls, type) and name != "Optimizer"]
    if options.optimizer not in known:
        expected = f"a class of torch.optim{closest(options.optimizer, known)}"
        raise OptionError("optimizer", options.optimizer, expected)
    arguments = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.optimizer_arguments.items()
    }
    cls = getattr(torch.optim, options.optimizer)
    if options.weight_decay or "weight_decay" in inspect.signature(cls).parameters:
        arguments["weight_decay"] = options.weight_decay
    try:
        return cls(tensors, lr=options.learning_rate, **arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        if not tensors and "empty parameter list" in str(error):  # all else was in order
            return None
        text = " ".join(str(error).split())[:200]
        expected = f"what {options.optimizer} takes ({text})"
        raise OptionError("optimizer_arguments", dict(options.optimizer_arguments), expected) from error


def check_module(module, inputs, outputs: int) -> None:
    """ValueError for a module whose scores are not (n, outputs), differ from call to call, or change its state."""
    import torch

    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with torch.no_grad():
        first, second = module(inputs), module(inputs)
    if not isinstance(first, torch.Tensor) or first.shape != (len(inputs), outputs):
        shape = tuple(first.shape) if isinstance(first, torch.Tensor) else type(first).__name__
        raise ValueError(f"the module returned {shape} for {len(inputs)} inputs, expected ({len(inputs)}, {outputs})")
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise ValueError("the module answers at random in evaluation mode: two calls with equal inputs differ")
    changed = [name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])]
    if changed:
        raise ValueError(f"the module changes its {changed[0]} when it is asked in evaluation mode")


def register_module(name: str):
    """Decorator that makes a learner `name`, and its twin `name_linearized`, of a function that makes a module.

    The function is called as ``make(n_inputs, n_classes, alphabet)`` at the start of each run, under the seed of the
    run; n_classes is the number of outputs, 1 for a regression. Further arguments must have defaults: they are
    options of the learner. Returns the learner's class.

    Raises UsageError for a name that is taken, or arguments without default.
    """
    from grokbench.learners.neural.linearized_module import LinearizedModule

    def decorate(factory: Callable) -> type:
        learners.register(f"{name}_linearized")(learner_of(factory, LinearizedModule))
        return learners.register(name)(learner_of(factory, ModuleLearner))

    return decorate


def learner_of(factory: Callable, base: type) -> type:
    """A subclass of `base` that makes its modules by a user's function, whose further arguments are its options."""
    hints = typing.get_type_hints(factory, include_extras=True)
    own = list(inspect.signature(factory).parameters.values())[3:]
    required = [parameter.name for parameter in own if parameter.default is parameter.empty]
    if required:
        raise UsageError(f"module {factory.__name__}: its argument {required[0]!r} needs a default: it is an option")
    fields = [(one.name, hints.get(one.name, object), field(default=one.default)) for one in own]

    def make(self, n_inputs, n_classes, alphabet):
        return factory(n_inputs, n_classes, alphabet, **{one.name: getattr(self, one.name) for one in own})

    described = inspect.getdoc(factory) or f"The module that {factory.__name__} makes."
    namespace = {"make": make, "__doc__": described, "__module__": factory.__module__}
    return make_dataclass(factory.__name__, fields, bases=(base,), namespace=namespace, kw_only=True, eq=False)
