"""The code: its length in closed form, bits that decode, and a predictor that is put together from them."""

import math

import numpy as np
import pytest
import support_coding

import grokbench
from grokbench.curves.checkpoint import Checkpoint
from grokbench.measures import code
from grokbench.measures.complexity import fits
from grokbench.registry import measures


def one_by_one(symbols, size):
    """The length by its definition: the estimate before each symbol."""
    counts, bits = np.zeros(size), 0.0
    for n, symbol in enumerate(symbols):
        bits -= math.log2((counts[symbol] + 0.5) / (n + size / 2))
        counts[symbol] += 1
    return bits


@pytest.mark.parametrize(("n", "size"), [(1, 2), (50, 2), (200, 7), (30, 300)])
def test_length_is_that_of_the_estimates_one_by_one(n, size):
    symbols = np.random.default_rng(n).integers(size, size=n)
    assert code.code_length(symbols, size) == pytest.approx(one_by_one(symbols, size), rel=1e-9)


def test_known_lengths():
    assert code.code_length(np.array([0]), 2) == pytest.approx(1)  # both as likely
    assert code.code_length(np.array([0, 0]), 2) == pytest.approx(1 - math.log2(0.75))
    assert code.code_length(np.zeros(50, dtype=int), 1) == 0
    fair = np.arange(4096) % 2
    assert code.code_length(fair, 2) == pytest.approx(4096 + 0.5 * math.log2(4096) + 0.326, abs=0.01)


@pytest.mark.parametrize("size", [1, 2, 5, 64])
@pytest.mark.parametrize("skew", [0.0, 2.0])
def test_bits_decode_and_are_as_many_as_promised(size, skew):
    rng = np.random.default_rng(size)
    weights = np.arange(1, size + 1.0) ** -skew
    symbols = rng.choice(size, size=400, p=weights / weights.sum())
    bits = support_coding.encode(symbols.tolist(), size)
    assert set(bits) <= {0, 1}
    assert support_coding.decode(bits, size, 400) == symbols.tolist()
    assert code.code_length(symbols, size) - 1 <= len(bits) <= code.code_length(symbols, size) + 2.5


def test_quantized_arrays_are_within_half_a_step():
    array = np.random.default_rng(0).normal(size=(20, 30))
    for halvings in (0, 4, 9):
        coded = code.quantized(array, halvings)
        assert coded.step == pytest.approx(np.sqrt((array**2).mean()) * 2.0**-halvings, rel=2**-7)
        assert np.abs(coded.decoded(coded.symbols) - array).max() <= coded.step / 2 * (1 + 1e-12)
        assert coded.symbols.min() >= 0
        assert coded.symbols.max() < coded.size


def test_a_step_is_sent_in_sixteen_bits():
    for value in (1 / 3, 1e-20, 7e11):
        bits = np.array(code._sixteen_bits(value), dtype=np.float32).view(np.uint32)
        assert bits & 0xFFFF == 0


def test_whole_numbers_are_sent_as_they_are():
    for array in (np.array([0, 3, 1, 2]), np.array([-2, 5, 0])):
        coded = code.quantized(array, 5)
        np.testing.assert_array_equal(coded.decoded(coded.symbols), array)
        assert coded.decoded(coded.symbols).dtype == array.dtype


def test_a_matrix_of_low_rank_goes_as_two_factors():
    rng = np.random.default_rng(0)
    low, full = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 50)), rng.normal(size=(40, 50))
    for array, factored in ((low, True), (full, False)):
        best = code.codes({"W": array})[0]
        fine = max(code.codes({"W": array}), key=lambda c: c.length)
        assert (len(best.parts["W"]) == 2) or not factored
        assert best.length < fine.length
    shortest = min(c.length for c in code.codes({"W": low}))
    assert shortest < min(c.length for c in code.codes({"W": full}))


@pytest.fixture(scope="module")
def trained():
    split = grokbench.task("modular", modulus=11, train_fraction=0.5).split(0)
    learner = grokbench.learner("mlp", activation="quadratic", hidden=[32], weight_decay=1.0)
    learner.begin(split.X_train, split.y_train, 11, split.alphabet, np.random.default_rng(0))
    learner.advance(300)
    return split, learner


def test_the_bits_of_the_code_are_a_predictor_that_fits(trained):
    """All the way: arrays to bits, bits to arrays, arrays to scores that are right on .98 of the training labels."""
    split, learner = trained
    at = Checkpoint(learner, split, 300.0, learner.scores(split.X_train), learner.scores(split.X_test))
    measured = measures["code_length"]().row(at)
    chosen = next(
        c for c in code.codes(learner.description()) if fits(learner.scores_of(c.arrays(), split.X_train), split)
    )
    assert measured["code_length"] == chosen.length
    assert measured["code_share"] == pytest.approx(chosen.length / len(split.y_train) / math.log2(11))
    bits = support_coding.sent(chosen)
    received = support_coding.received(chosen, bits)
    assert fits(learner.scores_of(received, split.X_train), split)
    np.testing.assert_array_equal(
        learner.scores_of(received, split.X_test), learner.scores_of(chosen.arrays(), split.X_test)
    )
    arrays = [part for parts in chosen.parts.values() for part in parts]
    sent = sum(len(b) for streams in bits.values() for b in streams) + 32 * len(arrays) + 16 * len(chosen.parts)
    assert sent == pytest.approx(chosen.length, abs=3 * len(arrays))


def test_no_shorter_code_of_the_grid_fits(trained):
    split, learner = trained
    all_codes = code.codes(learner.description())
    assert [c.length for c in all_codes] == sorted(c.length for c in all_codes)
    fitting = [c.length for c in all_codes if fits(learner.scores_of(c.arrays(), split.X_train), split)]
    at = Checkpoint(learner, split, 300.0, learner.scores(split.X_train), learner.scores(split.X_test))
    assert measures["code_length"]().row(at)["code_length"] == min(fitting)


def test_scale_of_the_weights_costs_little(trained):
    """Multiples of a step that follows the size of the array: a power of two changes no symbol."""
    _, learner = trained
    doubled = {name: 4 * array for name, array in learner.description().items()}
    for a, b in zip(code.codes(learner.description()), code.codes(doubled), strict=True):
        assert a.length == pytest.approx(b.length, rel=1e-6)


def test_who_does_not_fit_or_has_no_description_has_no_code(trained):
    split, learner = trained
    unfit = Checkpoint(learner, split, 0.0, np.zeros((len(split.y_train), 11)), np.zeros((len(split.y_test), 11)))
    assert math.isnan(measures["code_length"]().row(unfit)["code_length"])
    silent = Checkpoint(grokbench.Learner(), split, 0.0, np.eye(11)[split.y_train], np.eye(11)[split.y_test])
    assert math.isnan(measures["code_length"]().row(silent)["code_length"])
