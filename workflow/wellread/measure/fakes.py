"""How often a screen calls active what is not: controls, tested as if they were treatments."""

from collections import Counter
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.halves import Half, permutation_test
from wellread.measure.tidy import row, undecidable

MIN_POSITIONS = 20  # control positions; 1 / (20 + 1) is the largest floor of p below .05
Fake = tuple[Half, np.ndarray, list]  # wells (R,) of a half that are negatives, and their strata
MAX_DESIGNS, FAKES = 4, 40  # designs of treatments whose wells controls are laid out in, and groups of each


def groups(halves: list[Half], by_position: bool, seed: int) -> tuple[list[Fake], int]:
    """Controls in groups that are laid out as treatments are, and how many wells are used.

    Every design of the treatments, how many wells on which plates, is filled with control positions, the commonest
    first, in both halves of the controls if it is tested by position.
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
    return fakes, len({(id(half), row) for half, own, _ in fakes for row in own})


def fake_tests(fakes: list[Fake], null_size: int, seed: int) -> dict[str, pd.DataFrame]:
    """Tests of controls as if they were treatments, by the null that treatments have (`used`) and by that of wells."""
    tests, rng = {"used": [], "wells": []}, np.random.default_rng([seed, crc32(b"tests")])
    for half, own, layers in fakes:
        found, shared = permutation_test([half], own, layers, null_size, rng), any(len(p) > 1 for p, _ in layers)
        by_wells = permutation_test([half], own, half.layers(own, False), null_size, rng) if shared else found
        tests["used"].append(found)
        tests["wells"].append(by_wells)
    return {name: pd.DataFrame(found) for name, found in tests.items()}


def _laid_out(half: Half, design: tuple, rng) -> list[Fake]:
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


def fake_results(fakes: list[Fake], used: int, null_size: int, threshold: float, seed: int) -> list[dict]:
    """Result rows: how many `fakes` there are, of `used` wells, how many have p below the threshold or are active.

    Of fewer than 20 wells, none is tested.
    """
    if used < MIN_POSITIONS:
        reason = f"{used} control wells can be laid out so, {MIN_POSITIONS} are needed"
        return [undecidable("fakes_active", reason, used)]
    n, tests = len(fakes), fake_tests(fakes, null_size, seed)
    active = {name: (false_discovery_control(own["p_value"]) < threshold).mean() for name, own in tests.items()}
    return [
        row("fakes", n, n),
        row("fakes_below_threshold", (tests["used"]["p_value"] < threshold).mean(), n),
        row("fakes_active", active["used"], n),
        row("fakes_active_by_wells", active["wells"], n),
    ]
