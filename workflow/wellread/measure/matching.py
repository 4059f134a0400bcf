"""Are the compounds of a class more similar than random compounds? Percent matching."""

import numpy as np

from wellread.measure.group_similarity import compared, median_cosine
from wellread.measure.tidy import labelled_profiles, multi_hot, row, table, undecidable
from wellread.profiles import similarity, tables
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "compound"),
    levels=("well", "treatment"),
    needs=("classes", "common class"),
    metrics={
        "matching": "proportion of classes whose compounds are more similar to each other than random compounds are",
    },
)
def matching(frame, seed, *, label="moa", compound="treatment", null_size=1000, percentile=95.0):
    """The proportion of classes whose compounds are more similar than random compounds (Way et al. 2022).

    A class is a value of the column `label`, or each of several joined by `|`. Its similarity is the median cosine of
    all pairs of its profiles that differ in the column `compound`; it matches if that is above the `percentile` of the
    same of `null_size` groups of as many compounds, drawn from all that have a class: what labels that say nothing
    would give, in 1 - percentile / 100 of the classes. Returns matching (with its 95 % interval), its chance, and
    similarity and threshold of every class. Negative controls take no part; classes of one compound, or of all, are
    left out; if that leaves none, it is undecidable.
    """
    meta, X, rows = labelled_profiles(frame, label, controls=False)
    if not len(meta):
        return table([*rows, undecidable("matching", f"no profile with a {label}", len(frame))])
    names, units = np.unique(tables.row_names(meta, [compound]), return_inverse=True)
    members = [np.flatnonzero(units == unit) for unit in range(len(names))]
    classes, Y = multi_hot(tables.text_column(meta, label))  # (n, C)
    own = {name: np.unique(units[of]) for name, of in zip(classes, Y.T, strict=True)}
    testable = {name: compounds for name, compounds in own.items() if 1 < len(compounds) < len(names)}
    if not testable:
        reason = f"none of {len(own)} classes of {label} has two compounds or more, and others to compare with"
        return table([*rows, undecidable("matching", reason, len(meta))])
    U = similarity.unit_length(X)
    sizes = {name: len(compounds) for name, compounds in testable.items()}
    drawn = {n: _null(U, units, members, n, null_size, seed) for n in set(sizes.values())}
    found = {name: median_cosine(U[Y[:, i]], units[Y[:, i]]) for i, name in enumerate(classes) if name in testable}
    rows.append(row("left_out", len(own) - len(testable), len(own), "classes of one compound, or of all"))
    nulls = {name: drawn[n] for name, n in sizes.items()}
    return table(rows + compared("matching", found, nulls, sizes, percentile))


def _null(U: np.ndarray, units: np.ndarray, members: list[np.ndarray], n: int, size: int, seed: int) -> np.ndarray:
    """Median cosines (size,) of the profiles of n compounds that are drawn at random."""
    rng = np.random.default_rng([seed, n])
    groups = [np.concatenate([members[i] for i in rng.permutation(len(members))[:n]]) for _ in range(size)]
    return np.array([median_cosine(U[group], units[group]) for group in groups])
