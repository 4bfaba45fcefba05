"""How fast the machine is at this moment: matrix products and Cholesky factors, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

SIDE, REPEATS = 768, 3


def rates() -> dict[str, float]:
    """GFLOP/s of a float32 and a float64 product and of a float64 Cholesky factor, side 768; the best of three."""
    from scipy.linalg import cholesky

    A = np.random.default_rng(0).standard_normal((SIDE, SIDE))
    single, gram = A.astype(np.float32), A @ A.T + SIDE * np.eye(SIDE)
    return {
        "gemm32": _rate(lambda: single @ single, 2 * SIDE**3),
        "gemm64": _rate(lambda: A @ A, 2 * SIDE**3),
        "cholesky64": _rate(lambda: cholesky(gram, lower=True, check_finite=False), SIDE**3 / 3),
    }


def _rate(work: Callable[[], object], operations: float) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return operations / best / 1e9
