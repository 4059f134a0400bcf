"""Do profiles with the same label lie together? The nearest neighbours vote."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import one_hot, row, share, subjects, table
from wellread.profiles import similarity, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

WELL = ["plate+well"]


@choice("measure", columns=("label", "exclude"))
def knn(
    frame, seed, *, label="treatment", k=1, temperature=0.07, exclude=WELL, controls=False, permutations=20
) -> pd.DataFrame:
    """Leave-one-out classification by the k nearest profiles, weighted by exp(cosine / temperature).

    A neighbour differs from the profile in every column of `exclude`; `plate+well` is the pair of both. With
    one label per profile the heaviest class wins; with several, joined by `|`, all that hold over half of the
    weight. `chance_*` are the same with the labels permuted among the profiles.
    """
    meta, X, rows = subjects(frame, label, controls)
    classes, Y = one_hot(tables.text_column(meta, label))  # (n, C)
    index, cosine = similarity.nearest_neighbours(X, similarity.exclusion_codes(meta, exclude), k)  # (n, k)
    asked = index[:, 0] >= 0
    if not asked.any():
        found, edit = f"none that differ in {', '.join(exclude)}", "exclude fewer columns, or remove the task"
        raise InputError("profiles to compare with", found, "knn.exclude", edit)
    rows.append(row("left_out", (~asked).sum(), len(frame), "no neighbour"))
    index, weights = index[asked], _softmax(cosine[asked] / temperature)

    guess, truth = _vote(Y, index, weights), Y[asked]
    rows += share("accuracy", _correct(guess, truth)) + _per_class(guess, truth, classes)
    rows += [row(metric, value, len(truth)) for metric, value in _averages(guess, truth).items()]
    for repeat in range(permutations):
        shuffled = np.random.default_rng([seed, repeat]).permutation(Y)
        guess, truth = _vote(shuffled, index, weights), shuffled[asked]
        chance = {"accuracy": _correct(guess, truth).mean(), **_averages(guess, truth)}
        rows += [row(f"chance_{metric}", value, len(truth), "", repeat) for metric, value in chance.items()]
    return table(rows)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Over the neighbours there are (n, k), best first; of those missing, at -inf, it is 0."""
    weights = np.exp(logits - logits[:, :1])
    return weights / weights.sum(axis=1, keepdims=True)


def _vote(Y: np.ndarray, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The classes (n, C) bool that profiles get from their neighbours `index` (n, k), whose own are in Y."""
    votes = np.zeros((len(index), Y.shape[1]))
    for neighbour, weight in zip(index.T, weights.T, strict=True):
        votes += weight[:, None] * Y[neighbour]
    if (Y.sum(axis=1) > 1).any():
        return votes > 0.5
    return votes.argmax(axis=1)[:, None] == np.arange(Y.shape[1])


def _correct(guess: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (guess == truth).all(axis=1)


def _recall_f1(guess: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and F1 = 2 TP / (2 TP + FP + FN) of every class (C,); 0 where there is nothing to divide by."""
    hits, true, guessed = (guess & truth).sum(axis=0), truth.sum(axis=0), guess.sum(axis=0)
    return hits / np.maximum(true, 1), 2 * hits / np.maximum(true + guessed, 1)


def _averages(guess: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    recall, f1 = _recall_f1(guess, truth)
    return {"balanced_accuracy": recall[truth.any(axis=0)].mean(), "macro_f1": f1.mean()}


def _per_class(guess: np.ndarray, truth: np.ndarray, classes: list[str]) -> list[dict]:
    counts = truth.sum(axis=0)
    return [
        row(metric, value, n, item)
        for metric, values in zip(("recall", "f1"), _recall_f1(guess, truth), strict=True)
        for item, value, n in zip(classes, values, counts, strict=True)
    ]
