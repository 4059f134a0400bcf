"""Cosine similarity of profiles, and nearest neighbours that differ from their query in given columns."""

import numpy as np

from wellread.profiles import tables

BLOCK = 1024  # queries at a time: the full matrix of 40,000 wells would take 13 GB


def unit(X: np.ndarray) -> np.ndarray:
    """Scale the rows of X (n, D) to length 1; a row of zeros stays so."""
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def cosine(X: np.ndarray, Y: np.ndarray | None = None) -> np.ndarray:
    """Cosine similarity of the rows of X (n, D) with those of Y (m, D), or with one another: (n, m)."""
    return unit(X) @ unit(X if Y is None else Y).T


def keys(meta, exclude) -> np.ndarray:
    """Integer codes (n, len(exclude)) of the columns `exclude`; `plate+well` is the pair of both."""
    columns = [tables.names(meta, item.split("+")) for item in exclude]
    codes = [np.unique(values, return_inverse=True)[1] for values in columns]
    return np.stack([np.arange(len(meta)), *codes], axis=1)


def blocks(codes: np.ndarray):
    """Yield some rows at a time (b,) and who may be their neighbour (b, n): who differs in every code."""
    for start in range(0, len(codes), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(codes)))
        yield rows, np.logical_and.reduce([code[rows, None] != code for code in codes.T])


def nearest(X: np.ndarray, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar rows of each row of X (n, D) that differ from it in every one of `codes` (n, g).

    Returns their indices (n, k), best first, and cosines; where there are fewer, index -1 and cosine -inf.
    """
    U, k = unit(X), min(k, len(X))
    index, similarity = np.full((len(X), k), -1), np.full((len(X), k), -np.inf)
    for rows, allowed in blocks(codes):
        S = np.where(allowed, U[rows] @ U.T, -np.inf)  # (b, n)
        top = np.sort(np.argpartition(-S, k - 1, axis=1)[:, :k], axis=1)  # sorted: ties go to the earlier row
        order = np.argsort(-np.take_along_axis(S, top, 1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, 1)
        similarity[rows] = np.take_along_axis(S, top, 1)
        index[rows] = np.where(np.isfinite(similarity[rows]), top, -1)
    return index, similarity
