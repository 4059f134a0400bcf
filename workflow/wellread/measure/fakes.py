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
Fake = tuple[Half, np.ndarray, list]  # wells (R,) of a half that are negatives, and their strata
MAX_DESIGNS, FAKES = 4, 40  # designs of treatments whose wells controls are laid out in, and groups of each


def groups(halves: list[Half], treatments: list[Case], seed: int) -> tuple[list[list[Fake]], int]:
    """Controls in groups that are laid out as treatments are, a list for every design; and how many wells are used.

    Every design of the treatments, how many wells on which plates, is filled with control positions, the commonest
    first, in both halves of the controls if it is tested by position.
    """
    rng = np.random.default_rng([seed, crc32(b"fakes")])
    designs = Counter(case.layers for case in treatments)
    found = [
        _laid_out(half, design, rng)
        for design, _ in designs.most_common(MAX_DESIGNS)
        for half in (halves if any(len(plates) > 1 for plates, _ in design) else halves[:1])
    ]
    return found, len({(id(half), row) for fakes in found for half, own, _ in fakes for row in own})


def fake_tests(fakes: list[list[Fake]], null_size: int, threshold: float, seed: int) -> dict[str, pd.DataFrame]:
    """Tests of controls as if they were treatments, by the null that treatments have (`used`) and by that of wells."""
    rng = np.random.default_rng([seed, crc32(b"tests")])
    tested = [_tested(some, null_size, threshold, rng) for some in fakes]
    return {name: pd.DataFrame([one for found in tested for one in found[name]]) for name in ("used", "wells")}


def _tested(fakes: list[Fake], null_size: int, threshold: float, rng) -> dict[str, list[dict]]:
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


def fake_results(fakes: list[list[Fake]], used: int, null_size: int, threshold: float, seed: int) -> list[dict]:
    """Result rows: how many `fakes` there are, of `used` wells, how many have p below the threshold or are active.

    Of fewer than 20 wells, none is tested.
    """
    if used < MIN_POSITIONS:
        reason = f"{used} control wells can be laid out so, {MIN_POSITIONS} are needed"
        return [undecidable("fakes_active", reason, used)]
    tests = fake_tests(fakes, null_size, threshold, seed)
    n, below = len(tests["used"]), (tests["used"]["p_value"] < threshold).mean()
    active = {name: (false_discovery_control(own["p_value"]) < threshold).mean() for name, own in tests.items()}
    return [
        row("fakes", n, n),
        row("fakes_below_threshold", below, n),
        row("fakes_active", active["used"], n),
        row("fakes_active_by_wells", active["wells"], n),
    ]
