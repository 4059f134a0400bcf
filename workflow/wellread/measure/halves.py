"""Wells as activity looks at them, corrected on one half of the controls."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from wellread.measure import nulls, ranks
from wellread.profiles import controls, similarity, tables
from wellread.runtime.errors import InputError


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a profile table of wells, sorted by plate and well."""
    return frame.sort_values([tables.column("plate"), tables.column("well")], kind="stable")


@dataclass(frozen=True)
class Half:
    """Wells sorted by plate and well, (n,) each: plate from 0, position, treatment or "", is negative, unit profile.

    `lengths` are those of their profiles.
    """

    plates: np.ndarray
    positions: np.ndarray
    items: np.ndarray
    reference: np.ndarray
    U: np.ndarray
    lengths: np.ndarray
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
        wells, items = tables.text_column(meta, "well"), np.where(treated, names, "")
        return cls(plates, wells, items, reference, similarity.unit_length(X), similarity.lengths(X))

    @cached_property
    def wells_of_items(self) -> dict[str, np.ndarray]:
        """The row numbers of every treatment, sorted by its name."""
        rows = pd.Series(np.arange(len(self.items))).groupby(self.items, sort=True)
        return {item: own.to_numpy() for item, own in rows if item}

    @cached_property
    def layouts(self) -> dict[int, int]:
        """The layout of every plate with treatments, see `nulls.layouts`."""
        own = self.items != ""
        return nulls.layouts(self.plates[own], self.positions[own], self.items[own])

    @cached_property
    def compared(self) -> np.ndarray:
        """Which wells (n,) are on a plate that has negatives."""
        return np.isin(self.plates, self.plates[self.reference])

    def profiles(self, rows: np.ndarray) -> np.ndarray:
        """The profiles (m, D) of some rows, as they came."""
        return self.U[rows] * self.lengths[rows, None]

    def shifted(self, rows: np.ndarray, shift: np.ndarray) -> "Half":
        """The same with a shift (D,) of the profiles of rows that are no negatives."""
        U = self.U.copy()
        U[rows] = similarity.unit_length(self.profiles(rows) + shift)
        return replace(self, U=U)

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
        return nulls.strata(self.plates[own], self.positions[own], by_position, self.layouts if by_position else None)

    def units(self, plates: tuple, mine: np.ndarray) -> np.ndarray:
        """What changes places on plates, rows (T, n + m, number of plates): negatives, then what T treatments have."""
        others = self.controls_on(plates)
        free = ~(others[:, :, None] == mine.reshape(len(mine), 1, 1, -1)).any(axis=(2, 3))  # (T, n)
        others = np.broadcast_to(others, (len(mine), *others.shape))[free].reshape(len(mine), -1, len(plates))
        return np.concatenate([others, mine], axis=1)
