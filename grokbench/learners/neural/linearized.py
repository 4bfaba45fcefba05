"""The linearized twin of a network: the same start and training, features frozen at their initial values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners.neural.mlp import MLP, linear, slope
from grokbench.registry import register_learner
from grokbench.tasks.base import Split

UNCLAMPED = "0: the weights of a tangent model are not the network's, their norm cannot be held"
STEPWISE = {"orthogonal_gradient": False, "grokfast_lambda": 0.0, "freeze_after": -1}  # options of steps, switched off
LARGEST_FLOW = 8000  # side of the matrix that is diagonalized once: 2 GB at the peak, about two minutes


@register_learner("linearized")
@dataclass(kw_only=True, eq=False)
class Linearized(MLP):
    """Exact tangent model of an `mlp` at its initial parameters: lazy by construction.

    ``s(x) = alpha J(x) phi``, J the Jacobian of the network at theta_0: linear in the weights phi, which are trained
    (arXiv 2310.06110 calls this the lazy control). They start at 0 in all layers but the last, and in the last at the
    network's own weights and bias. The output is linear in those, so that ``J(x) phi_0 = f(x; theta_0)`` exactly. With
    equal options and seed the twin thus has the start, to rounding, and the batches of its `mlp`. Weight decay and the
    orthogonal gradient act on phi: the decay pulls the function to 0, as that of the network does. With decay_to =
    "start" the twin is ``s(x) = alpha (f(x; theta_0) + J(x) delta)``, delta starts at 0, and the decay pulls the
    function back to f(x; theta_0), which it never removes. Without decay both train the same function. Where `centred`,
    the function starts at 0 and both are one: ``s(x) = alpha J(x) phi`` with phi = 0 at first. A clamped norm would be
    that of theta and is refused.

    solver = "flow" is the gradient flow of loss "mse" in closed form, in float64: without decay the residual on the
    training set is ``r(t) = exp(-(2/n) Theta t / alpha^2) r(0)`` with Theta (nC, nC) the tangent kernel of the scores.
    Weight decay is the penalty ``weight_decay/2 |phi|^2``. One unit of flow time is 1 / learning_rate steps of gradient
    descent. Optimizer, learning rate, momentum, batch size and dtype take no part in it; what changes single steps
    (Grokfast, orthogonal gradient, freezing) is refused.

    Parameters
    ----------
    solver : "optimizer" takes the twin's steps; "flow" is gradient flow in closed form, for loss "mse" only.
    decay_to : what weight decay pulls the function to: "zero", or the "start" f(x; theta_0).

    Raises
    ------
    OptionError : norm_clamp; solver "flow" with another loss than "mse", or with an option
        of single steps.
    """

    solver: Literal["optimizer", "flow"] = "optimizer"
    decay_to: Literal["zero", "start"] = "zero"

    family = "lazy"
    version = 2  # the decay pulls to the zero function

    def __post_init__(self):
        super().__post_init__()
        if self.norm_clamp:
            raise OptionError("norm_clamp", self.norm_clamp, UNCLAMPED)
        if self.solver == "flow":
            for name, off in STEPWISE.items():
                if getattr(self, name) != off:
                    raise OptionError(name, getattr(self, name), f'{off!r} with solver "flow"')
            if self.loss != "mse":
                raise OptionError(
                    "solver", self.solver, f'"optimizer" with loss {self.loss!r}; the flow needs loss = "mse"'
                )
            self.clock, self.integer_clock, self._precision = "flow time", False, "float64"

    def cannot_read(self, split: Split) -> str | None:
        """The reason of the encoding, or that the flow's tangent kernel would be too large."""
        side = len(split.y_train) * max(split.n_classes, 1)
        if self.solver == "flow" and side > LARGEST_FLOW:
            return f"the flow diagonalizes examples x classes = {side} rows, at most {LARGEST_FLOW}"
        return super().cannot_read(split)

    def begin(self, X, y, n_classes, alphabet, rng):
        """Draw theta_0 as the twin does; the flow diagonalizes its tangent kernel."""
        super().begin(X, y, n_classes, alphabet, rng)
        if self.solver == "flow":
            self._diagonalize(self._encode(X))

    def advance(self, time):
        """Take steps until `time` of them are done, or go to flow time `time`, which may be infinite."""
        if self.solver == "flow":
            self._flow(time)
        else:
            super().advance(time)

    def parts(self):
        """None: what is learned is no network."""
        return 0

    def _start(self) -> list:
        """phi_0: the last layer of theta_0 and zeros, or zeros alone where f_0 is added or subtracted."""
        import torch

        first = len(self._theta0) if self.centred or self._added_start() else len(self._theta0) - self._readout
        return [*map(torch.zeros_like, self._theta0[:first]), *self._theta0[first:]]

    def _tangent_point(self) -> list:
        return self._theta0

    def _added_start(self) -> int:
        return int(self.decay_to == "start" and not self.centred)

    def _prepare(self, inputs) -> list:
        """Inputs, the constant part of the output, then h_l and phi'(a_l) of the hidden layers, all at theta_0."""
        features, (*hidden, output) = self._forward(self._theta0, inputs)
        slopes = [slope(a, self.activation) for a in hidden]
        return [inputs, output if self._added_start() else output.new_zeros(output.shape), *features[1:], *slopes]

    def _fixed(self, context: list) -> tuple[list, list]:
        _, _, *kept = context
        return kept[: len(self.hidden)], kept[len(self.hidden) :]

    def _map(self, trained: list, context: list):
        """``da_l = h_{l-1} dW_l + dh_{l-1} W_l + db_l`` with ``dh_l = phi'(a_l) da_l [+ dh_{l-1}]``, forward."""
        inputs, base, *kept = context
        features, slopes = [inputs, *kept[: len(self.hidden)]], kept[len(self.hidden) :]
        change = moved = None  # da_l, dh_l
        for l, (weights, bias) in enumerate(self._layers(trained)):
            if l:
                step = slopes[l - 1] * change
                moved = step + moved if self.residual and l > 1 else step
            change = linear(features[l], weights)
            if l:
                change = change + moved @ self._layers(self._theta0)[l][0]
            change = change if bias is None else change + bias
        outputs = base + change
        return outputs if self.output_scale == 1 else self.output_scale * outputs

    def _diagonalize(self, encoded: np.ndarray) -> None:
        """Theta = U diag(theta) U^T on the training set; directions of rounding size are dropped, as pinv does."""
        import torch

        with torch.no_grad():
            base = self.output_scale * self._context[1]
            start = self._map(self._trained, self._context) - base
            values, self._vectors = torch.linalg.eigh(self._tangent_kernel(self._tensor(encoded)))
            sides = torch.stack([(self._targets - base).reshape(-1), start.reshape(-1)])
        pace = 2 / (self._n * self.output_scale**2)
        kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
        self._rates = torch.where(kept, pace * values, 1.0)
        self._targets_along, self._start_along = torch.where(kept, pace * (sides @ self._vectors), 0.0)
        fastest = pace * float(values[-1]) + self.weight_decay
        self.first_time = 0.1 / fastest if fastest > 0 else 1.0

    def _flow(self, time: float) -> None:
        """phi(t) = exp(-w t) phi_0 + J^T U c(t), with w the decay and q = pace theta of each eigendirection.

        ``dc/dt = pace (y - exp(-w t) p) - (q + w) c`` for the targets y = U^T Y and the start p = U^T J phi_0. Then
        ``c = pace y (1 - exp(-(q + w) t)) / (q + w) - pace p exp(-w t) (1 - exp(-q t)) / q``.
        """
        import torch

        left = math.exp(-self.weight_decay * time) if self.weight_decay else 1.0
        rates = self._rates + self.weight_decay
        gained = self._targets_along * -torch.expm1(-rates * time) / rates
        corrected = left * self._start_along * -torch.expm1(-self._rates * time) / self._rates
        scores = self._map(self._trained, self._context)
        pulled = self._vectors @ (gained - corrected)
        change = torch.autograd.grad(scores, self._trained, pulled.reshape(scores.shape))
        with torch.no_grad():
            for tensor, start, value in zip(self._trained, self._start(), change, strict=True):
                tensor.copy_(left * start + value)

    def _tangent_kernel(self, encoded):
        """(nC, nC) tangent kernel of the scores on the training set, rows ordered by example, then class.

        ``Theta = alpha^2 sum_l (h_{l-1} h'_{l-1} + [bias]) * <g_l^c, g'_l^{c'}>`` with the sensitivities
        ``g_l^c = df_c/da_l = u_l^c * phi'(a_l)`` (n, C, width) from the output backwards, and ``u_l^c = df_c/dh_l``.
        """
        import torch

        depth, (n, n_classes) = len(self.hidden), self._context[1].shape
        features, slopes = [encoded, *self._context[2 : 2 + depth]], self._context[2 + depth :]
        u = g = torch.eye(n_classes, dtype=encoded.dtype, device=encoded.device).expand(n, -1, -1)
        kernel = encoded.new_zeros(n, n_classes, n, n_classes)
        for l in range(depth, -1, -1):
            flat = g.reshape(n * n_classes, -1)
            gram = self.output_scale**2 * (features[l] @ features[l].T + self.bias)
            kernel += (flat @ flat.T).view_as(kernel).mul_(gram[:, None, :, None])
            if l:
                below = g @ self._layers(self._theta0)[l][0].T
                u = below + u if self.residual and l < depth else below
                g = u * slopes[l - 1][:, None, :]
        return kernel.view(n * n_classes, n * n_classes)
