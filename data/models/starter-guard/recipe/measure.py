"""Ranking, recall and calibration figures over logit differences (injection minus benign)."""

import numpy as np


def probability(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(scores, -60, 60)))


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; ties count half (Mann–Whitney)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def threshold_at(benign_scores: np.ndarray, rate: float) -> float:
    """The lowest score above which at most `rate` of the benign texts lie."""
    ordered = np.sort(benign_scores)[::-1]
    return float(ordered[int(rate * len(ordered))])


def recall_at(scores: np.ndarray, labels: np.ndarray, rate: float) -> float:
    """Share of injections above the threshold that lets `rate` of these benign texts through."""
    return float((scores[labels == 1] > threshold_at(scores[labels == 0], rate)).mean())


def calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of P(injection), equal-width bins (Guo et al. 2017)."""
    p = probability(scores)
    index = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs(p[index == b].mean() - labels[index == b].mean()) * (index == b).mean() for b in range(bins) if (index == b).any()))


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The divisor of the logits with the least log loss, by grid."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(8), 141))
    sign = np.where(labels == 1, 1, -1)
    return float(min(grid, key=lambda t: np.logaddexp(0, -sign * scores / t).mean()))
