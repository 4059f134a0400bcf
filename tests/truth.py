"""Scores of masks against known truth."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def pooled_f1(true: np.ndarray, found: np.ndarray, iou: float = 0.5) -> float:
    """F1 over the objects of all fields (F, H, W), matched one to one at an intersection over union."""
    hits, n_true, n_found = np.sum([_matches(t, f, iou) for t, f in zip(true, found, strict=True)], axis=0)
    return 2 * hits / (n_true + n_found)


def _matches(true: np.ndarray, found: np.ndarray, iou: float) -> tuple[int, int, int]:
    (true_ids, true), (found_ids, found) = (np.unique(labels, return_inverse=True) for labels in (true, found))
    overlap = np.zeros((len(true_ids), len(found_ids)))
    np.add.at(overlap, (true.ravel(), found.ravel()), 1)
    union = overlap.sum(1, keepdims=True) + overlap.sum(0, keepdims=True) - overlap
    ratio = (overlap / union)[1:, 1:]  # without background
    pairs = linear_sum_assignment(-ratio * (ratio >= iou))
    return int((ratio[pairs] >= iou).sum()), *ratio.shape
