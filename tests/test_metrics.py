import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from olmlib.losses import valence_loss
from olmlib.metrics import (
    accuracy,
    average_precision,
    confidence_interval,
    emotion,
    mean_average_precision,
    paired_difference,
    weighted_f1,
)
from olmlib.models.outputs import Outputs

PROB = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.1, 0.6, 0.3],
        [0.4, 0.35, 0.25],
        [0.2, 0.5, 0.3],
        [0.1, 0.3, 0.6],
        [0.3, 0.3, 0.4],
    ]
)
LABELS = np.array([0, 1, 1, 0, 2, 2])


def test_T_MAP():
    assert accuracy(PROB, LABELS) == pytest.approx(0.666667, abs=1e-6)
    assert average_precision(PROB, LABELS) == pytest.approx([0.75, 0.833333, 1.0], abs=1e-6)
    assert mean_average_precision(PROB, LABELS).value == pytest.approx(0.861111, abs=1e-6)


def test_emotion_by_hand():
    scores = np.eye(3)[[0, 1, 1, 1]]
    found = emotion(scores, np.array([1.0, -2, 0, 3]), np.array([0, 0, 1, 2]), [0.0, -2, 1, 1])
    assert found.f1 == pytest.approx(0.458333, abs=1e-6)
    assert found.mse == pytest.approx(1.5)
    assert found.combined == pytest.approx(0.083333, abs=1e-6)


def test_emotion_leaves_unrated_valences_out_and_refuses_what_would_broadcast():
    scores, labels = np.eye(3)[[0, 1, 1, 1]], np.array([0, 0, 1, 2])
    rated = [0.0, np.nan, 1, np.nan]
    assert emotion(scores, np.array([1.0, 9, 3, 9]), labels, rated).mse == pytest.approx(2.5)
    with pytest.raises(ValueError, match="need valences"):
        emotion(scores, np.zeros((4, 1)), labels, rated)
    with pytest.raises(ValueError, match="no sample has a valence"):
        emotion(scores, np.zeros(4), labels, [np.nan] * 4)


def test_the_valence_loss_is_a_mean_per_head_over_the_rated_clips():
    values = {"audio": torch.tensor([1.0, 7, 0]), "fused": torch.tensor([2.0, 7, 3])}
    outputs = Outputs({}, {}, values)
    # ((1 - 0)^2 + (0 - 2)^2) / 2 + ((2 - 0)^2 + (3 - 2)^2) / 2
    assert valence_loss(outputs, torch.tensor([0.0, math.nan, 2])).item() == pytest.approx(5)
    assert valence_loss(outputs, torch.full((3,), math.nan)).item() == 0


def test_a_class_without_samples_is_skipped_and_named():
    extra = np.concatenate([PROB, np.zeros((6, 1))], axis=1)
    value, skipped = mean_average_precision(extra, LABELS)
    assert value == pytest.approx(0.861111, abs=1e-6)
    assert skipped == (3,)


def test_interval_by_hand():
    # Mean 2, standard error 1/sqrt(3), t quantile 4.302653 with two degrees of freedom.
    mean, half = confidence_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)


def test_one_seed_has_no_interval():
    mean, half = confidence_interval([0.5])
    assert mean == 0.5
    assert math.isnan(half)


def test_a_constant_gain_over_seeds_has_no_spread():
    mean, half = paired_difference([0.5, 0.75, 1.0], [0.25, 0.5, 0.75])
    assert (mean, half) == (0.25, 0.0)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_interval_is_centred_and_not_negative(values):
    mean, half = confidence_interval(values)
    assert half >= 0
    assert min(values) - 1e-12 <= mean <= max(values) + 1e-12


@given(st.integers(0, 2**32 - 1))
def test_order_of_samples_does_not_matter(seed):
    order = np.random.default_rng(seed).permutation(6)
    shuffled = mean_average_precision(PROB[order], LABELS[order])
    assert shuffled.value == pytest.approx(mean_average_precision(PROB, LABELS).value)
    assert accuracy(PROB[order], LABELS[order]) == accuracy(PROB, LABELS)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (PROB, LABELS[:5], "need scores"),
        (PROB[:0], LABELS[:0], "need scores"),
        (PROB, LABELS + 1, "there are 3 classes"),
        (np.where(PROB == 0.7, np.nan, PROB), LABELS, "1 samples are NaN"),
    ],
)
def test_bad_input_is_refused(scores, labels, message):
    for function in (accuracy, mean_average_precision):
        with pytest.raises(ValueError, match=message):
            function(scores, labels)


def test_bad_intervals_are_refused():
    with pytest.raises(ValueError, match="one number per seed"):
        confidence_interval([])
    with pytest.raises(ValueError, match="finite"):
        confidence_interval([0.5, float("nan")])
    with pytest.raises(ValueError, match="level"):
        confidence_interval([0.5, 0.6], level=95)
    with pytest.raises(ValueError, match="equal lengths"):
        paired_difference([1.0, 2.0], [1.0])


@pytest.mark.parametrize("seed", range(5))
def test_weighted_f1_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, 6, 40), rng.integers(0, 7, 40)
    wanted = f1_score(labels, predicted, average="weighted", zero_division=0)
    assert weighted_f1(predicted, labels) == pytest.approx(wanted, abs=1e-12)
