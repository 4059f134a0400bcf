"""Do replicates find each other before they find the controls? Mean average precision (Kalinin et al. 2025).

The average precision is that of copairs; the null is not. copairs draws random ranks, one shared draw for all
replicates of a treatment, which costs most of the power. Here the wells change places within their plate, a treated
one with a negative, so that whatever ties replicates together is in the null too.
"""

import math
from zlib import crc32

import numpy as np
from scipy.stats import false_discovery_control

from wellread import similar, tables
from wellread.errors import InputError
from wellread.measure.tidy import row, table
from wellread.progress import progress

TREATMENT = ["treatment"]


def average_precision(frame, seed, *, sameby=TREATMENT, negatives="controls", null_size=1000, threshold=0.05):
    """Rank the other wells of a well's treatment, on any plate, among the negatives of its own plate by cosine.

    Negatives are "controls", those negative controls that fitted no correction, or "others", all other treated
    wells. p = (1 + #{null >= observed}) / (1 + null_size); q by Benjamini-Hochberg; `active` is q < threshold.
    `fraction_decidable`: treatments with wells enough for more than 1 / threshold arrangements; no other can be active.
    """
    plates, items, reference, U = _wells(frame, sameby, negatives)
    tests, lonely, alone = {}, 0, 0
    for item in progress(sorted(set(items) - {""}), "treatments", unit="treatment"):
        own = items == item
        pools = _pools(own, reference & ~own, plates)
        n = sum(len(members) for members, _ in pools)
        lonely, alone = lonely + own.sum() - n, alone + (n == 1)
        if n > 1:
            tests[item] = _test(U, pools, null_size, np.random.default_rng([seed, crc32(item.encode())]))
    if not tests:
        edit = "fill in treatment and control in the wells table, or remove the task"
        raise InputError("treatments with replicates and negatives", f"none in {len(frame)} wells", "the profiles", edit)
    wells = (items != "").sum()
    rows = [row("left_out", lonely, wells, "no negative on its plate"), row("left_out", alone, wells, "no replicate")]
    return table(rows + _results(tests, threshold))


def _wells(frame, sameby, negatives):
    """Of every well, sorted by plate and well: plate, treatment ("": none), may it be a negative, unit profile."""
    if tables.column("site") in frame:
        raise InputError("one profile per well", "profiles of fields", "level of the task", "write level: well")
    meta, X = tables.split(frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable"))
    control, names = tables.text(meta, "control"), tables.names(meta, sameby)
    if negatives == "controls":
        treated, reference = control != "negative", tables.text(meta, "control_use") == "evaluate"
    else:
        treated = reference = (control == "") & (names != "")
    return tables.text(meta, "plate"), np.where(treated, names, ""), reference, similar.unit(X)


def _pools(own: np.ndarray, reference: np.ndarray, plates: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows of a treatment's wells and of their negatives, plate by plate; plates without negatives are left out."""
    of_plate = [plates == plate for plate in np.unique(plates[own])]
    pairs = [(np.flatnonzero(own & here), np.flatnonzero(reference & here)) for here in of_plate]
    return [(members, others) for members, others in pairs if len(others)]


def _test(U: np.ndarray, pools, null_size: int, rng) -> dict[str, float]:
    """Mean average precision of one treatment, and its p-value from wells that change places within plates."""
    rows = np.concatenate([np.concatenate(pool) for pool in pools])
    S = U[rows] @ U[rows].T
    arrangements = _arrangements([(len(members), len(others)) for members, others in pools], null_size, rng)
    ap = average_precisions(S, arrangements)  # (R, 1 + N)
    means = ap.mean(axis=0)
    n = len(ap)
    chance = np.concatenate([[expected(n - 1, n - 1 + len(others))] * len(members) for members, others in pools])
    return {
        "mean_average_precision": means[0],
        "mean_normalised_average_precision": ((ap[:, 0] - chance) / (1 - chance)).mean(),
        "p_value": (1 + (means[1:] >= means[0] - 1e-12).sum()) / (1 + null_size),
        "arrangements": math.prod(math.comb(len(m) + len(o), len(m)) for m, o in pools),
        "n": n,
    }


def _arrangements(sizes, null_size: int, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per plate, which pool rows act as the treatment (1 + N, m) and which as negatives (1 + N, k); first the truth."""
    start, arrangements = 0, []
    for members, others in sizes:
        truth = np.arange(start, start + members + others)
        drawn = np.vstack([truth, rng.permuted(np.tile(truth, (null_size, 1)), axis=1)])
        arrangements.append((drawn[:, :members], drawn[:, members:]))
        start += members + others
    return arrangements


def average_precisions(S: np.ndarray, arrangements) -> np.ndarray:
    """Average precision (R, N) of the R wells of a treatment in N arrangements, from the similarities S (m, m).

    AP = mean over the positives of (positives so far / rank). Of equals the negative comes first.
    """
    treated = np.concatenate([members for members, _ in arrangements], axis=1)  # (N, R)
    negatives = [others for members, others in arrangements for _ in members.T]
    precisions = []
    for i, others in enumerate(negatives):
        listed = np.concatenate([others, np.delete(treated, i, axis=1)], axis=1)  # (N, L), negatives first
        order = np.argsort(-S[treated[:, [i]], listed], axis=1, kind="stable")
        hit = order >= others.shape[1]
        precision = hit.cumsum(axis=1) / np.arange(1, listed.shape[1] + 1)
        precisions.append((precision * hit).sum(axis=1) / hit.sum(axis=1))
    return np.stack(precisions)


def expected(positives: int, total: int) -> float:
    """Average precision of a random ranking: [(M - 1)/(L - 1) (L - H_L) + H_L] / L, H_L the harmonic number."""
    harmonic = (1 / np.arange(1, total + 1)).sum()
    return ((positives - 1) / (total - 1) * (total - harmonic) + harmonic) / total


def _results(tests: dict[str, dict], threshold: float) -> list[dict]:
    q = false_discovery_control([test["p_value"] for test in tests.values()])
    for test, value in zip(tests.values(), q, strict=True):
        test |= {"q_value": value, "active": value < threshold, "decidable": 1 / test.pop("arrangements") < threshold}
    every = {name: np.array([test[name] for test in tests.values()], float) for name in next(iter(tests.values()))}
    means = ["mean_average_precision", "mean_normalised_average_precision"]
    rows = [row(name, every[name].mean(), len(tests)) for name in means]
    rows += [row(f"fraction_{name}", every[name].mean(), len(tests)) for name in ("active", "decidable")]
    shown = [*means, "p_value", "q_value", "active"]
    return rows + [row(name, test[name], test["n"], item) for name in shown for item, test in tests.items()]
