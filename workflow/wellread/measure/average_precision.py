"""Are replicates more similar to each other than to the controls? Mean average precision (Kalinin et al. 2025).

The average precision is that of copairs; the null distribution is not. copairs draws random ranks, the same for all
replicates of a treatment, which is conservative where wells are exchangeable and far too bold where they are not. Here
what was randomised is permuted (see `nulls`), so that correlations between replicates, and what the position of a well
does to it where all replicates share one, are part of the null distribution too.
"""

from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.fakes import MIN_POSITIONS, fake_results, groups
from wellread.measure.halves import Half
from wellread.measure.permutation import Case, permutation_tests
from wellread.measure.power import smallest_effect
from wellread.measure.tidy import row, table, undecidable
from wellread.runtime.counted import counted
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]


@choice(
    "measure",
    columns=("sameby",),
    levels=("well",),
    needs=("replicates and negatives",),
    crossed=True,
    metrics={
        "mean_average_precision": "how high a well's replicates rank among the controls by similarity; 1: above all",
        "mean_normalised_average_precision": "the same, scaled so that 0 is chance and 1 perfect",
        "fraction_active": "proportion of treatments that differ reproducibly from controls (q below the threshold)",
        "fraction_decidable": "proportion of treatments with enough wells or control positions for a p-value below it",
        "fraction_by_position": "proportion of treatments whose wells share a position, so that positions are permuted",
        "p_floor": "the smallest p-value that counting alone can give, median over treatments",
        "fakes": "groups of control wells, laid out as treatments are, that were tested as if they were treatments",
        "fakes_below_threshold": "proportion of these fakes with p below the threshold; by chance as much as that",
        "fakes_active": "proportion of these fakes that are called active; the false-positive rate of this screen",
        "fakes_active_by_wells": "the same if wells were permuted within their plates, whatever the layout",
        "smallest_detectable": "mean average precision at which p falls below the threshold, median over treatments",
        "smallest_effect": "shift of wells, in sd of control wells, that has p below the threshold in 80 % of cases",
    },
    headline=("fraction_active", "fakes_active"),
    items={"mean_normalised_average_precision": "mean_normalised_average_precision"},
)
def average_precision(
    frame, seed, crossed=None, *, sameby=SAME_TREATMENT, negatives="controls", permute="auto", null_size=1000,
    threshold=0.05,
) -> pd.DataFrame:  # fmt: skip
    """Rank, by cosine, the other wells of a well's treatment (any plate) among the negatives of its plate.

    A treatment is what agrees in the columns `sameby`. Negatives are "controls", the evaluation half of the negative
    controls, or "others", all other treated wells. `permute`, the null distribution of p: "wells" change places within
    their plate; "auto" does so too, but for treatments with the same positions on several plates of one layout
    (`nulls.layouts`), where positions do, each followed through these plates. Then both halves of the controls serve:
    `crossed` are the profiles corrected on the other half. p = (1 + #{null >= observed}) / (1 + N) of `null_size`
    permutations, or of all, in the first half; of treatments with a single position, in both, interpolated, with a
    fitted tail (`nulls.smooth_p_value`).
    q by Benjamini-Hochberg; `active` is q < threshold. Treatments without enough wells, or of fewer than 20 control
    positions, for a p-value below the threshold are undecidable: they have no q.

    Controls are tested as well, laid out as treatments are, as if they were some: `fakes_active` is how many are called
    active. `smallest_effect` is how far such controls must be moved, along a random direction, for 80 % of them to have
    p < threshold, by one half of the controls. Raises InputError for profiles of fields.
    """
    halves = [Half.of(frame, sameby, negatives)]
    crossed = crossed if negatives == "controls" else None
    halves += [] if crossed is None else [Half.of(crossed, sameby, negatives)]
    cases, left_out = {}, {"no negative on its plate": 0, "no replicate": 0}
    for item, own in halves[0].wells_of_items.items():
        compared = own[halves[0].compared[own]]
        left_out["no negative on its plate"] += len(own) - len(compared)
        left_out["no replicate"] += len(compared) == 1
        if len(compared) > 1:
            cases[item] = Case.of(halves, compared, halves[0].layers(compared, permute == "auto"))
    rows = [row("left_out", count, (halves[0].items != "").sum(), reason) for reason, count in left_out.items()]
    if not cases:
        reason = f"no treatment in {counted(len(frame), 'well')} has replicates, and negatives on their plates"
        return table([*rows, undecidable("fraction_active", reason, len(frame))])
    tests = treatment_tests(cases, null_size, threshold, seed)
    if negatives == "others":  # which keep their positions, too, and have effects of their own
        tests["control_positions"] = 0
    controls = (*groups(halves, list(cases.values()), seed), null_size, threshold, seed)
    return table(rows + _results(tests, controls, threshold))


def treatment_tests(cases: dict[str, Case], null_size: int, threshold: float, seed: int) -> pd.DataFrame:
    """Tests of treatments, each with a random stream of its own, so that a new one does not change those of others."""
    names, every = list(cases), list(cases.values())

    def draw(i: int) -> list:
        return every[i].draw(null_size, np.random.default_rng([seed, crc32(names[i].encode())]))

    return pd.DataFrame(permutation_tests(every, draw, null_size, threshold), index=names)


def _results(tests: pd.DataFrame, controls: tuple, threshold: float) -> list[dict]:
    few = tests["by_position"] & (tests["control_positions"] < MIN_POSITIONS)
    tests["decidable"] = ~few & (tests["p_floor"] < threshold)
    decided = tests[tests["decidable"]].copy()
    decided["q_value"] = false_discovery_control(decided["p_value"]) if len(decided) else []
    decided["active"] = decided["q_value"] < threshold
    means = ["mean_average_precision", "mean_normalised_average_precision"]
    rows = [row(metric, tests[metric].mean(), len(tests)) for metric in means]
    if len(decided):
        rows.append(row("fraction_active", decided["active"].mean(), len(decided)))
        rows += [*fake_results(*controls), smallest_effect(*controls)]
        rows += [row(metric, decided[metric].median(), len(decided)) for metric in ("p_floor", "smallest_detectable")]
    else:
        rows.append(undecidable("fraction_active", _reason(tests, few, threshold), len(tests)))
    rows += [row(f"fraction_{what}", tests[what].mean(), len(tests)) for what in ("decidable", "by_position")]
    for metrics, own in (([*means, "p_value"], tests), (["q_value", "active"], decided)):
        for metric in metrics:
            rows += [row(metric, *pair, item) for item, *pair in zip(own.index, own[metric], own["n"], strict=True)]
    return rows


def _reason(tests: pd.DataFrame, few: pd.Series, threshold: float) -> str:
    """Why no treatment of a screen can be called active."""
    if few.any():
        n = int(tests.loc[few, "control_positions"].max())
        return f"{n} control positions, {MIN_POSITIONS} are needed where treatments keep their position on all plates"
    return f"too few wells for a p-value below {threshold:g}"
