"""What does a model that was trained by labels say of groups that it was not taught? Its own head's predictions."""

import numpy as np
import pandas as pd

from wellread.measure.held_out import divided, only_in_training, seen_in_training
from wellread.measure.probe import METRICS, scores
from wellread.measure.tidy import labelled_profiles, multi_hot, one_class, row, shuffled_among, table, undecidable
from wellread.profiles import tables
from wellread.profiles.similarity import TEST
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "held_out", "split"),
    levels=("cell", "fov", "well"),
    of_head=True,
    metrics={
        "macro_f1_present": "mean over the labels that occur in the test set of F1",
        "macro_f1": "the same over all labels: those that do not occur in the test set count 0, as published",
        "accuracy": "proportion of profiles of the test set whose labels are all predicted, and no other",
    },
    items={"macro_f1_present": "f1"},
)
def own_head(frame, seed, *, label="moa", held_out="treatment", split="set", permutations=20) -> pd.DataFrame:
    """Macro F1 of what a model that was trained by labels says of the profiles that are `test` in the column `split`.

    A profile is the mean of the scores (classes,) of its cells by the head of the model (`encoder.heads`), classes in
    alphabetical order. Of several labels those of a score above 0 are predicted, of single ones the highest. The rows
    are those of `linear`; `chance_*`: labels permuted among groups, values of the column `held_out`. If the head has
    other classes than the profiles, macro F1 is undecidable. Raises InputError if the split divides a group.
    """
    meta, X, rows = labelled_profiles(frame, label, False)
    if error := divided(meta, split, held_out, "own_head"):
        raise error
    classes, Y = multi_hot(tables.text_column(meta, label))
    own = tables.text_column(meta, split)
    test = own == TEST
    if reason := one_class(classes, label, len(meta)) or _unlike(X, classes) or ("" if test.any() else "none in test"):
        return table([*rows, undecidable("macro_f1_present", reason, len(frame))])
    single = (Y.sum(axis=1) == 1).all()
    every = tables.text_column(meta, held_out) if held_out else np.arange(len(meta)).astype(str)
    rows += only_in_training(every, Y, classes, held_out or "profile")
    predicted = X[test] == X[test].max(axis=1, keepdims=True) if single else X[test] > 0
    groups = every[test]
    rows += scores(predicted, Y[test], groups, classes, seed)
    rows += [row("seen_in_training", value, test.sum(), name) for name, value in seen_in_training(meta, own).items()]
    for repeat in range(permutations):
        truth = shuffled_among(Y[test], groups, np.random.default_rng([seed, repeat]))
        rows += [row(f"chance_{name}", f(predicted, truth), len(truth), "", repeat) for name, f in METRICS.items()]
        rows.append(row("chance_accuracy", (predicted == truth).all(axis=1).mean(), len(truth), "", repeat))
    return table(rows)


def _unlike(X: np.ndarray, classes: list[str]) -> str:
    """Why the scores X (n, D) are not of these classes; "" if they can be."""
    return "" if X.shape[1] == len(classes) else f"the model tells {X.shape[1]} classes, profiles have {len(classes)}"
