"""The linearized twin of any module: the same start and training, features frozen at their initial values."""

from __future__ import annotations

from dataclasses import dataclass

from grokbench.learners.neural.losses import objective
from grokbench.learners.neural.module import ModuleLearner


@dataclass(kw_only=True, eq=False)
class LinearizedModule(ModuleLearner):
    """Exact tangent model of a module at its initial parameters: lazy by construction.

    ``s(x) = alpha ([not centred] f(x; theta_0) + J(x) delta)``, J the Jacobian of the module at theta_0 and
    ``delta = theta - theta_0``, which starts at 0 and is trained. With equal options and seed it has the start and the
    batches of its twin. Weight decay acts on delta: it pulls back to f(x; theta_0), unless `centred`, and never removes
    that function, as the decay of the module itself does. (The twins of the built-in networks start at the weights of
    their linear read-out, and decay to zero; of a module it is not known which weights those are.)

    A module that is another function in training than in evaluation has no tangent model: with dropout or batch
    normalization the run fails, and says why.
    """

    family = "lazy"

    def _start(self) -> dict:
        import torch

        self._point = {name: tensor.clone() for name, tensor in self._initial.items()}
        self._expanded: tuple | None = None
        self._check_modes()
        names = [name for name, _ in self._module.named_parameters()]
        return {name: torch.zeros_like(self._point[name], requires_grad=True) for name in names}

    def _tangent_point(self) -> dict:
        return self._point

    def _values(self, inputs):
        """``f_0 + J delta``, block by block."""
        import torch

        parts = [sum(self._tangent(part)) for part in inputs.split(256)]
        return torch.cat(parts).detach()

    def _gradients(self, rows) -> None:
        """``J^T r``, r the derivative of the training loss by ``f_0 + J delta``."""
        import torch

        inputs, targets = self._inputs[rows], self._targets[rows]
        base, change = self._tangent(inputs, keep=isinstance(rows, slice))
        values = (change if self.centred else base + change).detach().requires_grad_()
        loss = objective(self.output_scale * values, targets, self._loss) / self.output_scale**2
        (r,) = torch.autograd.grad(loss, values)
        graph, _, _, point = self._expansion(inputs, keep=isinstance(rows, slice))
        for delta, slope in zip(
            self._trained.values(), torch.autograd.grad(graph, point, r, retain_graph=True), strict=True
        ):
            delta.grad = slope

    def _tangent(self, inputs, keep: bool = False) -> tuple:
        """``f_0`` and ``J delta`` (n, outputs): J^T v is linear in v, and its derivative by v is J."""
        import torch

        base, v, pulled, _ = self._expansion(inputs, keep)
        deltas = [delta.detach() for delta in self._trained.values()]
        (change,) = torch.autograd.grad(pulled, v, deltas, retain_graph=True)
        return base.detach(), change

    def _expansion(self, inputs, keep: bool) -> tuple:
        """f_0, a variable v, J^T v and theta_0, as graphs; of the full batch they are kept."""
        import torch

        if keep and self._expanded is not None:
            return self._expanded
        with torch.enable_grad():
            point = {name: self._point[name].detach().requires_grad_() for name in self._trained}
            base = torch.func.functional_call(self._module, {**self._point, **point}, (inputs,))
            v = torch.zeros_like(base, requires_grad=True)
            pulled = torch.autograd.grad(base, list(point.values()), v, create_graph=True)
        expanded = base, v, pulled, list(point.values())
        if keep:
            self._expanded = expanded
        return expanded

    def _check_modes(self) -> None:
        """ValueError for a module whose training mode is another function than its evaluation mode."""
        import torch

        inputs = self._inputs[:256]
        with torch.no_grad(), self._random.held():
            evaluated = self._module(inputs)
            with self._training():
                trained = self._module(inputs)
        if not torch.equal(evaluated, trained):
            raise ValueError(
                "no linearized twin: the module is another function in training mode (dropout, batch normalization)"
            )
