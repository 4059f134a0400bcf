"""How many labels does a classifier of frozen features need? Linear probes trained on shares of them."""

import numpy as np
import pandas as pd

from wellread.measure.probe import macro_f1, prepared
from wellread.measure.tidy import row, table, undecidable
from wellread.runtime.registry import choice
from wellread.train.shares import drawn


@choice(
    "measure",
    columns=("label", "held_out", "split"),
    levels=("cell", "fov", "well"),
    needs=("groups to hold out",),
    metrics={
        "macro_f1": "macro F1 on the test set of a linear classifier, the mean over shares of the training labels"
    },
)
def low_shot(
    frame, seed, *, label="moa", held_out="treatment", split="", shares=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0),
    repeats=3, iterations=500, batch=128,
) -> pd.DataFrame:  # fmt: skip
    """Macro F1 of linear classifiers that are trained on some `shares` of the labels of the training set.

    The sets, and the classifier that is best on the whole validation set, are those of `linear`. Every share is drawn
    `repeats` times by `drawn`. `macro_f1_of_labels` has a row for every share (items such as `10 %`) and repeat, whose
    n is the number of profiles trained on; `macro_f1` is its mean over shares, in every repeat. If nothing can be held
    out, macro F1 is undecidable.
    """
    how = {"paper": False, "iterations": iterations, "batch": batch}
    probe, rows, reason = prepared(frame, seed, label=label, held_out=held_out, split=split, **how)
    if probe is None:
        return table([*rows, undecidable("macro_f1", reason, len(frame))])
    truth = probe.Y[probe.test]
    for repeat in range(repeats):
        values = []
        for share in shares:
            own = probe.train[drawn(probe.Y[probe.train], share, np.random.default_rng([seed, repeat]))]
            values.append(macro_f1(probe.best(own, seed + repeat)[0], truth))
            rows.append(row("macro_f1_of_labels", values[-1], len(own), f"{100 * share:g} %", repeat))
        rows.append(row("macro_f1", np.mean(values), len(truth), "", repeat))
    return table(rows)
