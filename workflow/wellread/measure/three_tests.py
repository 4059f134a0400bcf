"""Is a treatment different from the controls? Three tests with one null distribution, that of `average_precision`."""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pandas as pd

from wellread.measure import distances
from wellread.measure.average_precision import treatment_tests
from wellread.measure.fakes import MIN_POSITIONS
from wellread.measure.halves import Half, in_order
from wellread.measure.permutation import Case, judged, members
from wellread.measure.tidy import resampled_mean
from wellread.profiles import controls, tables

TESTS = {"map": "mean average precision", "mahalanobis": "Mahalanobis distance", "energy": "energy distance"}
FEWEST = 3  # wells: of fewer the bootstrap tells nothing
NO_CONTROL = "no negative control on its plates to compare with"


@dataclass(frozen=True)
class ThreeTests:
    """The wells corrected on either half of the controls, as `halves` and as points of `spaces`; options of `hits`.

    `cases` are the treatments with negatives on their plates, `precisions` the tests of those with replicates.
    """

    halves: list[Half]
    spaces: list[distances.Space | None]
    cases: dict[str, Case]
    precisions: dict[str, dict]
    null_size: int
    threshold: float
    seed: int

    @classmethod
    def of(cls, frames: list[pd.DataFrame], by, permute: str, null_size: int, threshold: float, seed: int):
        """The tests of profiles of wells, in which a treatment is what agrees in the columns `by`."""
        halves, spaces = [Half.of(own, by, "controls") for own in frames], [_space(own) for own in frames]
        first, cases = halves[0], {}
        for item, own in first.wells_of_items.items():
            if first.compared[own].any():
                compared = own[first.compared[own]]
                cases[item] = Case.of(halves, compared, first.layers(compared, permute == "auto"))
        several = {item: case for item, case in cases.items() if len(case.own) > 1}
        found = treatment_tests(several, null_size, threshold, seed).to_dict("index") if several else {}
        return cls(halves, spaces, cases, found, null_size, threshold, seed)

    def of_treatment(self, item: str) -> dict:
        """The columns of the table of hits about a treatment."""
        if item not in self.cases:
            return {f"{name}_why": NO_CONTROL for name in TESTS}
        case, seed = self.cases[item], [self.seed, crc32(item.encode())]
        found = {"map": {"why": "one well, no replicate"}, **self._by_distance(case, seed)}
        if item in self.precisions:
            found["map"] = self.precisions[item] | {"of_wells": _precisions(case)}
        columns = {"distance": found["distance"]}
        for name in TESTS:
            columns |= {f"{name}{end}": value for end, value in self._columns(found[name], seed).items()}
        return columns

    def _by_distance(self, case: Case, seed) -> dict:
        """The permutation tests of both distances, which are means over the halves, and `distance` in plain units."""
        halves = zip(self.halves, self.spaces, strict=True)
        pairs = [(half, space) for half, space in halves if space and half.compared[case.own].all()]
        if not pairs:
            why = {"why": f"fewer than {distances.MIN_FITTED} negative controls to fit on"}
            return {"mahalanobis": why, "energy": why, "distance": np.nan}
        case = replace(case, halves=tuple(half for half, _ in pairs))
        drawn = case.draw(self.null_size, np.random.default_rng(seed))
        found = [_permuted(*pair, case, choices) for pair, choices in zip(pairs, drawn, strict=True)]
        tests = {"distance": np.mean([_plain(*pair, case.own) for pair in pairs])}
        for name in ("mahalanobis", "energy"):
            statistics, of_wells = zip(*(one[name] for one in found), strict=True)
            observed, samples = np.array([[own[0]] for own in statistics]), [own[None, 1:] for own in statistics]
            (p,), test = judged(case, observed, samples, self.null_size, _logarithm)
            tests[name] = test | {"p_value": p, "of_wells": np.mean(of_wells, axis=0)}
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


def _precisions(case: Case) -> np.ndarray:
    """The average precision (R,) of every well of a treatment, the mean over the halves."""
    found = []
    for half in case.halves:
        pool = half.pool(case.plates)
        own = len(pool.rows) + np.arange(len(case.own))
        every = pool.with_wells(half.U, half.plates, case.own[None])
        found.append(every.average_precisions(own[None, None])[:, 0, 0])
    return np.mean(found, axis=0)


def _permuted(half: Half, space: distances.Space, case: Case, drawn: list) -> dict:
    """Both distances in one half: of all choices (1 + N,), the true one first, and of wells (R,)."""
    base, own = half.pool(case.plates).rows, case.own
    every = np.concatenate([base, own])
    order = np.argsort(every)
    rows = order[np.searchsorted(every, members(half, case, drawn), sorter=order)]
    products, apart = space.products(base, own), space.distances(base, own)
    return {
        "mahalanobis": (distances.mahalanobis(products, rows), distances.mahalanobis_of_wells(products, rows[0])),
        "energy": (distances.energy(apart, rows), distances.energy_of_wells(apart, rows[0])),
    }


def _logarithm(values: np.ndarray) -> np.ndarray:
    """Distances on a scale on which their excesses are at most exponential."""
    return np.log(np.maximum(values, np.finfo(np.float32).eps))


def _plain(half: Half, space: distances.Space, own: np.ndarray) -> float:
    """The root mean square over features of how far wells are from the controls of their plates, on average."""
    plates = half.plates[own]
    centres = {p: space.Z[half.reference & (half.plates == p)].mean(axis=0) for p in np.unique(plates)}
    return float(np.sqrt(((space.Z[own] - [centres[p] for p in plates]).mean(axis=0) ** 2).mean()))
