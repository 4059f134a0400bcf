"""The permutation tests of many treatments, those that are laid out alike at once."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from wellread.measure import nulls, ranks
from wellread.measure.halves import Half
from wellread.runtime.progress import progress

MIN_TAIL = 8  # control positions: of fewer no tail is fitted
CELLS = 1 << 20  # similarities and choices at a time


@dataclass(frozen=True)
class Case:
    """Wells `own` (R,) that are tested as a treatment, by some `halves`; stratum by stratum of `layers`.

    `layers`: (plates, number of positions). The wells of a stratum are in the order of positions, then plates.
    """

    halves: tuple[Half, ...]
    own: np.ndarray
    layers: tuple[tuple[tuple, int], ...]

    @classmethod
    def of(cls, halves: list[Half], own: np.ndarray, strata: list[tuple[tuple, tuple]]) -> "Case":
        """Wells (R,) of `strata`; both halves of the controls test them if plates share positions, else the first."""
        first, shared = halves[0], any(len(plates) > 1 for plates, _ in strata)
        plates, positions = first.plates[own].tolist(), first.positions[own].tolist()
        place = sorted(zip(positions, plates, own.tolist(), strict=True))
        rows = [row for on, _ in strata for _, plate, row in place if plate in on]
        used = [half for half in halves if half.compared[own].all()]
        layers = tuple((on, len(places)) for on, places in strata)
        return cls(tuple(used if shared else used[:1]), np.array(rows), layers)

    @property
    def shared(self) -> bool:
        """Whether plates share positions, so that these are permuted."""
        return any(len(plates) > 1 for plates, _ in self.layers)

    @property
    def inside(self) -> bool:
        """Whether the wells are themselves among the negatives."""
        return bool(self.halves[0].reference[self.own[0]])

    def sizes(self, half: Half) -> list[tuple[int, int]]:
        """How many units of every stratum are the treatment's own, m, and how many change places with them, n."""
        return [(m, len(half.controls_on(plates)) - m * self.inside) for plates, m in self.layers]

    @property
    def plates(self) -> tuple:
        """The plates of all strata."""
        return tuple(plate for plates, _ in self.layers for plate in plates)

    @property
    def followed(self) -> bool:
        """Whether single positions, followed from plate to plate, are what is permuted."""
        return self.shared and len(self.layers) == 1 and self.layers[0][1] == 1

    @property
    def deciding(self) -> tuple[Half, ...]:
        """The halves whose permutations give p: both where single positions are followed, as they are few.

        Several together have choices enough in the first half: a mean of two p-values is small less often than one.
        """
        return self.halves if self.followed else self.halves[:1]

    def draw(self, null_size: int, rng) -> list[list[np.ndarray]]:
        """The choices, see `nulls.choices`, of every half and stratum; of halves that do not decide, the true one."""
        rest = [[np.arange(n, n + m)[None] for m, n in self.sizes(half)] for half in self.halves[len(self.deciding) :]]
        return [nulls.choices(self.sizes(half), null_size, rng) for half in self.deciding] + rest


def permutation_tests(cases: list[Case], draw, null_size: int, threshold: float) -> list[dict[str, float]]:
    """The mean average precision of every case, with p, its floor, and the smallest that has p below `threshold`.

    draw(i) are the choices of case i. Cases with the same strata are tested together.
    """
    alike, found = defaultdict(list), [{}] * len(cases)
    for i, case in enumerate(cases):
        alike[(*map(id, case.halves), case.layers, case.inside)].append(i)
    batches = [some for group in alike.values() for some in _batches(cases[group[0]], group, null_size)]
    for some in progress(batches, "groups of treatments", unit="group"):
        tested = _tested([cases[i] for i in some], [draw(i) for i in some], null_size, threshold)
        for i, one in zip(some, tested, strict=True):
            found[i] = one
    return found


def _batches(case: Case, alike: list[int], null_size: int) -> list[list[int]]:
    """Numbers of cases that are `alike`, as many at a time as memory and its caches are good for."""
    copied = 0 if case.inside else (len(case.own) + len(_pool(case.halves[0], case).rows)) ** 2
    step = max(1, CELLS // (copied + null_size * len(case.own)))
    return [alike[start : start + step] for start in range(0, len(alike), step)]


def _pool(half: Half, case: Case) -> ranks.Pool:
    return half.pool(case.plates)


def _tested(cases: list[Case], drawn: list, null_size: int, threshold: float) -> list[dict]:
    """The results of cases that are alike; `drawn` are their choices."""
    case, R = cases[0], len(cases[0].own)
    found = [_permuted(half, cases, [d[h] for d in drawn]) for h, half in enumerate(case.halves)]
    observed, samples = np.array([ap[:, 0] for ap, _ in found]), [ap[:, 1:] for ap, _ in found]  # (h, T), (T, N)
    step = 0.5 / (R * max(1, R - 1))
    p, same = judged(case, observed, samples, null_size, lambda ap: nulls.of_precisions(ap, step))
    values = {
        "mean_average_precision": observed.mean(axis=0),
        "mean_normalised_average_precision": np.mean([normalised for _, normalised in found], axis=0),
        "p_value": p,
        "smallest_detectable": np.quantile(np.hstack(samples), 1 - threshold, axis=1),
    }
    return [same | dict(zip(values, own, strict=True)) for own in zip(*values.values(), strict=True)]


def judged(case: Case, observed: np.ndarray, samples: list, null_size: int, scale) -> tuple[np.ndarray, dict]:
    """The p-values (T,) of statistics (h, T) with null values (T, N), h times, and what cases like `case` share.

    Control positions that are followed one by one give a smooth p-value, on the scale that `scale` puts statistics on.
    """
    sizes, used = [case.sizes(half) for half in case.halves], len(case.deciding)
    n_controls = sum(min(n for _, n in own) for own in sizes)
    if case.followed and n_controls >= MIN_TAIL:
        p = nulls.smooth_p_value(scale(observed), [scale(own) for own in samples])
    else:
        p = nulls.p_value(observed[:used], samples[:used])
    return p, {
        "n": len(case.own),
        "p_floor": 1 / (1 + sum(min(nulls.permutations(own) - 1, null_size) for own in sizes[:used])),
        "by_position": case.shared,
        "control_positions": n_controls,
    }


def members(half: Half, case: Case, drawn: list[np.ndarray]) -> np.ndarray:
    """Which wells act as the treatment in the choices `drawn` of a half: rows (1 + N, R), the true ones first."""
    chosen, start = [], 0
    for (plates, m), picked in zip(case.layers, drawn, strict=True):
        end = start + m * len(plates)
        (units,) = half.units(plates, case.own[start:end].reshape(1, m, len(plates)))
        chosen.append(units[picked].reshape(len(picked), -1))
        start = end
    return np.hstack(chosen)


def _permuted(half: Half, cases: list[Case], drawn: list) -> tuple[np.ndarray, np.ndarray]:
    """Mean average precisions (T, 1 + N) of cases that are alike, in one half, the true one first; normalised (T,)."""
    own, pool, picked, start = np.array([case.own for case in cases]), _pool(half, cases[0]), [], 0
    for i, (plates, m) in enumerate(cases[0].layers):
        end = start + m * len(plates)
        units = half.units(plates, own[:, start:end].reshape(-1, m, len(plates)))
        places = pool.find(units)
        if not cases[0].inside:
            places[:, -m:] = len(pool.rows) + np.arange(start, end).reshape(m, -1)
        chosen = np.stack([choices[i] for choices in drawn])  # (T, 1 + N, m)
        picked.append(places[np.arange(len(own))[:, None, None], chosen].reshape(*chosen.shape[:2], -1))
        start = end
    every, members = pool.with_wells(half.U, half.plates, own), np.concatenate(picked, axis=2)
    ap, on = every.average_precisions(members), every.plates[members[0, 0]]  # (R, T, 1 + N), (R,)
    chance = np.array([ranks.chance_precision(len(on) - 1, (every.plates == p).sum() - (on == p).sum()) for p in on])
    return ap.mean(axis=0), ((ap[:, :, 0].T - chance) / (1 - chance)).mean(axis=1)
