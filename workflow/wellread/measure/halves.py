"""Wells as activity looks at them, corrected on one half of the controls, and the permutation test of a treatment."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from wellread.measure import nulls, ranks
from wellread.profiles import controls, similarity, tables
from wellread.runtime.errors import InputError

MIN_TAIL = 8  # control positions: of fewer no tail is fitted


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a profile table of wells, sorted by plate and well."""
    return frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable")


@dataclass(frozen=True)
class Half:
    """Wells sorted by plate and well, (n,) each: plate from 0, position, treatment or "", is negative, unit profile."""

    plates: np.ndarray
    positions: np.ndarray
    items: np.ndarray
    reference: np.ndarray
    U: np.ndarray
    pools: dict[tuple, ranks.Pool] = field(default_factory=dict)  # the negatives of plates, as they are asked for
    tracks: dict[tuple, np.ndarray] = field(default_factory=dict)  # positions that are negatives on plates, likewise

    @classmethod
    def of(cls, frame: pd.DataFrame, sameby, negatives: str) -> "Half":
        """The wells of a profile table, corrected on the fitting half of its controls."""
        if tables.column("site") in frame:
            raise InputError("one profile per well", "profiles of fields", "the task", "write level: well")
        meta, X = tables.split(in_order(frame))
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

    def pool(self, plates: tuple) -> ranks.Pool:
        """The negatives of some plates."""
        if plates not in self.pools:
            rows = np.flatnonzero(self.reference & np.isin(self.plates, plates))
            self.pools[plates] = ranks.Pool.of(self.U, self.plates, rows)
        return self.pools[plates]

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
    step = 0.5 / (len(own) * max(1, len(own) - 1))
    precisions, sizes = [f["ap"].mean(axis=0) for f in found], [f["sizes"] for f in found]
    return {
        "n": len(own),
        "mean_average_precision": np.mean([ap[0] for ap in precisions]),
        "mean_normalised_average_precision": np.mean([f["normalised"] for f in found]),
        "of_wells": np.mean([f["ap"][:, 0] for f in found], axis=0),
        "null": np.concatenate([ap[1:] for ap in precisions]),
        **judged(precisions, sizes, layers, null_size, lambda ap: nulls.of_precisions(ap, step)),
    }


def judged(statistics: list[np.ndarray], sizes: list, layers: list, null_size: int, scale) -> dict[str, float]:
    """The p-value of a statistic in halves, (1 + N,) each, the true value first, and how small it could be.

    `sizes` (m, n) of every stratum of `layers`: what changed places. Control positions that are followed one by one
    have a smooth p-value, on the scale that `scale` puts statistics on.
    """
    shared = any(len(plates) > 1 for plates, _ in layers)
    n_controls = sum(min(n for _, n in own) for own in sizes)
    smooth = shared and len(layers) == 1 and len(layers[0][1]) == 1 and n_controls >= MIN_TAIL
    p_value = nulls.smooth_p_value if smooth else nulls.p_value
    on_scale = [scale(values) if smooth else values for values in statistics]
    return {
        "p_value": p_value(np.array([z[0] for z in on_scale]), [z[1:] for z in on_scale]),
        "p_floor": 1 / (1 + sum(min(nulls.permutations(own) - 1, null_size) for own in sizes)),
        "by_position": shared,
        "control_positions": n_controls,
    }


def choices(half: Half, own: np.ndarray, layers: list, null_size: int, rng) -> tuple[np.ndarray, list]:
    """Which wells act as the treatment with wells `own` (R,): rows (1 + N, R), the true ones first; sizes (m, n)."""
    units = [half.units(plates, own) for plates, _ in layers]
    sizes = [(len(positions), len(rows) - len(positions)) for rows, (_, positions) in zip(units, layers, strict=True)]
    drawn = nulls.choices(sizes, null_size, rng)
    return np.hstack([rows[picked].reshape(len(picked), -1) for rows, picked in zip(units, drawn, strict=True)]), sizes


def plates_of(layers: list[tuple[tuple, tuple]]) -> tuple:
    """The plates of all strata."""
    return tuple(plate for plates, _ in layers for plate in plates)


def _permuted(half: Half, own: np.ndarray, layers, null_size: int, rng) -> dict:
    """Average precisions (R, 1 + N) in one half, the true ones first, their mean normalised; what changed places."""
    every = half.pool(plates_of(layers)).with_wells(half.U, half.plates, own)
    rows, sizes = choices(half, own, layers, null_size, rng)
    members = every.find(rows)  # (1 + N, R)
    ap, on = every.average_precisions(members), every.plates[members[0]]  # (R, 1 + N), (R,)
    chance = np.array([ranks.chance_precision(len(on) - 1, (every.plates == p).sum() - (on == p).sum()) for p in on])
    return {"ap": ap, "normalised": ((ap[:, 0] - chance) / (1 - chance)).mean(), "sizes": sizes}
