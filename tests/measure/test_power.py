"""The smallest effect that a screen can show: what is planted at it is found in four of five cases."""

import numpy as np
import pytest
from made_profiles import screen, undecided, values
from wellread.measure.average_precision import average_precision
from wellread.profiles import controls, tables
from wellread.profiles.correct import correct

D = 16


def answers(frame, **options):
    corrected = [correct(one, [{"standardize": {}}], seed=0) for one in (frame, controls.swapped(frame))]
    return average_precision(corrected[0], 0, corrected[1], **options)


def effect_of(frame, **options):
    return values(answers(frame, **options), "smallest_effect")[""]


@pytest.mark.dag
@pytest.mark.parametrize("fixed", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_four_of_five_treatments_of_the_smallest_effect_have_p_below_the_threshold(fixed):
    design = {"plates": 4, "controls": 64, "D": D, "fixed": fixed}
    least = effect_of(screen(treatments=5, **design))
    shares = {}
    for times in (0.5, 1, 2):
        found = answers(screen(1, treatments=60, effect=times * least / np.sqrt(D), **design))
        shares[times] = np.mean([p < 0.05 for p in values(found, "p_value").values()])
    assert shares[1] == pytest.approx(0.8, abs=0.15)
    assert shares[0.5] < 0.6
    assert shares[2] > 0.95


@pytest.mark.dag
def test_effects_are_in_units_of_controls_whatever_their_scale():
    frame = screen(plates=3, treatments=4, controls=40, D=D)
    meta, X = tables.split(frame)
    assert effect_of(tables.join(meta, (X - 5) * 7)) == pytest.approx(effect_of(tables.join(meta, X - 5)))


@pytest.mark.dag
def test_more_replicates_show_smaller_effects():
    few, many = (effect_of(screen(plates=n, treatments=4, controls=40, D=D)) for n in (2, 8))
    assert many < 0.8 * few


@pytest.mark.dag
def test_effects_of_few_controls_or_none_that_is_large_enough_are_undecidable():
    few = answers(screen(plates=3, treatments=5, controls=12))
    assert undecided(few, "smallest_effect").startswith("18 control wells can be laid out as treatments are, 20 are")
    frame = screen(plates=4, treatments=5, controls=40)
    meta, X = tables.split(frame)
    same = tables.join(meta, np.repeat(X[:1], len(X), axis=0))
    found = average_precision(same, 0, controls.swapped(same))
    assert "0% of" in undecided(found, "smallest_effect")
