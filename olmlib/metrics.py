"""The numbers of a table: accuracy, mean average precision, and intervals over seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score


class MeanAveragePrecision(NamedTuple):
    """Mean over classes, and the classes that have no mean because the split never shows them."""

    value: float
    skipped: tuple[int, ...]


class Interval(NamedTuple):
    """A mean and half the width of its confidence interval, in the unit of the values."""

    mean: float
    half_width: float


class Emotion(NamedTuple):
    """The measures of MER2023: weighted F1 in [0, 1], MSE of the valence, `f1 - mse / 4`."""

    f1: float
    mse: float
    combined: float


def emotion(
    scores: np.ndarray, valence: np.ndarray, labels: np.ndarray, target: np.ndarray
) -> Emotion:
    """Return weighted F1, valence MSE and the two combined (MER2023 challenge paper, Eq. 9-12).

    F1 is the mean over classes weighted by their number of samples, so a class that no sample has
    counts for nothing.

    Args:
        scores: `(n, C)`, logits or probabilities; the first of equal scores wins.
        valence: `(n,)`, predicted, in the unit of `target`.
        labels: `(n,)`, class indices in `[0, C)`.
        target: `(n,)` in [-5, 5], NaN where nobody rated it: those samples are left out of the MSE.

    Raises:
        ValueError: as `accuracy`, or not one predicted and one true valence per sample, or no true
            valence at all.
    """
    scores, labels = _checked(scores, labels)
    valence, target = np.asarray(valence, float), np.asarray(target, float)
    # Shapes (n, 1) and (n,) would broadcast to (n, n) without a word.
    if not valence.shape == target.shape == labels.shape:
        raise ValueError(f"need valences {labels.shape}, got {valence.shape} and {target.shape}")
    rated = ~np.isnan(target)
    if not rated.any():
        raise ValueError("no sample has a valence")
    f1 = weighted_f1(scores.argmax(axis=1), labels)
    mse = float(np.mean((valence[rated] - target[rated]) ** 2))
    return Emotion(f1, mse, f1 - mse / 4)


def weighted_f1(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean over classes of `2 P R / (P + R)`, weighted by their number of samples.

    As scikit-learn's `f1_score(average="weighted", zero_division=0)`, whose checks of its arguments
    take longer than an epoch's predictions.

    Args:
        predicted: `(n,)`, class indices, not negative.
        labels: `(n,)`, class indices, not negative.

    Returns:
        A number in `[0, 1]`.
    """
    classes = 1 + max(predicted.max(), labels.max())
    counts = np.bincount(classes * labels + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    true, guessed = counts.sum(1), counts.sum(0)
    f1 = 2 * counts.diagonal() / np.maximum(true + guessed, 1)
    return float(f1 @ true / len(labels))


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of samples whose highest score is that of their own class.

    Args:
        scores: `(n, C)` or, of T segments, `(n, T, C)`, logits or probabilities; the first of equal
            scores wins.
        labels: `(n,)` or `(n, T)`, class indices in `[0, C)`.

    Returns:
        A number in `[0, 1]`.

    Raises:
        ValueError: shapes do not fit, no sample, a label outside `[0, C)`, or a score is NaN.
    """
    scores, labels = _checked(scores, labels)
    return float(np.mean(scores.argmax(axis=1) == labels))


def average_precision(prob: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each class's one-vs-rest average precision, without interpolation.

    `AP_c = sum_k (R_k - R_{k-1}) P_k` over the samples ranked by their probability of class c.

    Args:
        prob: `(n, C)` or `(n, T, C)`, softmax probabilities in `[0, 1]`.
        labels: `(n,)` or `(n, T)`, class indices in `[0, C)`.

    Returns:
        `(C,)`, in `[0, 1]`; NaN for a class without samples.

    Raises:
        ValueError: as `accuracy`.
    """
    prob, labels = _checked(prob, labels)
    values = np.full(prob.shape[1], np.nan)
    for c in np.unique(labels):
        values[c] = average_precision_score(labels == c, prob[:, c])
    return values


def mean_average_precision(prob: np.ndarray, labels: np.ndarray) -> MeanAveragePrecision:
    """Return the macro mean of `average_precision` over the classes with at least one sample.

    The paper does not define its mAP; this is our definition. Probabilities
    and raw logits rank samples differently, so give the softmax of the prediction head.

    Args:
        prob: `(n, C)` or `(n, T, C)`, softmax probabilities in `[0, 1]`.
        labels: `(n,)` or `(n, T)`, class indices in `[0, C)`.

    Returns:
        The mean, in `[0, 1]`, and the classes left out because they have no sample.

    Raises:
        ValueError: as `accuracy`.
    """
    values = average_precision(prob, labels)
    skipped = np.flatnonzero(np.isnan(values))
    return MeanAveragePrecision(float(np.nanmean(values)), tuple(skipped.tolist()))


def confidence_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Return the mean over seeds and half the width of its Student t interval.

    Args:
        values: one number per seed.
        level: the interval's coverage, in `(0, 1)`.

    Returns:
        `mean` and `half_width >= 0`; one value says nothing about spread, so its half width is NaN.

    Raises:
        ValueError: no value, a value that is not finite, or a level outside `(0, 1)`.
    """
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not numbers.size:
        raise ValueError(f"need one number per seed, got shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"need finite numbers, got {numbers.tolist()}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if numbers.size == 1:
        return Interval(float(numbers[0]), float("nan"))
    quantile = stats.t.ppf((1 + level) / 2, df=numbers.size - 1)
    return Interval(float(numbers.mean()), float(quantile * stats.sem(numbers)))


def paired_difference(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean of `a - b` over seeds, with the t interval of the differences.

    Runs of one seed share their data order and initial weights, so the differences vary less than
    the values.

    Args:
        a: one number per seed.
        b: one number per seed, in the same order of seeds.
        level: the interval's coverage, in `(0, 1)`.

    Raises:
        ValueError: lengths differ, or as `confidence_interval`.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    return confidence_interval(np.subtract(a, b), level)


def _checked(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim not in (2, 3) or labels.shape != scores.shape[:-1] or not labels.size:
        raise ValueError(
            "need scores (n, C) and labels (n,), or (n, T, C) and (n, T), n > 0; "
            f"got {scores.shape}, {labels.shape}"
        )
    # Segments count as samples.
    scores, labels = scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)
    if np.isnan(scores).any():
        raise ValueError(f"scores of {int(np.isnan(scores).any(axis=1).sum())} samples are NaN")
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(
            f"labels span {labels.min()} to {labels.max()}, but there are {scores.shape[1]} classes"
        )
    return scores, labels
