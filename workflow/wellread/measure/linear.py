"""Can a label be read off frozen features by a linear classifier, for groups that it has not seen? Linear probes."""

import numpy as np
import pandas as pd

from wellread.measure.held_out import seen_in_training
from wellread.measure.probe import METRICS, prepared, scores
from wellread.measure.tidy import row, table, undecidable
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "held_out", "split"),
    levels=("cell", "fov", "well"),
    needs=("groups to hold out",),
    metrics={
        "macro_f1_present": "mean over the labels that occur in the test set of F1",
        "macro_f1": "the same over all labels: those that do not occur in the test set count 0, as published",
        "accuracy": "proportion of profiles of the test set whose labels are all predicted, and no other",
    },
    items={"macro_f1_present": "f1"},
)
def linear(
    frame, seed, *, label="moa", held_out="treatment", split="", paper=False, iterations=1000, batch=128, permutations=5
) -> pd.DataFrame:
    """Macro F1 of a linear classifier of profiles, tested on groups that it was not trained on.

    Groups, values of the column `held_out` (empty: profiles), are divided by `held_out.sets`, three in five to train,
    or by the column `split` (train, validation, test). Of the published grid of learning rates and weight decays the
    classifier that is best on the validation set is told; with `paper` the best on the test set, on features as they
    are, which is optimistic. See `heads.train`, with `iterations` batches of `batch` profiles. Several labels of a
    profile are joined by `|`; those of a probability above .5 are predicted.

    `macro_f1_present` has a 95 % interval by bootstrap over groups; `f1` is that of a label; `selected` names the
    classifier and tells its macro F1 where it was chosen; `seen_in_training` is the share of test profiles whose plate,
    well position, batch or treatment is in another set, too. `chance_*`: labels permuted among groups. If nothing can
    be held out, macro F1 is undecidable.
    """
    how = {"paper": paper, "iterations": iterations, "batch": batch}
    probe, rows, reason = prepared(frame, seed, label=label, held_out=held_out, split=split, **how)
    if probe is None:
        return table([*rows, undecidable("macro_f1", reason, len(frame))])
    predicted, pair, score = probe.best(probe.train, seed)
    rows += scores(predicted, probe.Y[probe.test], probe.groups[probe.test], probe.classes, seed)
    rows.append(row("selected", score, len(probe.train), f"learning rate {pair[0]:g}, weight decay {pair[1]:g}"))
    seen = seen_in_training(probe.meta, probe.sets)
    rows += [row("seen_in_training", value, len(probe.test), name) for name, value in seen.items()]
    for repeat in range(permutations):
        shuffled = probe.permuted(np.random.default_rng([seed, repeat]))
        found, truth = shuffled.best(probe.train, seed, [pair])[0], shuffled.Y[probe.test]
        rows += [row(f"chance_{name}", f(found, truth), len(truth), "", repeat) for name, f in METRICS.items()]
        rows.append(row("chance_accuracy", (found == truth).all(axis=1).mean(), len(truth), "", repeat))
    return table(rows)
