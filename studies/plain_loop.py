"""How long a patience a network in a plain PyTorch loop would have needed: three seeds of docs/early_stopping.md.

`python studies/plain_loop.py` trains 256 squared units with PyTorch's own start on addition modulo 31, watched by a
`grokbench.Recorder`. It prints, per seed, the times of memorization and generalization, the accuracy that a patience of
30 t_mem keeps, the accuracy at the end, and the least patience that loses at most .01. About a minute a seed.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from findings import table

import grokbench

MODULUS, WIDTH, SHARE = 31, 256, 0.6
LEARNING_RATE, WEIGHT_DECAY, STEPS = 3e-3, 0.5, 20_000
SEEDS = (0, 1, 2)


class Square(torch.nn.Module):
    """h -> h^2"""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Of every unit."""
        return h * h


def examples() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Training and held-out pairs, one-hot, with their sums."""
    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))
    one_hot = torch.cat([torch.nn.functional.one_hot(pairs[:, i], MODULUS) for i in (0, 1)], 1).float()
    sums, order = pairs.sum(1) % MODULUS, torch.randperm(len(pairs))
    shown = int(SHARE * len(pairs))
    return ((one_hot[part], sums[part]) for part in (order[:shown], order[shown:]))


def trained(seed: int) -> grokbench.Recorder:
    """The recorder of a whole run."""
    torch.manual_seed(seed)
    (inputs, sums), held_out = examples()
    network = torch.nn.Sequential(torch.nn.Linear(2 * MODULUS, WIDTH), Square(), torch.nn.Linear(WIDTH, MODULUS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    recorder = grokbench.Recorder(n_classes=MODULUS)
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), sums).backward()
        optimizer.step()
        if recorder.due(step):
            train, test = accuracy(network, inputs, sums), accuracy(network, *held_out)
            recorder.log(step, train_accuracy=train, test_accuracy=test)
    return recorder


def accuracy(network: torch.nn.Module, inputs: torch.Tensor, sums: torch.Tensor) -> float:
    """Share of right answers."""
    with torch.no_grad():
        return (network(inputs).argmax(1) == sums).float().mean().item()


def row(seed: int) -> dict[str, object]:
    """What a patience of 30 t_mem does to one seed."""
    recorder = trained(seed)
    seen = recorder.detection()
    rule = next(rule for rule in recorder.audit() if rule["rule"] == "30 t_mem" and rule["reads"] == "accuracy")
    kept = rule["test_accuracy_at_stop"]
    return {
        "seed": seed,
        "t_mem": f"{seen.t_mem:.3g}",
        "t_gen": f"{seen.t_gen:.4g}",
        "30 t_mem keeps": f"{kept:.2f}",
        "at the end": f"{kept + rule['regret']:.3f}",
        "needed, in t_mem": f"{rule['needed_t_mems']:.3g}",
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table([row(seed) for seed in SEEDS]))
