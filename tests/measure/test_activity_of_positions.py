"""Activity where treatments keep their positions: positions are permuted, and controls tell how often that is wrong."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen, undecided, values, with_positions
from scipy.stats import kstest
from sklearn.metrics import average_precision_score
from wellread.measure import nulls, permutation
from wellread.measure.average_precision import average_precision
from wellread.measure.halves import Half
from wellread.measure.permutation import Case
from wellread.measure.ranks import Pool
from wellread.profiles import controls, tables


def answers(frame, **options):
    return average_precision(frame, 0, controls.swapped(frame), **options)


@pytest.mark.parametrize("per_plate", [1, 2, 5])
def test_average_precisions_are_those_of_a_loop(per_plate):
    """Of wells on three plates, some of one plate, in three choices; beyond 12 replicates ranks are sorted."""
    rng = np.random.default_rng(per_plate)
    plates, chosen = np.repeat([0, 1, 2], 10), []
    U = rng.normal(size=(30, 4)).round(1)
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    for _ in range(3):
        chosen.append(np.concatenate([p * 10 + rng.permutation(10)[:per_plate] for p in range(3)]))
    members = np.array(chosen)
    base, own = np.setdiff1d(np.arange(30), members[0]), members[0]
    pool, place = Pool.of(U, plates, base), np.argsort(np.concatenate([base, own]))
    found = pool.with_wells(U, plates, own[None]).average_precisions(place[members][None])[:, 0]
    for n, rows in enumerate(members):
        for i, query in enumerate(rows):
            others = [w for w in np.flatnonzero(plates == plates[query]) if w not in rows]
            ranked = sorted(
                [*((-U[query] @ U[w], 0) for w in others), *((-U[query] @ U[w], 1) for w in rows if w != query)]
            )
            hits = [rank for rank, (_, hit) in enumerate(ranked, 1) if hit]
            assert found[i, n] == pytest.approx(np.mean([(k + 1) / rank for k, rank in enumerate(hits)]), abs=1e-9)


@pytest.mark.parametrize("fixed", [True, False])
def test_what_changes_places_is_ranked_as_a_loop_does(fixed):
    """Two treatments at once: every choice makes other wells replicates, all others of their plates negatives."""
    frame = screen(plates=3, treatments=2, controls=12, D=5, effect=0.3, fixed=fixed)
    half = Half.of(frame, ["treatment"], "controls")
    cases = [Case.of([half], own, half.layers(own, True)) for own in half.wells_of_items.values()]
    drawn = [case.draw(20, np.random.default_rng(i))[0] for i, case in enumerate(cases)]
    found, _ = permutation._permuted(half, cases, drawn)
    for case, choices, mean_ap in zip(cases, drawn, found, strict=True):
        units, start = [], 0
        for plates, m in case.layers:
            own = case.own[start : start + m * len(plates)].reshape(m, -1)
            units.append(np.vstack([half.controls_on(plates), own]))
            start += own.size
        pool = np.concatenate([np.flatnonzero(half.reference), case.own])
        for n, expected in enumerate(mean_ap):
            rows = np.concatenate([own[chosen[n]].ravel() for own, chosen in zip(units, choices, strict=True)])
            assert expected == pytest.approx(np.mean([looped(half, q, rows, pool) for q in rows]))


@pytest.mark.parametrize(("treatments", "drawn"), [(["t000"], [50, 50]), (["t000", "t001"], [50, 1])])
def test_halves_draw_choices_where_they_decide(treatments, drawn):
    """A position that keeps its place is judged by both halves of the controls, several together by the first."""
    frame = screen(treatments=6, controls=120, fixed=True)
    halves = [Half.of(half, ["treatment"], "controls") for half in (frame, controls.swapped(frame))]
    own = np.concatenate([halves[0].wells_of_items[name] for name in treatments])
    case = Case.of(halves, own, halves[0].layers(own, True))
    choices = case.draw(49, np.random.default_rng(0))
    assert [len(one) for half in choices for one in half] == drawn


def looped(half, query, rows, pool):
    """Average precision of a well, by scikit-learn."""
    among = [w for w in pool if w != query and (w in rows or half.plates[w] == half.plates[query])]
    return average_precision_score(np.isin(among, rows), half.U[among] @ half.U[query])


def test_plates_that_share_a_treatments_positions_are_one_stratum():
    plates = np.array(["a", "b", "c", "a", "b", "d"])
    positions = np.array(["A1", "A1", "B2", "A3", "A3", "A1"])
    assert nulls.strata(plates, positions, True) == [(("a", "b"), ("A1", "A3")), (("c",), ("B2",)), (("d",), ("A1",))]
    assert [plates for plates, _ in nulls.strata(plates, positions, False)] == [("a",), ("b",), ("c",), ("d",)]


def test_few_choices_are_all_made_and_many_are_drawn_evenly():
    (every,) = nulls.choices([(2, 3)], 1000, None)
    assert sorted(map(tuple, every)) == sorted(combinations(range(5), 2))
    assert every[0].tolist() == [3, 4]  # the true one
    one, two = nulls.choices([(1, 3), (2, 2)], 6000, np.random.default_rng(0))
    assert (one[0].tolist(), two[0].tolist()) == ([3], [2, 3])
    assert np.bincount(one[1:, 0]) / 6000 == pytest.approx(np.full(4, 1 / 4), abs=0.03)
    assert np.bincount(two[1:].ravel()) / 6000 == pytest.approx(np.full(4, 1 / 2), abs=0.03)
    assert (two[:, 0] != two[:, 1]).all()


def test_p_values_count_both_halves_together():
    assert nulls.p_value(np.array([0.5, 0.9]), [np.array([0.4, 0.5, 0.6]), np.array([0.1])]) == (1 + 2) / (1 + 4)


@pytest.mark.parametrize(("observed", "equal"), [(0.5, 0.5), (0.1 + 0.2, 0.3), (1e6, 1e6)])
def test_null_values_that_are_equal_but_for_rounding_count_against_the_treatment(observed, equal):
    assert nulls.p_value(np.array([observed]), [np.array([equal, observed - 0.1])]) == (1 + 1) / (1 + 2)


@pytest.mark.dag
@pytest.mark.parametrize("n", [20, 64])
def test_smooth_p_values_of_nothing_are_uniform(n):
    """Mean average precisions of skewed effects; of more draws than p-values of counting can tell apart."""
    rng = np.random.default_rng(n)
    draws = rng.beta(2, 4, size=(4000, 2 * n + 2))
    p = np.array(
        [
            nulls.smooth_p_value(d[:2], [d[2 : n // 2 + 2], d[n // 2 + 2 : n + 2]])
            for d in nulls.of_precisions(draws[:, [0, 0, *range(2, n + 2)]], 1e-3)
        ]
    )
    for a in (0.01, 0.05, 0.1, 0.5):
        assert (p <= a).mean() == pytest.approx(a, abs=3 * np.sqrt(a * (1 - a) / 4000) + 0.003)


def test_smooth_p_values_fall_with_the_statistic_and_below_the_floor():
    null = [np.linspace(0.1, 0.6, 32), np.linspace(0.1, 0.6, 32)]
    null = [nulls.of_precisions(ap, 0.01) for ap in null]
    observed = nulls.of_precisions(np.array([0.05, 0.2, 0.4, 0.59, 0.8, 1.0]), 0.01)
    p = [nulls.smooth_p_value(np.array([z, z]), null) for z in observed]
    assert p == sorted(p, reverse=True)
    assert p[0] == 1
    assert 0 < p[-1] < 1 / 65 < p[2]


@pytest.mark.dag
def test_positions_are_not_called_treatments():
    """No treatment does anything, positions do: permuting wells calls most of them active, permuting positions none."""
    frame = with_positions(screen(plates=4, treatments=40, controls=40, D=16, fixed=True), 0.7)
    by_wells, by_positions = answers(frame, permute="wells"), answers(frame)
    assert values(by_wells, "fraction_active")[""] > 0.5
    assert values(by_positions, "fraction_active")[""] == 0
    assert values(by_positions, "fakes_active_by_wells")[""] > 0.5
    assert values(by_positions, "fakes_active")[""] <= 0.1
    assert values(by_positions, "fraction_by_position")[""] == 1
    assert len(values(by_positions, "p_value")) == 40
    assert values(by_positions, "p_floor")[""] == pytest.approx(1 / 41)


@pytest.mark.slow
def test_p_values_of_positions_are_uniform():
    p = [
        v
        for seed in range(60)
        for v in values(
            answers(with_positions(screen(seed, plates=3, treatments=3, controls=24, D=8, fixed=True), 0.7, seed)),
            "p_value",
        ).values()
    ]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.dag
def test_treatments_that_stand_out_from_positions_are_active():
    frame = with_positions(screen(plates=4, treatments=20, controls=40, D=32, effect=1.0, fixed=True), 0.3)
    assert values(answers(frame), "fraction_active")[""] > 0.8


def test_fewer_than_20_control_positions_decide_nothing():
    frame = screen(plates=4, treatments=5, controls=19, effect=2.0, fixed=True)
    found = answers(frame)
    assert undecided(found, "fraction_active").startswith("19 control positions, 20 are needed")
    assert not values(found, "q_value")
    assert not values(found, "active")
    assert values(answers(screen(plates=4, treatments=5, controls=20, effect=2.0, fixed=True)), "q_value")


@pytest.mark.dag
def test_where_treatments_change_places_wells_are_permuted():
    frame = screen(plates=4, treatments=10, controls=24, effect=0.5)
    pd.testing.assert_frame_equal(answers(frame), answers(frame, permute="wells"))
    assert values(answers(frame), "fraction_by_position")[""] == 0


def test_other_treatments_cannot_tell_positions_from_treatments():
    found = answers(screen(plates=4, treatments=30, controls=4, fixed=True), negatives="others")
    assert undecided(found, "fraction_active").startswith("0 control positions")


def test_the_smallest_detectable_is_where_p_is_at_the_threshold():
    frame = screen(plates=4, treatments=30, controls=40, D=16, effect=0.3, fixed=True)
    found = answers(frame)
    least, p, ap = (values(found, name) for name in ("smallest_detectable", "p_value", "mean_average_precision"))
    apart = [item for item in p if abs(ap[item] - least[""]) > 0.1]
    assert all((p[item] < 0.05) == (ap[item] > least[""]) for item in apart)
    assert {p[item] < 0.05 for item in apart} == {True, False}


def test_plates_have_one_layout_if_more_than_a_quarter_of_their_treatments_keep_their_positions():
    wells = {"p": "A1 A2 A3 A4", "q": "A1 A3 A4 A2", "r": "A3 A2 A4 A2", "s": "A3 A2 A1 A1", "t": "B1 B2 B3 B4"}
    plates, positions = np.repeat(list(wells), 4), np.array(" ".join(wells.values()).split())
    found = nulls.layouts(plates, positions, np.tile(list("abcd"), 5))
    assert found["q"] == found["r"] == found["s"]  # two of four
    assert len({found["p"], found["q"], found["t"]}) == 3  # one of four, or none


def test_plates_have_the_layout_of_plates_that_are_between_them():
    wells = ["A1", "A2", "A3", "A4", "A1", "A2", "B3", "B4", "B1", "B2", "B3", "B4"]
    found = nulls.layouts(np.repeat(["p", "q", "r"], 4), np.array(wells), np.tile(list("abcd"), 3))
    assert found == {"p": 0, "q": 0, "r": 0}


@pytest.mark.dag
def test_treatments_that_keep_a_position_by_chance_are_not_told_by_positions():
    """Twelve wells on eight plates: most treatments are twice at one place, where few controls are."""
    frame = screen(plates=8, treatments=6, controls=6, effect=1.0)
    meta, _ = tables.split(frame)
    often = meta[meta["Metadata_control"] == ""].groupby("Metadata_treatment")["Metadata_Well"].nunique() < 8
    assert often.mean() > 0.5
    found = answers(frame)
    assert values(found, "fraction_by_position")[""] == 0
    assert values(found, "fraction_decidable")[""] == 1
