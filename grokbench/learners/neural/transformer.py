"""Decoder-only transformers on token inputs: the networks on which grokking was first seen.

The network is a pure function of named tensors and of rows of tokens. What depends on a token and its position alone
(embeddings; queries, keys and values of the first layer) is computed once per row of a table instead of once per
example, and the last layer answers the last query only: nothing else is read out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokbench.errors import OptionError
from grokbench.learners.encodings import one_hot
from grokbench.learners.neural.attention import attention, attention_of_one_query, embed, gradient_gram, pick, product
from grokbench.learners.neural.losses import objective
from grokbench.learners.neural.mlp import activate
from grokbench.learners.neural.network import Descent, Network
from grokbench.options import Count, Positive
from grokbench.registry import register_learner
from grokbench.tasks.base import Split

DIRECTIONS = 8  # Gaussian output directions of the tangent kernel; up to as many classes it is exact
BLOCK = 4096  # inputs that are scored at once


@register_learner("transformer")
@dataclass(kw_only=True, eq=False)
class Transformer(Network):
    """Causal transformer on the tokens and a final "=", where the scores are read (arXiv 2201.02177, 2301.05217).

    ``x_i = W_E[token_i] + W_pos[i]`` for the positions i = 1..arity and "="; each layer adds ``sum_h A_h v_h W_O`` with
    ``A_h = softmax over j <= i of q_i k_j / sqrt(d_head)`` of every head, then ``phi(x W_in + b_in) W_out + b_out`` of
    width mlp_ratio * d_model; the scores are ``x_"=" W_U``. No biases elsewhere. With `layer_norm` the input of every
    attention, MLP and of W_U is centred and scaled to variance 1, without gain and offset of its own (2201.02177
    normalizes after each addition instead). Tokens only: real features are not read. A regression has one output.

    Initial weights are ``N(0, init_scale^2 / fan-in)``, embeddings ``N(0, init_scale^2 / d_model)``, biases 0. (The
    code of 2301.05217 has 1/d_model for W_out and 1/classes for W_U instead.)

    The tangent kernel is ``(1/m) sum_u <grad u.s(x), grad u.s(x')>`` over all parameters. Up to 8 classes the u are
    the unit vectors, else m = 8 fixed draws of ``N(0, I)``, divided by the root of the number of classes, so that its
    expectation is the mean over classes ``(1/C) sum_c <grad s_c(x), grad s_c(x')>``.

    Parameters
    ----------
    layers : number of layers, each attention and MLP.
    d_model : width of the residual stream.
    heads : attention heads, each of width d_model / heads.
    mlp_ratio : width of the MLP in units of d_model.
    activation : phi of the MLP.
    layer_norm : normalize what every attention, every MLP and the readout take in.
    shared_embedding : positions with alphabets of one size share their embedding, as x and y in both papers.

    Raises
    ------
    OptionError : heads that do not divide d_model.
    """

    layers: Count = 1
    d_model: Count = 128
    heads: Count = 4
    mlp_ratio: Count = 4
    activation: Literal["relu", "gelu"] = "relu"
    layer_norm: bool = False
    shared_embedding: bool = True
    learning_rate: Positive = 0.003

    def __post_init__(self):
        super().__post_init__()
        if self.d_model % self.heads:
            raise OptionError("heads", self.heads, f"a divisor of d_model = {self.d_model}")

    def cannot_read(self, split: Split) -> str | None:
        """Real features have no tokens to embed."""
        return "the transformer reads tokens, not real-valued features" if split.alphabet is None else None

    def begin(self, X, y, n_classes, alphabet, rng):
        """Draw the initial parameters and stand before the first step."""
        self._loss = self.loss if n_classes else "mse"
        self._lay_out(alphabet)
        self._directions = _directions(max(n_classes, 1))
        self._theta0 = {name: self._tensor(array) for name, array in self._draw(max(n_classes, 1), rng).items()}
        self._parameters = {name: tensor.requires_grad_() for name, tensor in self._start().items()}
        targets = self._tensor(one_hot(y, n_classes)) if self._loss == "mse" else self._tensor(y, "int64")
        trained = list(self._parameters.values())
        self._descent = Descent(self, trained, 1, self._training_loss, [self._rows(X), targets], rng)

    def advance(self, time):
        """Take optimizer steps until `time` of them are done."""
        self._descent.advance(time)

    def scores(self, X):
        """Scores of the inputs, computed in the learner's dtype."""
        import torch

        with torch.no_grad():
            blocks = [self._map(self._parameters, rows) for rows in self._rows(X).split(BLOCK)]
        return torch.cat(blocks).detach().cpu().numpy().astype(np.float64)

    def kernel(self, X):
        """Trace tangent kernel of the scores at the present parameters, float64 (see the class)."""
        import torch

        parameters = {name: p.detach().double().requires_grad_() for name, p in self._tangent_point().items()}
        tape: list = []
        outputs = self._network(parameters, self._rows(X), tape)
        kernel = outputs.new_zeros(len(X), len(X), requires_grad=False)
        for direction in self._directions:
            projected = outputs @ torch.tensor(direction, device=outputs.device)
            gradients = torch.autograd.grad(projected.sum(), [z for _, z, _ in tape], retain_graph=True)
            for (inputs, _, bias), gradient in zip(tape, gradients, strict=True):
                kernel += gradient_gram(inputs.detach(), gradient, bias) / len(self._directions)
        return kernel.cpu().numpy()

    def description(self):
        """The trained parameters as float64 arrays, (fan-in, fan-out); a layer's names end in its number.

        W_E has the rows of the first alphabet, then those of each further one that is not shared, then that of "=".
        """
        return {name: p.detach().cpu().numpy().astype(np.float64) for name, p in self._parameters.items()}

    # What a subclass with another forward map replaces.

    def _start(self) -> dict:
        """The tensors to be trained, at time 0."""
        return {name: tensor.clone() for name, tensor in self._theta0.items()}

    def _tangent_point(self) -> dict:
        """The parameters at which the tangent kernel is taken."""
        return self._parameters

    def _map(self, trained: dict, rows):
        """(n, outputs) scores from the trained tensors."""
        return self._network(trained, rows)

    def _training_loss(self, trained: list, rows, targets):
        return objective(self._map(dict(zip(self._parameters, trained, strict=True)), rows), targets, self._loss)

    def _lay_out(self, alphabet: tuple[int, ...]) -> None:
        """Which row of W_E and of W_pos each row of the table of (position, token) pairs adds up; "=" is the last."""
        first_rows: dict = {}  # of the embedding, by size of the alphabet or by position
        size = 0
        for position, letters in enumerate(alphabet):
            if first_rows.setdefault(letters if self.shared_embedding else (position,), size) == size:
                size += letters
        starts = [first_rows[n if self.shared_embedding else (i,)] for i, n in enumerate(alphabet)]
        tokens = [start + np.arange(letters) for start, letters in zip(starts, alphabet, strict=True)]
        self._n_tokens = size + 1
        self._table_tokens = self._tensor(np.concatenate([*tokens, [size]]), "int64")
        self._table_positions = self._tensor(np.repeat(np.arange(len(alphabet) + 1), [*alphabet, 1]), "int64")
        self._offsets = np.concatenate([[0], np.cumsum(alphabet)])

    def _draw(self, n_outputs: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        d, width = self.d_model, self.mlp_ratio * self.d_model
        shapes = {"W_E": (self._n_tokens, d), "W_pos": (len(self._offsets), d)}
        for layer in range(1, self.layers + 1):
            shapes |= {f"W_{part}{layer}": (d, d) for part in "QKVO"}
            shapes |= {f"W_in{layer}": (d, width), f"b_in{layer}": (width,)}
            shapes |= {f"W_out{layer}": (width, d), f"b_out{layer}": (d,)}
        shapes["W_U"] = (d, n_outputs)
        drawn = {}
        for name, shape in shapes.items():
            fan_in = d if name in ("W_E", "W_pos") else shape[0]
            spread = 0.0 if name.startswith("b_") else self.init_scale / np.sqrt(fan_in)
            drawn[name] = spread * rng.standard_normal(shape)
        return drawn

    def _tensor(self, array: np.ndarray, dtype: str = ""):
        import torch

        return torch.tensor(array, dtype=getattr(torch, dtype or self.dtype), device=self.device)

    def _rows(self, X: np.ndarray):
        """(n, arity + 1) rows of the table of (position, token) pairs."""
        return self._tensor(np.column_stack([X, np.zeros(len(X), dtype=np.int64)]) + self._offsets, "int64")

    def _network(self, p: dict, rows, tape: list | None = None):
        """(n, outputs) scores. With a tape, every example on its own path, and all products on the tape."""
        x = embed(p, self._table_tokens, self._table_positions, None if tape is None else rows, tape)
        for layer in range(1, self.layers + 1):
            table_rows = rows if layer == 1 and tape is None else None
            x = self._attend(p, layer, x, table_rows, tape)
            h = activate(product(p, f"in{layer}", self._normed(x), tape), self.activation)
            x = x + product(p, f"out{layer}", h, tape)
        return product(p, "U", self._normed(x), tape)[:, 0]

    def _attend(self, p: dict, layer: int, x, rows, tape: list | None):
        """Residual stream after attention; x is (n, T, d), or with `rows` (n, T) the table they point into.

        The last layer returns the stream of the last position only, (n, 1, d).
        """
        h, last = self._normed(x), layer == self.layers
        queries = product(p, f"Q{layer}", h[..., -1:, :] if last else h, tape)
        keys, values = (product(p, f"{part}{layer}", h, tape) for part in "KV")
        x = x[..., -1:, :] if last else x
        heads = [z.unflatten(-1, (self.heads, -1)) for z in (queries, keys, values)]
        if rows is None:
            mixed = attention(*heads)
        elif last:
            mixed = attention_of_one_query(*heads, rows)
        else:
            mixed, x = attention(*(pick(z, rows) for z in heads)), pick(x, rows)
        return x + product(p, f"O{layer}", mixed.flatten(-2), tape)

    def _normed(self, x):
        import torch

        return torch.nn.functional.layer_norm(x, x.shape[-1:]) if self.layer_norm else x


def _directions(n_outputs: int) -> np.ndarray:
    """(m, n_outputs) whose mean outer product is, or on average is, I / n_outputs: the same for all runs."""
    if n_outputs <= DIRECTIONS:
        return np.eye(n_outputs)
    return np.random.default_rng(n_outputs).standard_normal((DIRECTIONS, n_outputs)) / np.sqrt(n_outputs)
