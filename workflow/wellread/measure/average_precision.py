"""Are replicates more similar to each other than to the controls? Mean average precision (Kalinin et al. 2025).

The average precision is that of copairs; the null distribution is not. copairs draws random ranks, the same for all
replicates of a treatment, which is conservative where wells are exchangeable and far too bold where they are not. Here
what was randomised is permuted (see `nulls`), so that correlations between replicates, and what the position of a well
does to it where all replicates share one, are part of the null distribution too.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure import nulls, ranks
from wellread.measure.tidy import row, table, undecidable
from wellread.profiles import controls, similarity, tables
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]
MIN_POSITIONS = 20  # control positions; 1 / (20 + 1) is the largest floor below .05
MAX_DESIGNS, FAKES = 4, 40  # designs of treatments whose wells controls are laid out in, and groups of each


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
    },
    items={"mean_normalised_average_precision": "mean_normalised_average_precision"},
)
def average_precision(
    frame, seed, crossed=None, *, sameby=SAME_TREATMENT, negatives="controls", permute="auto", null_size=1000,
    threshold=0.05,
) -> pd.DataFrame:  # fmt: skip
    """Rank, by cosine, the other wells of a well's treatment (any plate) among the negatives of its plate.

    A treatment is what agrees in the columns `sameby`. Negatives are "controls", the evaluation half of the negative
    controls, or "others", all other treated wells. `permute`, the null distribution of p: "wells" change places within
    their plate; "auto" does so too, but for treatments with the same positions on several plates, where positions do,
    each followed through these plates. Then both halves of the controls serve: `crossed` are the profiles corrected on
    the other half. p = (1 + #{null >= observed}) / (1 + N) of `null_size` permutations, or of all; with positions of a
    single one, interpolated, with a fitted tail (`nulls.smooth_p_value`). q by Benjamini-Hochberg; `active` is
    q < threshold. Treatments without enough wells, or of fewer than 20 control positions, for a p-value below the
    threshold are undecidable: they have no q.

    Controls are tested as well, laid out as treatments are, as if they were some: `fakes_active` is how many are called
    active. Raises InputError for profiles of fields.
    """
    halves = [Half.of(frame, sameby, negatives)]
    crossed = crossed if negatives == "controls" else None
    halves += [] if crossed is None else [Half.of(crossed, sameby, negatives)]
    tests, left_out = {}, {"no negative on its plate": 0, "no replicate": 0}
    for item, own in progress(halves[0].wells_of_items.items(), "treatments", unit="treatment"):
        compared = own[halves[0].compared[own]]
        left_out["no negative on its plate"] += len(own) - len(compared)
        left_out["no replicate"] += len(compared) == 1
        if len(compared) > 1:
            # a random stream per treatment, so that a new treatment does not change the p-values of the others
            rng = np.random.default_rng([seed, crc32(item.encode())])
            layers = halves[0].layers(compared, permute == "auto")
            tests[item] = permutation_test(halves, compared, layers, null_size, rng)
            if negatives == "others":  # which keep their positions, too, and have effects of their own
                tests[item]["control_positions"] = 0
    rows = [row("left_out", count, (halves[0].items != "").sum(), reason) for reason, count in left_out.items()]
    if not tests:
        reason = f"no treatment in {len(frame)} wells has replicates, and negatives on their plates"
        return table([*rows, undecidable("fraction_active", reason, len(frame))])
    fakes = test_fakes(halves, permute == "auto", null_size, seed)
    return table(rows + _results(pd.DataFrame.from_dict(tests, orient="index"), fakes, threshold))


@dataclass(frozen=True)
class Half:
    """Wells sorted by plate and well, (n,) each: plate from 0, position, treatment or "", is negative, unit profile."""

    plates: np.ndarray
    positions: np.ndarray
    items: np.ndarray
    reference: np.ndarray
    U: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, sameby, negatives: str) -> "Half":
        """The wells of a profile table, corrected on the fitting half of its controls."""
        if tables.column("site") in frame:
            raise InputError("one profile per well", "profiles of fields", "the task", "write level: well")
        frame = frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable")
        meta, X = tables.split(frame)
        control, names = tables.text_column(meta, "control"), tables.row_names(meta, sameby)
        if negatives == "controls":
            treated, reference = control != "negative", controls.is_evaluation(meta)
        else:
            treated = reference = (control == "") & (names != "")
        plates = np.unique(tables.text_column(meta, "plate"), return_inverse=True)[1]
        return cls(
            plates, tables.text_column(meta, "well"), np.where(treated, names, ""), reference, similarity.unit_length(X)
        )

    @cached_property
    def wells_of_items(self) -> dict[str, np.ndarray]:
        """The row numbers of every treatment, sorted by its name."""
        rows = pd.Series(np.arange(len(self.items))).groupby(self.items, sort=True)
        return {item: own.to_numpy() for item, own in rows if item}

    @cached_property
    def compared(self) -> np.ndarray:
        """Which wells (n,) are on a plate that has negatives."""
        return np.isin(self.plates, self.plates[self.reference])

    @cached_property
    def pools(self) -> dict[tuple, ranks.Pool]:
        """The negatives of plates, as they are asked for."""
        return {}

    def pool(self, plates: tuple) -> ranks.Pool:
        """The negatives of some plates."""
        if plates not in self.pools:
            rows = np.flatnonzero(self.reference & np.isin(self.plates, plates))
            self.pools[plates] = ranks.Pool.of(self.U, self.plates, rows)
        return self.pools[plates]

    @cached_property
    def tracks(self) -> dict[tuple, np.ndarray]:
        """Positions that are negatives on plates, as they are asked for."""
        return {}

    def controls_on(self, plates: tuple) -> np.ndarray:
        """Positions that are a negative on each of some plates, as rows (n, number of plates)."""
        if plates not in self.tracks:
            rows = {p: np.flatnonzero(self.reference & (self.plates == p)) for p in plates}
            at = [dict(zip(self.positions[own], own, strict=True)) for own in rows.values()]
            every = sorted(set(at[0]).intersection(*at[1:]))
            self.tracks[plates] = np.array([[own[p] for own in at] for p in every], int).reshape(-1, len(plates))
        return self.tracks[plates]

    def layers(self, own: np.ndarray, by_position: bool) -> list[tuple[tuple, tuple]]:
        """The strata of wells `own` (R,), see `nulls.strata`."""
        return nulls.strata(self.plates[own], self.positions[own], by_position)

    def units(self, plates: tuple, own: np.ndarray) -> np.ndarray:
        """What changes places on plates, as rows (n + m, number of plates): the negatives, then the treatment's own."""
        mine = own[(self.plates[own, None] == np.array(plates)).any(axis=1)]
        mine = mine[np.lexsort((self.plates[mine], self.positions[mine]))].reshape(-1, len(plates))
        others = self.controls_on(plates)
        return np.vstack([others[~(others[:, :, None] == mine.ravel()).any(axis=(1, 2))], mine])


def permutation_test(halves: list[Half], own: np.ndarray, layers: list, null_size: int, rng) -> dict[str, float]:
    """The mean average precision of the wells `own` (R,), of strata `layers`, with p, its floor, and the null.

    Of a treatment with the same positions on several plates both halves of the controls are used, of others the first.
    """
    shared = any(len(plates) > 1 for plates, _ in layers)
    used = [half for half in halves if half.compared[own].all()]
    found = [_permuted(half, own, layers, null_size, rng) for half in (used if shared else used[:1])]
    observed, samples = np.array([f["ap"][0] for f in found]), [f["ap"][1:] for f in found]
    n_controls = sum(min(n for _, n in f["sizes"]) for f in found)
    smooth = shared and len(layers) == 1 and len(layers[0][1]) == 1 and n_controls >= MIN_POSITIONS - 1
    step = 0.5 / (len(own) * max(1, len(own) - 1))
    return {
        "n": len(own),
        "mean_average_precision": observed.mean(),
        "mean_normalised_average_precision": np.mean([f["normalised"] for f in found]),
        "p_value": nulls.smooth_p_value(observed, samples, step) if smooth else nulls.p_value(observed, samples),
        "p_floor": 1 / (1 + sum(min(nulls.permutations(f["sizes"]) - 1, null_size) for f in found)),
        "by_position": shared,
        "control_positions": n_controls,
        "null": np.concatenate(samples),
    }


def _permuted(half: Half, own: np.ndarray, layers, null_size: int, rng) -> dict:
    """Mean average precisions (1 + N,) in one half, the true one first, normalised; and what changed places (m, n)."""
    every = half.pool(tuple(plate for plates, _ in layers for plate in plates)).with_wells(half.U, half.plates, own)
    units = [half.units(plates, own) for plates, _ in layers]
    sizes = [(len(positions), len(rows) - len(positions)) for rows, (_, positions) in zip(units, layers, strict=True)]
    chosen = nulls.choices(sizes, null_size, rng)
    members = [every.find(rows)[picked].reshape(len(picked), -1) for rows, picked in zip(units, chosen, strict=True)]
    ap = every.average_precisions(np.hstack(members))  # (R, 1 + N)
    on = every.plates[np.hstack(members)[0]]
    chance = np.array([ranks.chance_precision(len(on) - 1, (every.plates == p).sum() - (on == p).sum()) for p in on])
    return {"ap": ap.mean(axis=0), "normalised": ((ap[:, 0] - chance) / (1 - chance)).mean(), "sizes": sizes}


def test_fakes(halves: list[Half], by_position: bool, null_size: int, seed: int) -> tuple[dict[str, pd.DataFrame], int]:
    """Tests of controls as if they were treatments, by the null that treatments have and by that of wells; how many.

    Every design of the treatments, how many wells on which plates, is filled with control positions, in both halves of
    the controls if it is tested by position. Fewer than MIN_POSITIONS of these are not tested.
    """
    first, rng = halves[0], np.random.default_rng([seed, crc32(b"fakes")])
    designs = Counter()
    for rows in first.wells_of_items.values():
        own = rows[first.compared[rows]]
        layers = first.layers(own, by_position)
        designs[tuple((plates, len(positions)) for plates, positions in layers)] += len(own) > 1
    fakes = [
        fake
        for design, count in designs.most_common(MAX_DESIGNS)
        for half in (halves if any(len(plates) > 1 for plates, _ in design) else halves[:1])
        for fake in (_laid_out(half, design, rng) if count else [])
    ]
    used = {(id(half), row) for half, own, _ in fakes for row in own}
    tests = {"used": [], "wells": []}
    for half, own, layers in fakes if len(used) >= MIN_POSITIONS else []:
        found, shared = permutation_test([half], own, layers, null_size, rng), any(len(p) > 1 for p, _ in layers)
        by_wells = permutation_test([half], own, half.layers(own, False), null_size, rng) if shared else found
        tests["used"].append(found)
        tests["wells"].append(by_wells)
    return {name: pd.DataFrame(found) for name, found in tests.items()}, len(used)


def _laid_out(half: Half, design: tuple, rng) -> list[tuple[Half, np.ndarray, list]]:
    """Negatives (half, wells, strata) in groups that are laid out as `design`, ((plates, number of positions), ...).

    Single positions are used once each; groups of several are drawn anew, FAKES in all.
    """
    fakes, positions = [], [half.controls_on(plates) for plates, _ in design]
    count = min(len(rows) // m for rows, (_, m) in zip(positions, design, strict=True))
    rounds = 1 if design[0][1] == len(design) == 1 else -(-FAKES // max(1, count))
    for _ in range(rounds if count > 1 else 0):
        drawn = [rng.permutation(rows)[: count * m] for rows, (_, m) in zip(positions, design, strict=True)]
        for parts in zip(*(rows.reshape(count, -1, rows.shape[1]) for rows in drawn), strict=True):
            places = [tuple(half.positions[rows[:, 0]]) for rows in parts]
            layers = [(plates, own) for (plates, _), own in zip(design, places, strict=True)]
            fakes.append((half, np.concatenate([rows.ravel() for rows in parts]), layers))
    return fakes


def _results(tests: pd.DataFrame, fakes: tuple, threshold: float) -> list[dict]:
    few = tests["by_position"] & (tests["control_positions"] < MIN_POSITIONS)
    tests["decidable"] = ~few & (tests["p_floor"] < threshold)
    decided = tests[tests["decidable"]].copy()
    decided["q_value"] = false_discovery_control(decided["p_value"]) if len(decided) else []
    decided["active"] = decided["q_value"] < threshold
    decided["smallest_detectable"] = [np.quantile(null, 1 - threshold) for null in decided["null"]]
    means = ["mean_average_precision", "mean_normalised_average_precision"]
    rows = [row(metric, tests[metric].mean(), len(tests)) for metric in means]
    if len(decided):
        rows.append(row("fraction_active", decided["active"].mean(), len(decided)))
        rows += _fake_results(*fakes, threshold)
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


def _fake_results(fakes: dict[str, pd.DataFrame], n: int, threshold: float) -> list[dict]:
    if n < MIN_POSITIONS:
        return [undecidable("fakes_active", f"{n} control wells can be laid out so, {MIN_POSITIONS} are needed", n)]
    n = len(fakes["used"])
    active = {name: (false_discovery_control(own["p_value"]) < threshold).mean() for name, own in fakes.items()}
    return [
        row("fakes", n, n),
        row("fakes_below_threshold", (fakes["used"]["p_value"] < threshold).mean(), n),
        row("fakes_active", active["used"], n),
        row("fakes_active_by_wells", active["wells"], n),
    ]
