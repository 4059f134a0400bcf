"""How often a screen calls active what is not: controls, tested as if they were treatments."""

from collections import Counter
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.halves import Half
from wellread.measure.permutation import Case, permutation_tests
from wellread.measure.tidy import row, undecidable

MIN_POSITIONS = 20  # control positions; 1 / (20 + 1) is the largest floor of p below .05
MAX_DESIGNS, FAKES = 4, 40  # designs of treatments whose wells controls are laid out in, and groups of each


def fake_tests(
    halves: list[Half], treatments: list[Case], null_size: int, threshold: float, seed: int
) -> tuple[dict[str, pd.DataFrame], int]:
    """Tests of controls as if they were treatments, by the null that treatments have and by that of wells; how many.

    Every design of the treatments, how many wells on which plates, is filled with control positions, in both halves of
    the controls if it is tested by position. Fewer than 20 of these are not tested.
    """
    rng = np.random.default_rng([seed, crc32(b"fakes")])
    designs = Counter(case.layers for case in treatments)
    groups = [
        _laid_out(half, design, rng)
        for design, _ in designs.most_common(MAX_DESIGNS)
        for half in (halves if any(len(plates) > 1 for plates, _ in design) else halves[:1])
    ]
    used = {(id(half), row) for fakes in groups for half, own, _ in fakes for row in own}
    tests = {"used": [], "wells": []}
    for fakes in groups if len(used) >= MIN_POSITIONS else []:
        for name, found in _tested(fakes, null_size, threshold, rng).items():
            tests[name] += found
    return {name: pd.DataFrame(found) for name, found in tests.items()}, len(used)


def _tested(fakes: list, null_size: int, threshold: float, rng) -> dict[str, list[dict]]:
    """The tests of fakes of one design, by the null that treatments have and by that of wells."""
    used = [Case.of([half], own, layers) for half, own, layers in fakes]
    wells = [Case.of([half], own, half.layers(own, False)) for half, own, _ in fakes]
    shared = any(case.shared for case in used)
    drawn = [
        (one.draw(null_size, rng), two.draw(null_size, rng) if shared else None)
        for one, two in zip(used, wells, strict=True)
    ]
    found = permutation_tests(used, lambda i: drawn[i][0], null_size, threshold)
    by_wells = permutation_tests(wells, lambda i: drawn[i][1], null_size, threshold) if shared else found
    return {"used": found, "wells": by_wells}


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


def fake_results(fakes: dict[str, pd.DataFrame], n: int, threshold: float) -> list[dict]:
    """Result rows of `fake_tests`: how many there are, the proportions with p below `threshold` and called active."""
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
