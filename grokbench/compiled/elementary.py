"""Elementwise functions that the compiler turns into vector instructions, and the options it compiles with.

The exponentials of the C library are called one number at a time. Here they are a polynomial on a small interval and a
power of two that is put together from bits, so that a loop over them fills whole vector registers.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba.extending import overload, register_jitable

#: Sums may be reordered and products fused with sums; numbers that are not finite keep their meaning, and x / 0 is one.
machine_code = register_jitable(fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
#: Every operation as it is written. It says so, because a function without the option takes that of its caller.
as_written = register_jitable(fastmath=False, error_model="numpy")

QUADRATIC, RELU, GELU, TANH = range(4)
ACTIVATIONS = {"quadratic": QUADRATIC, "relu": RELU, "gelu": GELU, "tanh": TANH}

LOG2_E = 1.4426950408889634
SHIFT_32, SHIFT_64 = 12582912.0, 6755399441055744.0  # 1.5 * 2^23, 1.5 * 2^52: adding them rounds to an integer
LOWEST_32, LOWEST_64 = -87.0, -708.0  # below, the exponential is no normal number
TAYLOR_32 = tuple(np.float32(1 / math.factorial(k)) for k in range(7, -1, -1))
TAYLOR_64 = tuple(1 / math.factorial(k) for k in range(13, -1, -1))


def exponential(x):
    """exp(x) for x <= 0 in the precision of x, to two units in the last place; 0 below the smallest normal number."""
    raise NotImplementedError("machine code only")


@as_written  # reordering would cancel the shift
def _exponential_32(x):
    low = x < np.float32(LOWEST_32)
    inside = np.float32(LOWEST_32) if low else x  # a NaN stays one
    shifted = inside * np.float32(LOG2_E) + np.float32(SHIFT_32)
    k = shifted - np.float32(SHIFT_32)
    r = (inside - k * np.float32(0.693359375)) - k * np.float32(-2.12194440e-4)  # k log 2 in two parts
    value = TAYLOR_32[0]
    for coefficient in TAYLOR_32[1:]:
        value = value * r + coefficient
    power = np.int32((np.float32(shifted).view(np.int32) << 23) + 0x3F800000).view(np.float32)
    return np.float32(0) if low else value * power


@as_written
def _exponential_64(x):
    low = x < LOWEST_64
    inside = LOWEST_64 if low else x
    shifted = inside * LOG2_E + SHIFT_64
    k = shifted - SHIFT_64
    r = (inside - k * 6.93145751953125e-1) - k * 1.42860682030941723212e-6
    value = TAYLOR_64[0]
    for coefficient in TAYLOR_64[1:]:
        value = value * r + coefficient
    power = np.int64((np.float64(shifted).view(np.int64) << 52) + 0x3FF0000000000000).view(np.float64)
    return 0.0 if low else value * power


@overload(exponential)
def _exponential(x):
    if x == numba.float32:
        return lambda x: _exponential_32(x)
    return lambda x: _exponential_64(x)


@as_written
def exponentiate(x):
    """``x <- exp(x)`` of a vector."""
    for i in range(len(x)):
        x[i] = exponential(x[i])


@as_written
def hyperbolic_tangent(x):
    """tanh(x): by exp(-2|x|), near 0 by its continued fraction, which keeps the digits that a difference loses."""
    one, two, square = np.float32(1), np.float32(2), x * x
    e = exponential(-two * abs(x))
    far = (one - e) / (one + e)
    top = square * (square * (square + np.float32(378)) + np.float32(17325)) + np.float32(135135)
    bottom = square * (square * (square * np.float32(28) + np.float32(3150)) + np.float32(62370)) + np.float32(135135)
    return x * (top / bottom) if square < np.float32(0.1) else (-far if x < 0 else far)


def _exponent_of_erfc(degree: int) -> np.ndarray:
    """Chebyshev coefficients in 2t - 1 of P with ``erfc(z) = t exp(P(t) - z^2)``, t = 2 / (2 + z), for z >= 0."""
    from scipy.special import erfcx

    def exponent(u):
        t = np.maximum((u + 1) / 2, 1e-12)
        return np.log(erfcx(2 / t - 2) / t)

    return np.polynomial.chebyshev.chebinterpolate(exponent, degree)[::-1]


ERFC_32 = tuple(np.float32(c) for c in _exponent_of_erfc(10))  # to 6e-8
ERFC_64 = tuple(float(c) for c in _exponent_of_erfc(24))  # to 1e-15


def normal_share(x):
    """Phi(x) of the standard normal distribution in the precision of x."""
    raise NotImplementedError("machine code only")


def _normal_share_by(series):
    @as_written
    def share(x):
        half, one, two = np.float32(0.5), np.float32(1), np.float32(2)
        square = half * x * x
        t = two / (two + np.sqrt(square))
        u = two * (two * t - one)
        last = before = series[0] * np.float32(0)
        for c in series[:-1]:  # Clenshaw's recurrence
            last, before = u * last - before + c, last
        exponent = half * u * last - before + series[-1]
        tail = half * t * exponential(exponent - square)
        return tail if x < 0 else one - tail

    return share


_normal_share_32, _normal_share_64 = _normal_share_by(ERFC_32), _normal_share_by(ERFC_64)


@overload(normal_share)
def _normal_share(x):
    if x == numba.float32:
        return lambda x: _normal_share_32(x)
    return lambda x: _normal_share_64(x)


@machine_code
def activate(a, h, activation):
    """phi of preactivations (n, w) into `h`, and phi' over the preactivations (0 of ReLU at 0)."""
    zero, one, two = a.dtype.type(0), a.dtype.type(1), a.dtype.type(2)
    a, h = a.reshape(-1), h.reshape(-1)
    if activation == QUADRATIC:
        for i in range(len(a)):
            h[i] = a[i] * a[i]
            a[i] = two * a[i]
    elif activation == RELU:
        for i in range(len(a)):
            dead = a[i] <= 0  # a NaN is not, and stays one
            h[i] = zero if dead else a[i]
            a[i] = zero if dead else one
    elif activation == TANH:
        for i in range(len(a)):
            h[i] = hyperbolic_tangent(a[i])
            a[i] = one - h[i] * h[i]
    else:
        density = a.dtype.type(1 / math.sqrt(2 * math.pi))
        for i in range(len(a)):
            x, share = a[i], normal_share(a[i])
            h[i] = x * share
            a[i] = share + x * density * exponential(-x * x / two)
