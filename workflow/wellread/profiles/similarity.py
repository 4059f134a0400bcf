"""Cosine similarity of profiles, and nearest neighbours that differ from their query, or agree, in given columns."""

import numpy as np

from wellread.profiles import tables

TRAIN, TEST = "train", "test"  # values of a column that splits profiles
BLOCK_ROWS = 1024  # rows at a time: the full matrix of 40,000 wells would take 13 GB


def unit_length(X: np.ndarray) -> np.ndarray:
    """The rows of X (n, D) scaled to length 1; rows of zeros stay zeros."""
    length = lengths(X)[:, None]
    return X / np.where(length > 0, length, 1)


def lengths(X: np.ndarray) -> np.ndarray:
    """The Euclidean lengths (n,) of the rows of X (n, D), in their precision, without a copy of X."""
    return np.sqrt(np.einsum("ij,ij->i", X, X))


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


def agreement_codes(meta, sameby, split: str = "") -> tuple[np.ndarray, np.ndarray]:
    """What every row wants its neighbours to be, and what it is itself: two arrays of codes (n, h), equal for a pair.

    Neighbours agree in the columns `sameby`. With the column `split` only rows of its value `test` have neighbours, and
    only those of `train` are neighbours. Raises InputError if there is no such column.
    """
    columns = [tables.row_names(meta, item.split("+")) for item in sameby]
    own = [np.unique(values, return_inverse=True)[1] for values in columns]
    wanted = list(own)
    if split:
        part = tables.text_column(meta, split)
        wanted, own = [*wanted, np.where(part == TEST, 1, 2)], [*own, np.where(part == TRAIN, 1, 0)]
    return tuple(np.array(codes, int).reshape(len(codes), len(meta)).T for codes in (wanted, own))


def fold_codes(meta, by: str, n: int, seed: int) -> np.ndarray:
    """The fold (n, 1), from 0, of every row: the values of the column `by` are dealt to `n` folds at random.

    As further codes in which neighbours differ, they make cross-validation whose folds divide no value of `by`.
    """
    names, code = np.unique(tables.row_names(meta, [by]), return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % n)[code][:, None]


def pair_codes(meta, diffby, sameby=(), split="", folds=None, seed=0) -> tuple[np.ndarray, tuple]:
    """What `nearest_neighbours` takes: the codes in which pairs differ, `folds` {by, n} among them, and agree."""
    codes = exclusion_codes(meta, diffby)
    if folds:
        codes = np.hstack([codes, fold_codes(meta, **folds, seed=seed)])
    return codes, agreement_codes(meta, sameby, split)


def asked(meta, split: str = "") -> np.ndarray:
    """Which rows (n,) have neighbours: those of the test set, if the column `split` tells sets apart."""
    return tables.text_column(meta, split) == TEST if split else np.ones(len(meta), bool)


def neighbour_masks(codes: np.ndarray, agreement=None):
    """Yield blocks of rows (b,) and which rows may be their neighbours (b, n) bool.

    They differ from the row in every one of `codes` (n, g), and are what it wants by `agreement_codes`.
    """
    wanted, own = agreement or (np.empty((len(codes), 0)),) * 2
    for start in range(0, len(codes), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(codes)))
        differ = [code[rows, None] != code for code in codes.T]
        agree = [want[rows, None] == is_ for want, is_ in zip(wanted.T, own.T, strict=True)]
        yield rows, np.logical_and.reduce(differ + agree)


def nearest_neighbours(X: np.ndarray, codes: np.ndarray, k: int, agreement=None) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar rows of each row of X (n, D) that may be its neighbours, see `neighbour_masks`.

    Returns their indices (n, k), most similar first, of equals the earlier row; and cosines (n, k). Where there are
    fewer, -1 and -inf.
    """
    U, k = unit_length(X), min(k, len(X))
    index, similarity = np.full((len(X), k), -1), np.full((len(X), k), -np.inf)
    for rows, allowed in neighbour_masks(codes, agreement):
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
