"""Nearest neighbours are those of a slow loop, and of equals the earlier row."""

import numpy as np
import pytest
from wellread.profiles.similarity import nearest_neighbours


@pytest.mark.parametrize("k", [1, 3, 7, 40])
def test_neighbours_are_those_of_a_slow_loop(k):
    rng = np.random.default_rng(k)
    X = rng.integers(-1, 2, (30, 3)).astype(float)  # many equal rows
    codes = np.stack([np.arange(30), rng.integers(0, 6, 30)], axis=1)
    index, cosine = nearest_neighbours(X, codes, k)
    U = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1)  # rows of length 0, 1 or more
    for row in range(30):
        allowed = [other for other in range(30) if (codes[other] != codes[row]).all()]
        near = sorted(allowed, key=lambda other: (-round(U[row] @ U[other], 12), other))[:k]
        missing = index.shape[1] - len(near)
        assert [round(float(c), 12) for c in cosine[row]] == [round(U[row] @ U[o], 12) for o in near] + [
            -np.inf
        ] * missing
        assert (index[row][len(near) :] == -1).all()


def test_of_equals_the_earlier_row():
    X = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1], [0, 1], [1, 0]])
    index, _ = nearest_neighbours(X, np.arange(6)[:, None], 3)
    assert index[0].tolist() == [5, 1, 2]
    assert index[4].tolist() == [1, 2, 3]
