"""Fully connected networks of any depth and width, trained by gradients: the neural reference family.

The forward map is a function of a list of tensors and of a batch, so that `linearized.py` reuses the training loop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners.encodings import Encoder, Encoding, one_hot
from grokbench.learners.neural import compiled
from grokbench.learners.neural.losses import objective
from grokbench.learners.neural.network import Descent, Network
from grokbench.learners.neural.tangent import Inputs, trace_kernel
from grokbench.options import Count, Positive
from grokbench.registry import register_learner

MOST_KEPT = 4  # sets of inputs of which a network keeps what scores need
GATHER_FROM = 40  # letters per position from which summing rows of the first weights beats the dense product


@register_learner("mlp")
@dataclass(kw_only=True, eq=False)
class MLP(Network):
    """Fully connected network trained by full-batch or minibatch gradients.

    ``h_0 = x``, ``h_l = phi(h_{l-1} W_l + b_l)``, ``f = h_{L-1} W_L + b_L``, and the scores are
    ``s(x) = alpha (f(x; theta) - f(x; theta_0))``, the second term only where `centred`. The training
    loss is the named loss of the scores divided by alpha^2, so that alpha is Chizat's scale of laziness
    (arXiv 1812.07956; 2310.06110) at a given learning rate. A regression has one output and always "mse".

    Initial weights are ``W ~ N(0, init_scale^2 gain^2 / fan-in)``, biases 0. The fan-in is the width below, for the
    first layer the mean squared norm of an encoded training input: 2 for one-hot pairs, d for d signs. The gain is
    sqrt(2) on the hidden layers of a ReLU network (arXiv 1502.01852; with 1 it memorizes an eighth too early), else 1.

    Parameters
    ----------
    hidden : widths of the hidden layers, in a suite nested: [[128, 128]]; [[]] is a linear model.
    activation : phi; "quadratic" is h^2, without the factor 1/2.
    bias : add a bias to every layer; it starts at 0 and decays like a weight.
    residual : add h_{l-1} to h_l from the second hidden layer on; the hidden layers must be of equal width.
    output_scale : alpha, the factor of the output; the training loss is divided by its square.
    centred : subtract the initial output, so that the scores start at exactly 0.
    encoding : how tokens are read; "auto" is signs for two-letter alphabets, one-hot otherwise.

    Raises
    ------
    OptionError : residual with hidden layers of unequal widths.
    """

    hidden: list[Count] = (128,)  # a dataclass refuses a list as default; as options the two are equal
    activation: Literal["quadratic", "relu", "gelu", "tanh"] = "relu"
    bias: bool = False
    residual: bool = False
    output_scale: Positive = 1.0
    centred: bool = False
    encoding: Encoding = "auto"

    def __post_init__(self):
        super().__post_init__()
        if self.residual and len(set(self.hidden)) > 1:
            raise OptionError("residual", True, f"false with hidden layers of unequal widths {list(self.hidden)}")
        self._precision = self.dtype

    def begin(self, X, y, n_classes, alphabet, rng):
        """Draw theta_0 and stand before the first step; twins of equal seed share theta_0 and all batches."""
        self._encode, self._n = Encoder(alphabet, self.encoding), len(X)
        self._loss = self.loss if n_classes else "mse"
        encoded = self._encode(X)
        fan_in = float((encoded**2).sum(1).mean()) or 1.0
        self._sizes = [encoded.shape[1], *self.hidden, max(n_classes, 1)]
        self._theta0 = self._draw(fan_in, rng)
        self._readout = 2 if self.bias else 1
        self._machine, self._kept = compiled.usable(self), []
        self._spare = compiled.spare_columns(self._sizes[-1], self.epsilon) if self._machine else 0
        self._vector, self._trained = joined(self._start(), self._readout, self._spare)
        self._context = self._prepare(self._read(X))
        self._targets = self._tensor(one_hot(y, n_classes)) if self._loss == "mse" else self._tensor(y, integer=True)
        self._descent = self._compiled(X, rng) if self._machine else self._clear(rng)

    def advance(self, time):
        """Take optimizer steps until `time` of them are done."""
        self._descent.advance(time)

    def scores(self, X):
        """alpha (f - [centred] f_0) of the inputs, computed in the learner's dtype."""
        if self._machine:
            return self._compiled_scores(X)
        scores = self._map([tensor.detach() for tensor in self._trained], self._prepare(self._read(X)))
        return scores.cpu().numpy().astype(np.float64)

    def kernel(self, X):
        """Trace tangent kernel ``(1/C) sum_c <grad s_c(x), grad s_c(x')>`` of the scores, all parameters, float64."""
        inputs = self._passed(X)
        return self._tangent_kernel_between(inputs, inputs)

    def cross_kernel(self, X, Z):
        """`kernel` between two sets of inputs."""
        return self._tangent_kernel_between(self._passed(X), self._passed(Z))

    def _tangent_kernel_between(self, X: Inputs, Z: Inputs) -> np.ndarray:
        weights = [self._as_array(weights) for weights, _ in self._layers(self._tangent_point())]
        kernel = trace_kernel(weights, self.bias, self.residual, X, Z)
        kernel *= self.output_scale**2
        return kernel

    def _passed(self, X: np.ndarray) -> Inputs:
        """Some inputs on their way through the network."""
        inputs = self._tensor(self._encode(X)).double()
        features, preactivations = self._forward([t.detach().double() for t in self._tangent_point()], inputs)
        slopes = [slope(a, self.activation) for a in preactivations[:-1]]
        tokens = np.asarray(X) if self._encode.one_hot else None
        return Inputs([*map(self._as_array, features)], [*map(self._as_array, slopes)], tokens)

    @staticmethod
    def _as_array(tensor) -> np.ndarray:
        return tensor.detach().cpu().double().numpy()

    def other_kernels(self, X):
        """ "last_layer": inner products of the last hidden features, what a new read-out alone could learn from."""
        if not self.hidden:
            return {}
        inputs = self._tensor(self._encode(X)).double()
        h = self._forward([tensor.detach().double() for tensor in self._tangent_point()], inputs)[0][-1]
        return {"last_layer": (h @ h.T + self.bias).cpu().numpy()}

    def description(self):
        """The trained parameters: W1, [b1], W2, ... as float64 arrays of shape (fan-in, fan-out) and (fan-out,)."""
        names = [f"{kind}{l + 1}" for l in range(len(self.hidden) + 1) for kind in ("Wb" if self.bias else "W")]
        arrays = [tensor.detach().cpu().numpy().astype(np.float64) for tensor in self._trained]
        return dict(zip(names, arrays, strict=True))

    def scores_of(self, description, X):
        """The scores of parameters that stand in the order of `description`, of any widths."""
        parameters = [self._tensor(array) for array in description.values()]
        return self._map(parameters, self._prepare(self._read(X))).cpu().numpy().astype(np.float64)

    def parts(self):
        """The number of neurons; 0 with skip connections, which tie the layers together."""
        return 0 if self.residual else sum(self.hidden)

    def leading(self, size):
        """The network of the `size` neurons, of all layers, with the largest |incoming weights| |outgoing weights|."""
        described = self.description()
        weights = [array for name, array in described.items() if name[0] == "W"]
        strengths = [np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=1) for a, b in pairwise(weights)]
        kept = np.zeros(self.parts(), dtype=bool)
        kept[np.argsort(-np.concatenate(strengths), kind="stable")[:size]] = True
        layers = [slice(None), *np.split(kept, np.cumsum(self.hidden)[:-1]), slice(None)]
        for name, array in described.items():
            below, own = layers[int(name[1:]) - 1 : int(name[1:]) + 1]
            described[name] = array[below][:, own] if name[0] == "W" else array[own]
        return described

    def _clear(self, rng: np.random.Generator) -> Descent:
        """The training loop by automatic differentiation."""
        tensors = [*self._context, self._targets]
        return Descent(self, self._trained, self._readout, self._training_loss, tensors, rng)

    def _compiled(self, X: np.ndarray, rng: np.random.Generator) -> compiled.CompiledDescent:
        """The same loop as machine code, on the same memory."""
        examples = self._examples(X, self._context, self._targets.numpy())
        return compiled.CompiledDescent(
            self,
            theta=self._vector.numpy(),
            start=joined(self._theta0, self._readout, self._spare)[0].numpy(),
            tangent=self._tangent_point() is not self._trained,
            added_start=self._added_start(),
            sizes=self._sizes,
            spare=self._spare,
            training=examples,
            loss=self._loss,
            rng=rng,
        )

    def _examples(self, X: np.ndarray, context: list, targets=None):
        """Inputs, and what `_prepare` made of them, as machine code reads them."""
        inputs = self._encode.ones(X) if self._encode.one_hot else self._encode(X)
        fixed = [[part.numpy() for part in parts] for parts in self._fixed(context)]
        return compiled.examples(self._vector.numpy().dtype, inputs, targets, self._spare, *fixed)

    def _compiled_scores(self, X: np.ndarray) -> np.ndarray:
        """What does not change of the inputs is kept: a run asks for the same ones at every checkpoint."""
        for inputs, examples in self._kept:
            if np.array_equal(inputs, X):
                return self._descent.scores(examples)
        examples = self._descent.with_base(self._examples(X, self._prepare(self._read(X))))
        self._kept = [*self._kept, (X.copy(), examples)][-MOST_KEPT:]
        return self._descent.scores(examples)

    # What a subclass with another forward map replaces.

    def _start(self) -> list:
        """The tensors to be trained, at time 0."""
        return self._theta0

    def _tangent_point(self) -> list:
        """The parameters at which the tangent kernel is taken."""
        return self._trained

    def _added_start(self) -> int:
        """How many times the initial output is added to the output."""
        return -int(self.centred)

    def _prepare(self, inputs) -> list:
        """What the map needs to know of some inputs and training does not change: tensors with one row per input."""
        if not self.centred:
            return [inputs]
        return [inputs, self._forward(self._theta0, inputs)[1][-1]]

    def _fixed(self, context: list) -> tuple[list, list]:
        """Features and slopes of the hidden layers, where training does not change them."""
        return [], []

    def _map(self, trained: list, context: list):
        """Scores from the trained tensors and what `_prepare` made of the inputs."""
        outputs = self._forward(trained, context[0])[1][-1]
        outputs = outputs - context[1] if self.centred else outputs
        return outputs if self.output_scale == 1 else self.output_scale * outputs

    def _training_loss(self, trained: list, *tensors):
        *context, targets = tensors
        loss = objective(self._map(trained, context), targets, self._loss)
        return loss if self.output_scale == 1 else loss / self.output_scale**2

    def _forward(self, parameters: list, inputs) -> tuple[list, list]:
        return forward(self._layers(parameters), inputs, self.activation, self.residual)

    def _layers(self, parameters: list) -> list:
        """Pairs (W, b), b None where there are no biases."""
        biases = parameters[1::2] if self.bias else [None] * len(parameters)
        return list(zip(parameters[::2] if self.bias else parameters, biases, strict=True))

    def _draw(self, fan_in: float, rng: np.random.Generator) -> list:
        parameters = []
        for layer, (rows, columns) in enumerate(pairwise(self._sizes)):
            gain = 2**0.5 if self.activation == "relu" and layer < len(self.hidden) else 1.0
            spread = self.init_scale * gain / np.sqrt(rows if layer else fan_in)
            parameters.append(self._tensor(spread * rng.standard_normal((rows, columns))))
            if self.bias:
                parameters.append(self._tensor(np.zeros(columns)))
        return parameters

    def _tensor(self, array: np.ndarray, integer: bool = False):
        import torch

        dtype = torch.int64 if integer else getattr(torch, self._precision)
        return torch.tensor(array, dtype=dtype, device=self.device)

    def _read(self, X: np.ndarray):
        """(n, d) encoded inputs, or (n, arity) row numbers of the first weights where gathering is faster."""
        tokens = self._encode.ones(X)
        # on a GPU the gather's gradient adds in no fixed order; the dense product is deterministic
        if tokens is not None and self.device == "cpu" and np.mean(self._encode.alphabet) >= GATHER_FROM:
            return self._tensor(tokens, integer=True)
        return self._tensor(self._encode(X))


def joined(tensors: list, readout: int = 0, spare: int = 0) -> tuple:
    """All entries of some tensors in one vector, and its views in their shapes, which are trained in place.

    The last `readout` tensors get `spare` more columns in the vector, of zeros, which the views leave out.
    """
    import torch

    spares = [0] * (len(tensors) - readout) + [spare] * readout
    tables = [torch.nn.functional.pad(t.detach(), (0, more)) for t, more in zip(tensors, spares, strict=True)]
    vector = torch.cat([table.reshape(-1) for table in tables])
    views = []
    for part, table, tensor in zip(vector.split([table.numel() for table in tables]), tables, tensors, strict=True):
        views.append(part.view_as(table)[..., : tensor.shape[-1]].requires_grad_())
    return vector, views


def activate(a, activation: str):
    """phi of a tensor of preactivations."""
    import torch

    if activation == "quadratic":
        return a * a
    return getattr(torch.nn.functional, activation)(a)


def slope(a, activation: str):
    """phi' of a tensor of preactivations, as autograd has it (ReLU's at 0 is 0)."""
    import torch

    with torch.enable_grad():
        a = a.detach().requires_grad_()
        return torch.autograd.grad(activate(a, activation).sum(), a)[0]


def linear(inputs, weights):
    """``inputs @ weights``; integer inputs (n, arity) name the rows of `weights` that are summed."""
    if inputs.is_floating_point():
        return inputs @ weights
    first, *others = (weights.index_select(0, column) for column in inputs.unbind(1))
    for other in others:
        first = first + other
    return first


def forward(layers: list, inputs, activation: str, residual: bool = False) -> tuple[list, list]:
    """Features ``[h_0, .., h_{L-1}]`` and preactivations ``a_l = h_{l-1} W_l + b_l``, the last of them the output.

    ``h_0`` is the input and ``h_l = [residual and l > 1] h_{l-1} + phi(a_l)``.
    """
    features, preactivations = [inputs], []
    for weights, bias in layers:
        if preactivations:
            h = activate(preactivations[-1], activation)
            features.append(features[-1] + h if residual and len(preactivations) > 1 else h)
        a = linear(features[-1], weights)
        preactivations.append(a if bias is None else a + bias)
    return features, preactivations
