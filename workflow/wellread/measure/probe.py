"""What probes share: profiles in a training, a validation and a test set, and the best linear classifier of a grid."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from wellread.measure import heads
from wellread.measure.held_out import VALIDATION, only_in_training, sets
from wellread.measure.knn import recall_f1
from wellread.measure.tidy import (
    DRAWS,
    MIN_UNITS,
    labelled_profiles,
    multi_hot,
    one_class,
    proportion,
    row,
    shuffled_among,
)
from wellread.profiles import tables
from wellread.profiles.similarity import TEST, TRAIN

VALIDATING = 5  # one in so many training groups chooses, where a split has no validation set


@dataclass(frozen=True)
class Probe:
    """Profiles X (n, D), their classes Y (n, C), sets and groups (n,); how classifiers of them are trained and chosen.

    `judges`: the set on which the best of a grid is chosen, validation or, as published, test.
    """

    meta: pd.DataFrame
    X: np.ndarray
    Y: np.ndarray
    classes: list[str]
    sets: np.ndarray
    groups: np.ndarray
    judges: str
    iterations: int
    batch: int

    @property
    def single(self) -> bool:
        """Whether every profile has one class."""
        return bool((self.Y.sum(axis=1) == 1).all())

    @property
    def test(self) -> np.ndarray:
        """Row numbers of the test set."""
        return np.flatnonzero(self.sets == TEST)

    @property
    def train(self) -> np.ndarray:
        """Row numbers of the training set."""
        return np.flatnonzero(self.sets == TRAIN)

    def best(self, rows: np.ndarray, seed: int, pairs=None) -> tuple[np.ndarray, tuple[float, float], float]:
        """Classes (m, C) of the test set by the best classifier trained on `rows`; its pair of the grid and score.

        The best has the highest macro F1, over all classes, on the set that judges; of equals the first.
        """
        pairs = pairs or heads.grid()
        options = {"single": self.single, "iterations": self.iterations, "batch": self.batch}
        W, b = heads.train(self.X[rows], self.Y[rows], pairs, **options, seed=seed)
        judge = np.flatnonzero(self.sets == self.judges)
        scores = [
            macro_f1(heads.predict(self.X[judge], *own, self.single), self.Y[judge]) for own in zip(W, b, strict=True)
        ]
        best = int(np.argmax(scores))
        return heads.predict(self.X[self.test], W[best], b[best], self.single), pairs[best], scores[best]

    def permuted(self, rng) -> "Probe":
        """The same with labels permuted, within each set, among groups; profiles of one group and label go together."""
        together = np.unique(self.Y, axis=0, return_inverse=True)[1].ravel().astype(str)
        units, Y = np.char.add(np.char.add(self.groups.astype(str), " is "), together), self.Y.copy()
        for name in (TRAIN, VALIDATION, TEST):
            own = self.sets == name
            Y[own] = shuffled_among(Y[own], units[own], rng)
        return replace(self, Y=Y)


def prepared(frame, seed: int, *, label, held_out, split, paper, iterations, batch) -> tuple[Probe | None, list, str]:
    """The probe of a profile table, rows of what is left out, and why there is none.

    Features are standardised by the training set, unless all is done as in the `paper`.
    """
    meta, X, rows = labelled_profiles(frame, label, False)
    classes, Y = multi_hot(tables.text_column(meta, label))
    own = sets(meta, label, split, held_out, seed)
    groups = tables.text_column(meta, held_out) if held_out else np.arange(len(meta)).astype(str)
    if reason := one_class(classes, label, len(meta)) or _lacking(own, held_out, groups):
        return None, rows, reason
    rows += only_in_training(groups, Y, classes, held_out or "profile")
    rows += [row("left_out", (own == "").sum(), len(frame), f"in no set of {split}")] if split else []
    own = own if paper or (own == VALIDATION).any() else _with_validation(own, groups, seed)
    keep = own != ""
    X = X if paper else _standardised(X, own == TRAIN)
    judges = TEST if paper else VALIDATION
    meta = meta[keep].reset_index(drop=True)
    return Probe(meta, X[keep], Y[keep], classes, own[keep], groups[keep], judges, iterations, batch), rows, ""


def macro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The mean over all classes of F1 = 2 TP / (2 TP + FP + FN); 0 for those neither predicted nor true (published)."""
    return recall_f1(predicted, truth)[1].mean()


def macro_f1_present(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The same over the classes that occur in the truth."""
    return recall_f1(predicted, truth)[1][truth.any(axis=0)].mean()


def resampled_macro_f1(predicted: np.ndarray, truth: np.ndarray, units: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`macro_f1_present` (draws,) with the rows of each of `units` (n,) counted `weights` (draws, units) times."""
    of = np.unique(units, return_inverse=True)[1]
    counts = [np.zeros((of.max() + 1, truth.shape[1])) for _ in range(3)]
    for total, own in zip(counts, (predicted & truth, predicted, truth), strict=True):
        np.add.at(total, of, own)
    both, n_predicted, n_true = (weights @ total for total in counts)
    f1 = 2 * both / np.maximum(n_predicted + n_true, 1)
    return f1.sum(axis=1, where=n_true > 0) / (n_true > 0).sum(axis=1)


METRICS = {"macro_f1_present": macro_f1_present, "macro_f1": macro_f1}


def scores(predicted: np.ndarray, truth: np.ndarray, units: np.ndarray, classes: list[str], seed: int) -> list[dict]:
    """Result rows of the predicted classes (m, C) of a test set with a `truth`; its `units` (m,) are independent."""
    rows, m = [row(name, f(predicted, truth), len(truth)) for name, f in METRICS.items()], len(set(units))
    if m >= MIN_UNITS:
        weights = np.random.default_rng([seed, m]).multinomial(m, np.full(m, 1 / m), DRAWS)
        limits = np.percentile(resampled_macro_f1(predicted, truth, units, weights), [2.5, 97.5])
        rows += [
            row(f"macro_f1_present_{end}", value, len(truth))
            for end, value in zip(("low", "high"), limits, strict=True)
        ]
    rows += proportion("accuracy", (predicted == truth).all(axis=1), units)
    per_class = zip(classes, recall_f1(predicted, truth)[1], truth.sum(axis=0), strict=True)
    return rows + [row("f1", value, n, name) for name, value, n in per_class if n]


def _lacking(own: np.ndarray, held_out: str, groups: np.ndarray) -> str:
    """Why there is nothing to train or to test on; "" if there is."""
    absent = [name for name in (TRAIN, TEST) if name not in own]
    if not absent:
        return ""
    return f"{len(set(groups))} of {held_out or 'profiles'}, which cannot be held out: none in {' and '.join(absent)}"


def _with_validation(own: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """The sets (n,) with one in five training groups, at random, in the validation set."""
    names = np.unique(groups[own == TRAIN])
    chosen = np.random.default_rng([seed, 3]).permutation(names)[: max(1, len(names) // VALIDATING)]
    return np.where((own == TRAIN) & np.isin(groups, chosen), VALIDATION, own)


def _standardised(X: np.ndarray, train: np.ndarray) -> np.ndarray:
    """X (n, D) with mean 0 and deviation 1 over the training profiles; constant features become 0."""
    deviation = X[train].std(axis=0)
    return (X - X[train].mean(axis=0)) / np.where(deviation > 0, deviation, np.inf)
