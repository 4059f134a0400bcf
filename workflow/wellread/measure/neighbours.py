"""Do profiles with the same label lie together? The nearest neighbours vote."""

import numpy as np

from wellread import similar, tables
from wellread.errors import InputError
from wellread.measure.tidy import one_hot, row, share, subjects, table

SAME_WELL = ["plate+well"]


def knn(
    frame, seed, *, label="treatment", k=1, temperature=0.07, exclude=SAME_WELL, controls=False, permutations=20
):
    """Leave-one-out classification by the k nearest profiles, weighted by exp(cosine / temperature).

    A neighbour differs from the profile in every column of `exclude`; `plate+well` is the pair of both. With one
    label per profile the heaviest class wins; with several, joined by `|`, all that hold over half of the weight.
    `chance_*` is the same with the labels permuted among the profiles.
    """
    meta, X, rows = subjects(frame, label, controls)
    classes, Y = one_hot(tables.text(meta, label))  # (n, C)
    index, cosine = similar.nearest(X, similar.keys(meta, exclude), k)
    asked = index[:, 0] >= 0
    if not asked.any():
        found = f"no two profiles that differ in {', '.join(exclude)}"
        raise InputError("profiles to compare", found, "knn.exclude", "exclude fewer columns, or remove the task")
    rows.append(row("left_out", (~asked).sum(), len(frame), "no neighbour"))
    index, weights = index[asked], _weights(cosine[asked], temperature)

    guess, truth = _vote(Y, index, weights), Y[asked]
    rows += share("accuracy", _correct(guess, truth)) + _per_class(guess, truth, classes)
    rows += [row(name, value, len(truth)) for name, value in _averages(guess, truth).items()]
    for repeat in range(permutations):
        shuffled = np.random.default_rng([seed, repeat]).permutation(Y)
        guess, truth = _vote(shuffled, index, weights), shuffled[asked]
        chance = {"accuracy": _correct(guess, truth).mean(), **_averages(guess, truth)}
        rows += [row(f"chance_{name}", value, len(truth), "", repeat) for name, value in chance.items()]
    return table(rows)


def _weights(cosine: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax over the neighbours there are (n, k); missing ones have cosine -inf and get 0."""
    weights = np.exp((cosine - cosine[:, :1]) / temperature)
    return weights / weights.sum(axis=1, keepdims=True)


def _vote(Y: np.ndarray, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The classes (n, C) bool that neighbours `index` (n, k) of known classes Y give to n profiles."""
    votes = np.zeros((len(index), Y.shape[1]))
    for neighbour, weight in zip(index.T, weights.T, strict=True):
        votes += weight[:, None] * Y[neighbour]
    if (Y.sum(axis=1) > 1).any():
        return votes > 0.5
    return votes.argmax(axis=1)[:, None] == np.arange(Y.shape[1])


def _correct(guess: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (guess == truth).all(axis=1)


def _recall_f1(guess: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and F1 = 2 TP / (2 TP + FP + FN) of every class; 0 where there is nothing to divide by."""
    hits, true, guessed = (guess & truth).sum(axis=0), truth.sum(axis=0), guess.sum(axis=0)
    return hits / np.maximum(true, 1), 2 * hits / np.maximum(true + guessed, 1)


def _averages(guess: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    recall, f1 = _recall_f1(guess, truth)
    return {"balanced_accuracy": recall[truth.any(axis=0)].mean(), "macro_f1": f1.mean()}


def _per_class(guess: np.ndarray, truth: np.ndarray, classes: list[str]) -> list[dict]:
    recall, f1 = _recall_f1(guess, truth)
    n = truth.sum(axis=0)
    return [
        row(metric, value, count, item)
        for metric, values in (("recall", recall), ("f1", f1))
        for value, count, item in zip(values, n, classes, strict=True)
    ]
