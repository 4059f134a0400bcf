"""Features that say nothing are left out. What a correction is says `profiles.correct`."""

import logging

import pandas as pd

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")

OPERATIONS = ("variance_threshold", "drop_outliers")


@choice("correction")
def feature_select(
    X, meta, seed, *, operations=OPERATIONS, correlation=0.9, outlier=500.0, frequency=0.05, unique=0.01, variance=1e-6
):
    """The features (n, d) that pycytominer's feature_select keeps, by all rows.

    `operations` are applied in their order: variance_threshold (with frequency_threshold: `variance` is the least,
    `frequency` the ratio of the two commonest values, `unique` the share of distinct ones), drop_outliers (largest
    absolute value above `outlier`) and correlation_threshold (above `correlation`; only positive ones exceed it).
    Raises InputError if none is left.
    """
    from pycytominer import feature_select as select

    frame = pd.DataFrame(X).rename(columns="x{}".format)
    chosen = select(
        frame, list(frame), operation=list(operations), corr_threshold=correlation, outlier_cutoff=outlier,
        freq_cut=frequency, unique_cut=unique, min_variance=variance,
    )  # fmt: skip
    log.info("feature_select: %d of %d features are kept", chosen.shape[1], X.shape[1])
    if not chosen.shape[1]:
        edit = "standardize before it, or choose other operations or limits"
        raise InputError("features that are kept", f"none of {X.shape[1]}", "feature_select", edit)
    return chosen.to_numpy(float)
