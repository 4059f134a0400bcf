"""Are profiles with the same label similar? Classification by the k nearest neighbours."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import (
    independent_units,
    labelled_profiles,
    multi_hot,
    one_class,
    one_value,
    proportion,
    row,
    shuffled_among,
    table,
    undecidable,
)
from wellread.profiles import similarity, tables
from wellread.runtime.registry import choice

WELL = ["plate+well"]


@choice(
    "measure",
    columns=("label", "diffby", "sameby", "split", "folds"),
    levels=("cell", "fov", "well", "treatment"),
    needs=("classes", "neighbours"),
    metrics={
        "accuracy": "proportion of profiles whose label is predicted by their nearest neighbours",
        "balanced_accuracy": "the same with equal weight for every label, however many profiles it has (mean recall)",
        "macro_f1": "mean over the labels of F1, the harmonic mean of precision and recall",
    },
    items={"balanced_accuracy": "recall"},
)
def knn(
    frame,
    seed,
    *,
    label="treatment",
    k=1,
    temperature=0.07,
    diffby=WELL,
    sameby=(),
    split="",
    folds=None,
    controls=False,
    permutations=20,
) -> pd.DataFrame:
    """Leave-one-out classification by the k nearest profiles, weighted by exp(cosine / temperature).

    `label` is the predicted column of the wells table. A neighbour differs from the profile in every column of
    `diffby`, and agrees in every one of `sameby`; `plate+well` is the pair of both. With the column `split` profiles of
    its value test are asked, and those of train are their neighbours; with `folds`, {by, n}, a neighbour is of another
    of n folds, which divide no value of the column `by`. `controls`: whether negative controls take part.

    With one label per profile the class of most weight is predicted; with several, joined by `|`, all classes with over
    half of the weight. Returns accuracy (its 95 % interval takes the wells of a treatment together), balanced accuracy,
    macro F1, recall and F1 of every class, and `chance_*`, the same for each of `permutations` of the labels: among
    treatments, whose profiles are alike whatever their label is, or among profiles where a class is one treatment.
    With fewer than two classes, or without any neighbour, accuracy is undecidable.
    """
    meta, X, rows = labelled_profiles(frame, label, controls, split)
    classes, Y = multi_hot(tables.text_column(meta, label))  # (n, C)
    if reason := one_class(classes, label, len(meta)):
        return table([*rows, undecidable("accuracy", reason, len(meta))])
    codes, agreement = similarity.pair_codes(meta, diffby, sameby, split, folds, seed)
    index, cosine = similarity.nearest_neighbours(X, codes, k, agreement)  # (n, k)
    asked, has_neighbour = similarity.asked(meta, split), index[:, 0] >= 0
    if not has_neighbour.any():
        reason = one_value(meta, diffby) or f"no profile has a neighbour that differs in {', '.join(diffby)}"
        return table([*rows, undecidable("accuracy", reason, asked.sum())])
    rows.append(row("left_out", (asked & ~has_neighbour).sum(), len(frame), "no neighbour"))
    weights = _softmax(cosine[has_neighbour] / temperature)
    shuffled = _shuffled(Y, independent_units(meta), seed, permutations)
    units, index = independent_units(meta)[has_neighbour], index[has_neighbour]
    return table(rows + _answers(Y, classes, has_neighbour, index, weights, units, shuffled))


def _shuffled(Y: np.ndarray, units: np.ndarray, seed: int, permutations: int):
    """Yield the classes Y (N, C) of other profiles: those with the same class and of one of `units` (N,) move together.

    Where every unit of several profiles is a class by itself, as treatments are, each profile moves alone.
    """
    own = np.unique(Y, axis=0, return_inverse=True)[1].ravel()
    pairs = np.char.add(np.char.add(units.astype(str), " of class "), own.astype(str))
    _, first, together, sizes = np.unique(pairs, return_index=True, return_inverse=True, return_counts=True)
    units_of_class = np.bincount(own[first])
    if (units_of_class[own[first]][sizes > 1] == 1).all():
        together = np.arange(len(Y))
    for repeat in range(permutations):
        yield shuffled_among(Y, together, np.random.default_rng([seed, repeat]))


def _answers(Y: np.ndarray, classes, asked: np.ndarray, index, weights, units, shuffled) -> list[dict]:
    """Result rows of profiles of classes Y (N, C), of which those `asked` (N,) have neighbours `index` (n, k).

    Those of different `units` (n,) are independent; `shuffled` are classes as they may be by chance.
    """
    predicted, truth = _vote(Y, index, weights), Y[asked]
    rows = proportion("accuracy", _correct(predicted, truth), units) + _per_class(predicted, truth, classes)
    rows += [row(metric, value, len(truth)) for metric, value in _class_averages(predicted, truth).items()]
    for repeat, other in enumerate(shuffled):
        predicted, truth = _vote(other, index, weights), other[asked]
        chance = {"accuracy": _correct(predicted, truth).mean(), **_class_averages(predicted, truth)}
        rows += [row(f"chance_{metric}", value, len(truth), "", repeat) for metric, value in chance.items()]
    return rows


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the neighbours (n, k), most similar first; 0 for missing ones, whose logit is -inf."""
    weights = np.exp(logits - logits[:, :1])
    return weights / weights.sum(axis=1, keepdims=True)


def _vote(Y: np.ndarray, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Predicted classes (n, C) bool, by the weighted classes Y (N, C) of the neighbours `index` (n, k)."""
    votes = np.zeros((len(index), Y.shape[1]))
    for neighbour, weight in zip(index.T, weights.T, strict=True):
        votes += weight[:, None] * Y[neighbour]
    if (Y.sum(axis=1) > 1).any():
        return votes > 0.5
    return votes.argmax(axis=1)[:, None] == np.arange(Y.shape[1])


def _correct(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (predicted == truth).all(axis=1)


def recall_f1(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and F1 = 2 TP / (2 TP + FP + FN) of every class (C,); 0 where there is nothing to divide by."""
    true_positives, n_true, n_predicted = (predicted & truth).sum(axis=0), truth.sum(axis=0), predicted.sum(axis=0)
    return true_positives / np.maximum(n_true, 1), 2 * true_positives / np.maximum(n_true + n_predicted, 1)


def _class_averages(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    recall, f1 = recall_f1(predicted, truth)
    return {"balanced_accuracy": recall[truth.any(axis=0)].mean(), "macro_f1": f1.mean()}


def _per_class(predicted: np.ndarray, truth: np.ndarray, classes: list[str]) -> list[dict]:
    counts = truth.sum(axis=0)
    return [
        row(metric, value, n, item)
        for metric, values in zip(("recall", "f1"), recall_f1(predicted, truth), strict=True)
        for item, value, n in zip(classes, values, counts, strict=True)
    ]
