"""Are the replicates of a treatment more similar than wells of different treatments? Percent replicating."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import proportion, row, table
from wellread.profiles import similarity, tables
from wellread.profiles.controls import is_negative
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]


@choice(
    "measure",
    columns=("sameby",),
    levels=("well",),
    needs=("replicates",),
    metrics={
        "replicating": "proportion of treatments whose wells are more similar than wells of different treatments",
    },
    items={"replicating": "replicating"},
)
def replicating(frame, seed, *, sameby=SAME_TREATMENT, null_size=1000, percentile=95.0) -> pd.DataFrame:
    """The proportion of treatments whose replicates are more similar than random wells (Way et al. 2022).

    A treatment is what agrees in the columns `sameby`. Its similarity is the median cosine of all pairs of its wells;
    it replicates if that is above the `percentile` of the same of `null_size` groups of as many wells, each well of
    another treatment. By chance 1 - percentile / 100 of the treatments do. Returns replicating (with its 95 %
    interval), its chance, and of every treatment similarity, threshold and whether it replicates. Negative controls
    take no part; treatments of one well, or of more wells than there are treatments, are left out. Raises InputError if
    none is left.
    """
    meta, X = tables.split(frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable"))
    names = np.where(is_negative(meta), "", tables.row_names(meta, sameby))
    wells = {name: np.flatnonzero(names == name) for name in sorted(set(names) - {""})}
    testable = {name: own for name, own in wells.items() if 1 < len(own) <= len(wells)}
    if not testable:
        found, edit = f"none of {len(wells)}", "fill in the column treatment of the wells table, or remove the task"
        raise InputError("treatments with replicates, and as many others", found, "the profiles", edit)
    U = similarity.unit_length(X)
    null = {n: _null(U, list(wells.values()), n, null_size, seed) for n in {len(own) for own in testable.values()}}
    found = {name: _median_cosine(U[own]) for name, own in testable.items()}
    limits = {name: np.percentile(null[len(own)], percentile) for name, own in testable.items()}
    rows = [row("left_out", len(wells) - len(testable), len(wells), "no replicate, or more than there are treatments")]
    replicates = {name: found[name] > limits[name] for name in testable}
    rows += proportion("replicating", np.array(list(replicates.values())))
    rows.append(row("replicating_chance", 1 - percentile / 100, len(testable)))
    for metric, values in (("similarity", found), ("threshold", limits), ("replicating", replicates)):
        rows += [row(metric, value, len(testable[name]), name) for name, value in values.items()]
    return table(rows)


def _null(U: np.ndarray, wells: list[np.ndarray], n: int, size: int, seed: int) -> np.ndarray:
    """Median cosines (size,) of groups of n wells of n treatments, drawn at random."""
    rng = np.random.default_rng([seed, n])
    groups = [[rng.choice(wells[i]) for i in rng.permutation(len(wells))[:n]] for _ in range(size)]
    return np.array([_median_cosine(U[group]) for group in groups])


def _median_cosine(U: np.ndarray) -> float:
    """The median cosine of all pairs of rows of U (n, D), unit vectors."""
    return float(np.median((U @ U.T)[np.triu_indices(len(U), 1)]))
