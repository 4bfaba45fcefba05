"""The linearized twin of a transformer: the same start and training, its tangent space in place of its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokbench.errors import OptionError
from grokbench.learners.neural.linearized import UNCLAMPED
from grokbench.learners.neural.losses import objective
from grokbench.learners.neural.transformer import Transformer
from grokbench.registry import register_learner


@register_learner("linearized_transformer")
@dataclass(kw_only=True, eq=False)
class LinearizedTransformer(Transformer):
    """Exact tangent model of a `transformer` at its initial parameters: lazy by construction.

    ``s(x) = J(x) phi``, J the Jacobian of the transformer at theta_0: linear in the weights phi, which are trained
    (arXiv 2310.06110 calls this the lazy control). They start at 0, but for W_U, which starts at the transformer's own.
    The output is linear in W_U, so that ``J(x) phi_0 = f(x; theta_0)``. With equal options and seed it has the start,
    to rounding, and the batches of its twin. Weight decay and the orthogonal gradient act on phi: the decay pulls the
    function to 0. With decay_to = "start" it is ``s(x) = f(x; theta_0) + J(x) delta``, delta starts at 0, and the
    decay pulls back to f(x; theta_0). A clamped norm would be that of theta and is refused.

    Parameters
    ----------
    decay_to : what weight decay pulls the function to: "zero", or the "start" f(x; theta_0).

    Raises
    ------
    OptionError : norm_clamp.
    """

    decay_to: Literal["zero", "start"] = "zero"

    family = "lazy"
    version = 2  # the decay pulls to the zero function

    def __post_init__(self):
        super().__post_init__()
        if self.norm_clamp:
            raise OptionError("norm_clamp", self.norm_clamp, UNCLAMPED)

    def begin(self, X, y, n_classes, alphabet, rng):
        """Draw theta_0 as the twin does."""
        self._expanded: tuple | None = None
        super().begin(X, y, n_classes, alphabet, rng)

    def _start(self) -> dict:
        import torch

        start = {name: torch.zeros_like(tensor) for name, tensor in self._theta0.items()}
        return start if self.decay_to == "start" else start | {"W_U": self._theta0["W_U"].clone()}

    def _tangent_point(self) -> dict:
        return self._theta0

    def _map(self, trained: dict, rows):
        import torch

        base, v, pulled, _ = self._expansion(rows)
        (change,) = torch.autograd.grad(pulled, v, list(trained.values()), retain_graph=True)
        return (base + change if self.decay_to == "start" else change).detach()

    def _training_loss(self, trained: list, rows, targets):
        """``<phi, J^T r>``, r the derivative of the loss by the scores: it has the gradient of the loss."""
        import torch

        scores = self._map(dict(zip(self._theta0, trained, strict=True)), rows).requires_grad_()
        (r,) = torch.autograd.grad(objective(scores, targets, self._loss), scores)
        base, _, _, point = self._expansion(rows)
        slopes = torch.autograd.grad(base, point, r, retain_graph=True)
        return sum((tensor * slope).sum() for tensor, slope in zip(trained, slopes, strict=True))

    def _expansion(self, rows) -> tuple:
        """f_0, a variable v, J^T v (its derivative by v is J) and theta_0: graphs, kept while the batch is the same."""
        import torch

        if self._expanded is None or self._expanded[0] is not rows:
            with torch.enable_grad():
                point = {name: tensor.detach().requires_grad_() for name, tensor in self._theta0.items()}
                base = self._network(point, rows)
                v = torch.zeros_like(base, requires_grad=True)
                pulled = torch.autograd.grad(base, list(point.values()), v, create_graph=True)
            self._expanded = rows, (base, v, pulled, list(point.values()))
        return self._expanded[1]
