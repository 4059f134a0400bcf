"""Is a treatment different from the controls? Three tests with one null distribution, that of `average_precision`."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from wellread.measure import distances
from wellread.measure.fakes import MIN_POSITIONS
from wellread.measure.halves import Half, choices, in_order, judged, permutation_test, plates_of
from wellread.measure.tidy import resampled_mean
from wellread.profiles import controls, tables

TESTS = ("map", "mahalanobis", "energy")
FEWEST = 3  # wells: of fewer the bootstrap tells nothing


@dataclass(frozen=True)
class ThreeTests:
    """The wells corrected on either half of the controls, as `halves` and as points of `spaces`; options of `hits`."""

    halves: list[Half]
    spaces: list[distances.Space | None]
    by_position: bool
    null_size: int
    threshold: float
    seed: int

    @classmethod
    def of(cls, frames: list[pd.DataFrame], by, permute: str, null_size: int, threshold: float, seed: int):
        """The tests of profiles of wells, in which a treatment is what agrees in the columns `by`."""
        halves, spaces = [Half.of(own, by, "controls") for own in frames], [_space(own) for own in frames]
        return cls(halves, spaces, permute == "auto", null_size, threshold, seed)

    def of_treatment(self, item: str, wells: np.ndarray) -> dict:
        """The columns of the table of hits about the rows `wells` (R,), which are the treatment `item`."""
        own, seed = wells[self.halves[0].compared[wells]], [self.seed, crc32(item.encode())]
        if not len(own):
            return {f"{name}_why": "no negative control on its plates to compare with" for name in TESTS}
        layers = self.halves[0].layers(own, self.by_position)
        found = self._by_distance(own, layers, seed) | {"map": self._by_precision(own, layers, seed)}
        columns = {"distance": found["distance"]}
        for name in TESTS:
            columns |= {f"{name}{end}": value for end, value in self._columns(found[name], seed).items()}
        return columns

    def _by_precision(self, own: np.ndarray, layers: list, seed) -> dict:
        """The permutation test of `average_precision`, with the same random numbers."""
        if len(own) < 2:
            return {"why": "one well, no replicate"}
        return permutation_test(self.halves, own, layers, self.null_size, np.random.default_rng(seed))

    def _by_distance(self, own: np.ndarray, layers: list, seed) -> dict:
        """The permutation tests of both distances, which are means over the halves, and `distance` in plain units."""
        pairs = [(h, s) for h, s in zip(self.halves, self.spaces, strict=True) if s and h.compared[own].all()]
        if not pairs:
            why = {"why": f"fewer than {distances.MIN_FITTED} negative controls to fit on"}
            return {"mahalanobis": why, "energy": why, "distance": np.nan}
        rng = np.random.default_rng(seed)
        found = [_permuted(half, space, own, layers, self.null_size, rng) for half, space in pairs]
        tests = {"distance": np.mean([_plain(half, space, own) for half, space in pairs])}
        for name in ("mahalanobis", "energy"):
            statistics, of_wells = zip(*(one[name] for one in found), strict=True)
            test = judged(statistics, [one["sizes"] for one in found], layers, self.null_size, _logarithm)
            tests[name] = test | {"of_wells": np.mean(of_wells, axis=0)}
        return tests

    def _columns(self, test: dict, seed) -> dict:
        """The columns of one test, by what their names end in: its value, interval, p and floor, and why no p."""
        if "of_wells" not in test:
            return {"_why": test["why"]}
        values, why = test["of_wells"], _why(test, self.threshold)
        limits = resampled_mean(values, np.arange(len(values)), seed) if len(values) >= FEWEST else (np.nan, np.nan)
        columns = {"": values.mean(), **dict(zip(("_low", "_high"), limits, strict=True))}
        return columns | {"_p": np.nan if why else test["p_value"], "_floor": test["p_floor"], "_why": why}


def _why(test: dict, threshold: float) -> str:
    """Why a test decides nothing; "" if it does."""
    if test["by_position"] and test["control_positions"] < MIN_POSITIONS:
        n = test["control_positions"]
        return f"{n} control positions, {MIN_POSITIONS} are needed where treatments keep their position on all plates"
    return f"too few wells for a p-value below {threshold:g}" if test["p_floor"] >= threshold else ""


def _space(frame: pd.DataFrame) -> distances.Space | None:
    """The wells of profiles as points, as the fitting controls see them; none if these are too few."""
    meta, X = tables.split(in_order(frame))
    fitting = controls.is_fitting(meta)
    return distances.Space.of(X, fitting) if fitting.sum() >= distances.MIN_FITTED else None


def _permuted(half: Half, space: distances.Space, own: np.ndarray, layers: list, null_size: int, rng) -> dict:
    """Both distances in one half: of all choices (1 + N,), the true one first, and of wells (R,); what was permuted."""
    base, mine = half.pool(plates_of(layers)).rows, np.sort(own)
    rows, sizes = choices(half, own, layers, null_size, rng)
    every = np.concatenate([base, mine])
    order = np.argsort(every)
    members = order[np.searchsorted(every, rows, sorter=order)]
    products, apart = space.products(base, mine), space.distances(base, mine)
    return {
        "mahalanobis": (
            distances.mahalanobis(products, members),
            distances.mahalanobis_of_wells(products, members[0]),
        ),
        "energy": (distances.energy(apart, members), distances.energy_of_wells(apart, members[0])),
        "sizes": sizes,
    }


def _logarithm(values: np.ndarray) -> np.ndarray:
    """Distances on a scale on which their excesses are at most exponential."""
    return np.log(np.maximum(values, np.finfo(np.float32).eps))


def _plain(half: Half, space: distances.Space, own: np.ndarray) -> float:
    """The root mean square over features of how far wells are from the controls of their plates, on average."""
    plates = half.plates[own]
    centres = {p: space.Z[half.reference & (half.plates == p)].mean(axis=0) for p in np.unique(plates)}
    return float(np.sqrt(((space.Z[own] - [centres[p] for p in plates]).mean(axis=0) ** 2).mean()))
