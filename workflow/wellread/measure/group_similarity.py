"""Is a group of profiles more similar than random groups? What percent replicating and percent matching share."""

import numpy as np

from wellread.measure.tidy import proportion, row


def median_cosine(U: np.ndarray, units: np.ndarray | None = None) -> float:
    """The median cosine of all pairs of rows of U (n, D), unit vectors, that differ in `units` (n,), if given."""
    first, second = np.triu_indices(len(U), 1)
    if units is not None:
        apart = units[first] != units[second]
        first, second = first[apart], second[apart]
    return float(np.median((U @ U.T)[first, second]))


def compared(
    metric: str, similarity: dict, nulls: dict, sizes: dict, percentile: float, units: dict | None = None
) -> list[dict]:
    """Result rows of groups, of the `similarity` of each and of the `percentile` of its `nulls`, {name: values (N,)}.

    Overall `metric`, the proportion of groups above their percentile, with its 95 % interval, for which groups of
    different `units` are independent (default all), and its chance; of every group similarity, threshold and size.
    """
    limits = {name: np.percentile(nulls[name], percentile) for name in similarity}
    above = np.array([similarity[name] > limits[name] for name in similarity])
    rows = proportion(metric, above, np.array([units[name] if units else name for name in similarity], dtype=object))
    rows.append(row(f"{metric}_chance", 1 - percentile / 100, len(similarity)))
    for kind, values in (("similarity", similarity), ("threshold", limits)):
        rows += [row(kind, value, sizes[name], name) for name, value in values.items()]
    return rows
