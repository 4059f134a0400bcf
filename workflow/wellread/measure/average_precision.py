"""Are replicates more similar to each other than to the controls? Mean average precision (Kalinin et al. 2025).

The average precision is that of copairs; the null distribution is not. copairs draws random ranks, the same for all
replicates of a treatment, which is conservative and costs power. Here the wells of a treatment and its negatives are
permuted within their plate, so that correlations between replicates are part of the null distribution too.
"""

import math
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.tidy import row, table
from wellread.profiles import controls, similarity, tables
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]


@choice(
    "measure",
    columns=("sameby",),
    levels=("well",),
    needs=("replicates and negatives",),
    metrics={
        "mean_average_precision": "how high a well's replicates rank among the controls by similarity; 1: above all",
        "mean_normalised_average_precision": "the same, scaled so that 0 is chance and 1 perfect",
        "fraction_active": "proportion of treatments that differ reproducibly from controls (q below the threshold)",
        "fraction_decidable": "proportion of treatments with enough wells for a p-value below the threshold",
    },
    items={"mean_normalised_average_precision": "mean_normalised_average_precision"},
)
def average_precision(
    frame, seed, *, sameby=SAME_TREATMENT, negatives="controls", null_size=1000, threshold=0.05
) -> pd.DataFrame:
    """Rank, by cosine, the other wells of a well's treatment (any plate) among the negatives of its plate.

    A treatment is what agrees in the columns `sameby`. Negatives are "controls", the evaluation half of the negative
    controls, or "others", all other treated wells. p = (1 + #{null >= observed}) / (1 + null_size); q by
    Benjamini-Hochberg; `active` is q < threshold. `fraction_decidable` is the proportion of treatments with enough
    wells for more than 1 / threshold permutations; no others can be active. Raises InputError for profiles of fields,
    and if no treatment has replicates and negatives.
    """
    plates, items, reference, U = _wells(frame, sameby, negatives)
    tests, left_out = {}, {"no negative on its plate": 0, "no replicate": 0}
    for item in progress(sorted(set(items) - {""}), "treatments", unit="treatment"):
        replicates = items == item
        pools = _pools(replicates, reference & ~replicates, plates)
        n = sum(len(members) for members, _ in pools)
        left_out["no negative on its plate"] += replicates.sum() - n
        left_out["no replicate"] += n == 1
        if n > 1:
            # a random stream per treatment, so that a new treatment does not change the p-values of the others
            tests[item] = _permutation_test(U, pools, null_size, np.random.default_rng([seed, crc32(item.encode())]))
    if not tests:
        found, edit = f"none in {len(frame)} wells", "fill in treatment and control in the wells table"
        raise InputError("treatments with replicates and negatives", found, "the profiles", edit)
    rows = [row("left_out", count, (items != "").sum(), reason) for reason, count in left_out.items()]
    return table(rows + _results(pd.DataFrame.from_dict(tests, orient="index"), threshold))


def _wells(frame: pd.DataFrame, sameby, negatives: str):
    """Of every well, sorted by plate and well: plate, treatment or "", whether a negative, unit profile."""
    if tables.column("site") in frame:
        raise InputError("one profile per well", "profiles of fields", "the task", "write level: well")
    frame = frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable")
    meta, X = tables.split(frame)
    control, names = tables.text_column(meta, "control"), tables.row_names(meta, sameby)
    if negatives == "controls":
        treated, reference = control != "negative", controls.is_evaluation(meta)
    else:
        treated = reference = (control == "") & (names != "")
    return tables.text_column(meta, "plate"), np.where(treated, names, ""), reference, similarity.unit_length(X)


def _pools(replicates: np.ndarray, reference: np.ndarray, plates: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per plate, the row numbers of a treatment and of its negatives; plates without negatives are left out."""
    on_plate = [plates == plate for plate in np.unique(plates[replicates])]
    pairs = [(np.flatnonzero(replicates & here), np.flatnonzero(reference & here)) for here in on_plate]
    return [(members, others) for members, others in pairs if len(others)]


def _permutation_test(U: np.ndarray, pools, null_size: int, rng) -> dict[str, float]:
    """The mean average precision of one treatment, with its p-value."""
    rows = np.concatenate([np.concatenate(pool) for pool in pools])
    sizes = [(len(members), len(others)) for members, others in pools]
    ap = average_precisions(U[rows] @ U[rows].T, _permutations(sizes, null_size, rng))  # (R, 1 + N)
    observed, *null = ap.mean(axis=0)
    chance = [chance_precision(len(ap) - 1, k) for m, k in sizes for _ in range(m)]
    return {
        "n": len(ap),
        "mean_average_precision": observed,
        "mean_normalised_average_precision": ((ap[:, 0] - chance) / np.subtract(1, chance)).mean(),
        "p_value": (1 + (np.array(null) >= observed - 1e-12).sum()) / (1 + null_size),
        "log_permutations": sum(math.log(math.comb(m + k, m)) for m, k in sizes),
    }


def _permutations(sizes, null_size: int, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per plate, the pool's rows that act as treatment (1 + N, m) and as negatives (1 + N, k), the true ones first."""
    start, permutations = 0, []
    for m, k in sizes:
        true = np.arange(start, start + m + k)
        drawn = rng.permuted(np.tile(true, (null_size, 1)), axis=1)
        permutations.append(np.split(np.vstack([true, drawn]), [m], axis=1))
        start += m + k
    return permutations


def average_precisions(S: np.ndarray, permutations) -> np.ndarray:
    """Average precision (R, N) of the R wells of a treatment in N permutations of a pool, S (m, m) its similarities.

    AP is the mean, over the positives of a ranked list, of (number of positives up to their rank) / rank. Of equally
    similar wells, negatives rank first.
    """
    treated = np.concatenate([members for members, _ in permutations], axis=1)  # (N, R)
    negatives = [others for members, others in permutations for _ in members.T]
    precisions = []
    for i, others in enumerate(negatives):
        ranked = np.concatenate([others, np.delete(treated, i, axis=1)], axis=1)  # (N, L)
        order = np.argsort(-S[treated[:, [i]], ranked], axis=1, kind="stable")
        hit = order >= others.shape[1]
        precision = hit.cumsum(axis=1) / np.arange(1, ranked.shape[1] + 1)
        precisions.append((precision * hit).sum(axis=1) / hit.sum(axis=1))
    return np.stack(precisions)


def chance_precision(m: int, k: int) -> float:
    """Expected average precision of m positives in random order with k negatives (mu_0 of copairs)."""
    harmonic = (1 / np.arange(1, m + k + 1)).sum()
    return ((m - 1) / (m + k - 1) * (m + k - harmonic) + harmonic) / (m + k)


def _results(tests: pd.DataFrame, threshold: float) -> list[dict]:
    tests["q_value"] = false_discovery_control(tests["p_value"])
    tests["active"] = tests["q_value"] < threshold
    tests["decidable"] = tests["log_permutations"] > -math.log(threshold)
    means = ["mean_average_precision", "mean_normalised_average_precision"]
    rows = [row(metric, tests[metric].mean(), len(tests)) for metric in means]
    rows.append(row("fraction_active", tests["active"].mean(), len(tests)))
    rows.append(row("fraction_decidable", tests["decidable"].mean(), len(tests)))
    for metric in [*means, "p_value", "q_value", "active"]:
        rows += [row(metric, test[metric], test["n"], item) for item, test in tests.iterrows()]
    return rows
