"""The images are scikit-learn's, drawn once each; scalings by hand; the ceiling against a fitted machine."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from support_tasks import assert_refused

import grokbench
from grokbench.tasks.images import ATTAINABLE, N_IMAGES


def known():
    images, digits = load_digits(return_X_y=True)
    return {image.tobytes(): int(digit) for image, digit in zip(images, digits, strict=True)}


def test_every_image_once_with_its_own_label():
    """All 1797 images are distinct, so that no input can stand in both splits; times 16 restores them exactly."""
    truth = known()
    assert len(truth) == N_IMAGES
    split = grokbench.task("digits", n_train=797, n_test=1000).split(0)
    X, y = np.concatenate([split.X_train, split.X_test]), np.concatenate([split.y_train, split.y_test])
    assert {(16 * image).tobytes(): int(digit) for image, digit in zip(X, y, strict=True)} == truth
    assert X.min() == 0
    assert X.max() == 1
    assert split.n_classes == 10
    assert split.alphabet is None


def test_standardized_uses_the_training_images_only():
    unit, standard = (
        grokbench.task("digits", scaling=s, n_train=60).sample(np.random.default_rng(0))
        for s in ("unit", "standardized")
    )
    for pixel in range(64):
        train = unit.X_train[:, pixel]
        spread = train.std() if len(set(train)) > 1 else 1.0
        # relative to unit spread: a few dozen roundings of a mean of 60
        np.testing.assert_allclose(standard.X_train[:, pixel], (train - train.mean()) / spread, atol=1e-12)
        np.testing.assert_allclose(
            standard.X_test[:, pixel], (unit.X_test[:, pixel] - train.mean()) / spread, atol=1e-12
        )
    assert np.isfinite(standard.X_test).all()
    assert (unit.X_train.std(axis=0) == 0).any()  # the case of a constant pixel did occur


def test_seeds_differ_and_a_seed_is_a_seed():
    task = grokbench.task("digits")
    assert task.split(0).hash == grokbench.task("digits").split(0).hash
    assert task.split(0).hash != task.split(1).hash


@pytest.mark.parametrize("n_train", [50, 200, 500])
def test_the_ceiling_is_what_a_support_vector_machine_attains(n_train):
    """Mean of 5 splits within 4 standard errors (one split: .040, .012, .005) of what is declared, and .002."""
    from sklearn.svm import SVC

    task, kappas = grokbench.task("digits", n_train=n_train), []
    for seed in range(5):
        split = task.split(seed)
        accuracy = SVC(C=10).fit(split.X_train, split.y_train).score(split.X_test, split.y_test)
        kappas.append((accuracy - split.chance) / (1 - split.chance))
    spread = {50: 0.04, 200: 0.012, 500: 0.005}[n_train]
    assert abs(np.mean(kappas) - split.ceiling) < 4 * spread / np.sqrt(5) + 0.002


def test_the_ceiling_is_declared_and_grows_with_the_data():
    declared = [grokbench.task("digits", n_train=n, n_test=100).split(0).ceiling for n in (10, 70, 200, 700, 1697)]
    assert declared == sorted(declared)
    assert declared[0] == ATTAINABLE[10]
    assert declared[2] == pytest.approx(0.946)
    assert grokbench.task("digits", n_train=141).ceiling() == pytest.approx(0.923, abs=1e-3)  # 141 = sqrt(100·200)
    assert declared[-1] == ATTAINABLE[1500]
    assert not grokbench.task("digits").exact


def test_controls_keep_the_images_and_the_ceiling():
    true = grokbench.task("digits").split(0)
    for control in (grokbench.task("digits", labels="shuffled"), grokbench.task("digits", label_noise=0.5)):
        split = control.split(0)
        np.testing.assert_array_equal(split.X_train, true.X_train)
        np.testing.assert_array_equal(split.X_test, true.X_test)
        assert (split.y_train != true.y_train).any()
        assert split.ceiling == true.ceiling


@pytest.mark.parametrize(
    ("options", "named", "sentence"),
    [
        ({"n_train": 9}, "n_train", "at least 10"),
        ({"n_test": 9}, "n_test", "at least 10"),
        ({"n_train": 800}, "n_train", "at most 797 of the 1797 images"),
        ({"scaling": "standardised"}, "scaling", "did you mean"),
    ],
)
def test_impossible_options(options, named, sentence):
    assert_refused("digits", options, named, sentence)
