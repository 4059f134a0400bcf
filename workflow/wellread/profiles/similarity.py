"""Cosine similarity of profiles, and nearest neighbours that differ from their query in given columns."""

import numpy as np

from wellread.profiles import tables

BLOCK_ROWS = 1024  # rows at a time: the full matrix of 40,000 wells would take 13 GB


def unit_length(X: np.ndarray) -> np.ndarray:
    """The rows of X (n, D) scaled to length 1; rows of zeros stay zeros."""
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(length > 0, length, 1)


def cosine_similarity(X: np.ndarray, Y: np.ndarray | None = None) -> np.ndarray:
    """Cosine similarity of the rows of X (n, D) with those of Y (m, D), or with one another: (n, m)."""
    return unit_length(X) @ unit_length(X if Y is None else Y).T


def exclusion_codes(meta, exclude) -> np.ndarray:
    """Integer codes (n, 1 + len(exclude)) of the columns `exclude`, in all of which neighbours must differ.

    `plate+well` is the pair of both. The first code is the row's own number, so that no row is its own neighbour.
    Raises InputError if there is no such column.
    """
    columns = [tables.row_names(meta, item.split("+")) for item in exclude]
    codes = [np.unique(values, return_inverse=True)[1] for values in columns]
    return np.stack([np.arange(len(meta)), *codes], axis=1)


def neighbour_masks(codes: np.ndarray):
    """Yield blocks of rows (b,) and which rows may be their neighbours (b, n) bool: those that differ in every code."""
    for start in range(0, len(codes), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(codes)))
        yield rows, np.logical_and.reduce([code[rows, None] != code for code in codes.T])


def nearest_neighbours(X: np.ndarray, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar rows of each row of X (n, D) that differ from it in every one of `codes` (n, g).

    Returns their indices (n, k), most similar first, of equals the earlier row; and cosines (n, k). Where there are
    fewer, -1 and -inf.
    """
    U, k = unit_length(X), min(k, len(X))
    index, similarity = np.full((len(X), k), -1), np.full((len(X), k), -np.inf)
    for rows, allowed in neighbour_masks(codes):
        S = np.where(allowed, U[rows] @ U.T, -np.inf)  # (b, n)
        top = _first_of_the_largest(S, k)
        order = np.argsort(-np.take_along_axis(S, top, 1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, 1)
        similarity[rows] = np.take_along_axis(S, top, 1)
        index[rows] = np.where(np.isfinite(similarity[rows]), top, -1)
    return index, similarity


def _first_of_the_largest(S: np.ndarray, k: int) -> np.ndarray:
    """Columns (b, k) of the k largest values of every row of S (b, n), in their order; of equals, the first ones."""
    smallest = np.partition(S, -k, axis=1)[:, -k, None]
    above, equal = smallest < S, smallest == S
    wanted = k - above.sum(axis=1, keepdims=True)
    return np.nonzero(above | (equal & (equal.cumsum(axis=1) <= wanted)))[1].reshape(-1, k)
