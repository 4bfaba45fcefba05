"""The linearized twin of a network: the same start and training, features frozen at their initial values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners.neural.mlp import MLP, linear, slope
from grokbench.registry import register_learner
from grokbench.tasks.base import Split

UNCLAMPED = "0: a tangent model starts at displacement 0, its norm cannot be held"
STEPWISE = {"orthogonal_gradient": False, "grokfast_lambda": 0.0, "freeze_after": -1}  # options of steps, switched off
LARGEST_FLOW = 8000  # side of the matrix that is diagonalized once: 2 GB at the peak, about two minutes


@register_learner("linearized")
@dataclass(kw_only=True, eq=False)
class Linearized(MLP):
    """Exact tangent model of an `mlp` at its initial parameters: lazy by construction.

    ``s(x) = alpha ([not centred] f(x; theta_0) + J(x) delta)``, J the Jacobian of the network at theta_0 and
    ``delta = theta - theta_0``, which starts at 0 and is trained (arXiv 2310.06110 calls this the lazy control).
    With equal options and seed it has the start and the batches of its twin `mlp`. Weight decay and the orthogonal
    gradient act on delta: the decay pulls towards the initial function. A clamped norm would be that of theta and is
    refused.

    solver = "flow" is the gradient flow of loss "mse" in closed form, in float64: the residual on the training set
    is ``r(t) = exp(-(2/n) Theta t / alpha^2) r(0)`` with Theta (nC, nC) the tangent kernel of the scores, and weight
    decay is the penalty ``weight_decay/2 |delta|^2``. One unit of flow time is 1 / learning_rate steps of gradient
    descent. Optimizer, learning rate, momentum, batch size and dtype take no part in it; what changes single steps
    (Grokfast, orthogonal gradient, freezing) is refused.

    Parameters
    ----------
    solver : "optimizer" takes the twin's steps; "flow" is gradient flow in closed form, for loss "mse" only.

    Raises
    ------
    OptionError : norm_clamp; solver "flow" with another loss than "mse", or with an option
        of single steps.
    """

    solver: Literal["optimizer", "flow"] = "optimizer"

    family = "lazy"

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
        import torch

        return [torch.zeros_like(tensor) for tensor in self._theta0]

    def _tangent_point(self) -> list:
        return self._theta0

    def _prepare(self, inputs) -> list:
        """Inputs, the constant part of the output, then h_l and phi'(a_l) of the hidden layers, all at theta_0."""
        features, (*hidden, output) = self._forward(self._theta0, inputs)
        slopes = [slope(a, self.activation) for a in hidden]
        return [inputs, output.new_zeros(output.shape) if self.centred else output, *features[1:], *slopes]

    def _given(self, context: list) -> tuple[list, list]:
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
            residual = (self._map(self._trained, self._context) - self._targets).reshape(-1)
            values, self._vectors = torch.linalg.eigh(self._tangent_kernel(self._tensor(encoded)))
        pace = 2 / (self._n * self.output_scale**2)
        rates = pace * values + self.weight_decay
        kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
        self._rates = torch.where(kept, rates, 1.0)
        self._forces = torch.where(kept, -pace * (self._vectors.T @ residual), 0.0)
        self.first_time = 0.1 / float(rates[-1]) if rates[-1] > 0 else 1.0

    def _flow(self, time: float) -> None:
        """delta(t) = J^T c(t) with dc/dt = -(2 / n alpha^2) r - weight_decay c, solved in the eigenbasis."""
        import torch

        coefficients = self._vectors @ (self._forces * -torch.expm1(-self._rates * time) / self._rates)
        scores = self._map(self._trained, self._context)
        delta = torch.autograd.grad(scores, self._trained, coefficients.reshape(scores.shape))
        with torch.no_grad():
            for tensor, value in zip(self._trained, delta, strict=True):
                tensor.copy_(value)

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
