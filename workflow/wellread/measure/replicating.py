"""Are the replicates of a treatment more similar than wells of different treatments? Percent replicating."""

import numpy as np
import pandas as pd

from wellread.measure.group_similarity import compared, median_cosine
from wellread.measure.tidy import independent_units, row, table, undecidable
from wellread.profiles import similarity, tables
from wellread.profiles.controls import is_negative
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
)
def replicating(frame, seed, *, sameby=SAME_TREATMENT, null_size=1000, percentile=95.0) -> pd.DataFrame:
    """The proportion of treatments whose replicates are more similar than random wells (Way et al. 2022).

    A treatment is what agrees in the columns `sameby`. Its similarity is the median cosine of all pairs of its wells;
    it replicates if that is above the `percentile` of the same of `null_size` groups of as many wells, each well of
    another treatment. By chance 1 - percentile / 100 of the treatments do. Returns replicating (with its 95 %
    interval), its chance, and similarity and threshold of every treatment. Negative controls take no part; treatments
    of one well, or of more wells than there are treatments, are left out. If none is left, it is undecidable.
    """
    meta, X = tables.split(frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable"))
    names = np.where(is_negative(meta), "", tables.row_names(meta, sameby))
    wells = {name: np.flatnonzero(names == name) for name in sorted(set(names) - {""})}
    testable = {name: own for name, own in wells.items() if 1 < len(own) <= len(wells)}
    if not testable:
        reason = f"none of {len(wells)} treatments has replicates, and as many others to compare with"
        return table([undecidable("replicating", reason, len(meta))])
    U = similarity.unit_length(X)
    sizes = {name: len(own) for name, own in testable.items()}
    drawn = {n: _null(U, list(wells.values()), n, null_size, seed) for n in set(sizes.values())}
    found = {name: median_cosine(U[own]) for name, own in testable.items()}
    rows = [row("left_out", len(wells) - len(testable), len(wells), "no replicate, or more than there are treatments")]
    nulls = {name: drawn[n] for name, n in sizes.items()}
    units = independent_units(meta)
    units = {name: units[own[0]] for name, own in testable.items()}  # the doses of a treatment are one
    return table(rows + compared("replicating", found, nulls, sizes, percentile, units))


def _null(U: np.ndarray, wells: list[np.ndarray], n: int, size: int, seed: int) -> np.ndarray:
    """Median cosines (size,) of groups of n wells of n treatments, drawn at random."""
    rng = np.random.default_rng([seed, n])
    groups = [[rng.choice(wells[i]) for i in rng.permutation(len(wells))[:n]] for _ in range(size)]
    return np.array([median_cosine(U[group]) for group in groups])
