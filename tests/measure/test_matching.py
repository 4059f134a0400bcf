"""Percent matching: exact against a loop over pairs and all groups, near chance where classes say nothing."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, undecided, values
from wellread.measure.matching import matching


def compounds(labels, X, doses=1):
    """Profiles of treatments c0, c1 ... of these classes, `doses` rows each, one after the other."""
    names = [f"c{i}" for i in range(len(labels)) for _ in range(doses)]
    wells = {"plate": "p", "well": [f"A{i:03d}" for i in range(len(X))], "batch": "b", "control": "",
             "treatment": names, "moa": np.repeat(labels, doses)}  # fmt: skip
    return profiles(pd.DataFrame(wells), np.asarray(X, float))


def cosine(a, b):
    return sum(a * b) / np.sqrt(sum(a * a) * sum(b * b))


def median_over_pairs(group, X, doses):
    """Of all pairs of rows of different compounds of the group."""
    rows = {c: X[c * doses : (c + 1) * doses] for c in group}
    return np.median([cosine(x, y) for a, b in combinations(group, 2) for x, y in product(rows[a], rows[b])])


@pytest.mark.dag
def test_similarity_and_threshold_are_those_of_a_loop_over_all_groups():
    """Six compounds of two doses: all 15 pairs and 20 triples of them are counted."""
    X = np.random.default_rng(1).normal(size=(12, 4)) + 0.5
    answer = matching(compounds(["m", "m", "m", "n", "n", "o"], X, doses=2), 3, null_size=4000, percentile=90.0)
    for name, group in (("m", (0, 1, 2)), ("n", (3, 4))):
        assert values(answer, "similarity")[name] == pytest.approx(median_over_pairs(group, X, 2), abs=1e-6)
        null = sorted(median_over_pairs(other, X, 2) for other in combinations(range(6), len(group)))
        low, high = np.quantile(null, [0.87, 0.93], method="inverted_cdf")
        assert low - 1e-6 <= values(answer, "threshold")[name] <= high + 1e-6
    assert set(values(answer, "similarity")) == {"m", "n"}
    assert values(answer, "left_out")["classes of one compound, or of all"] == 1


@pytest.mark.dag
@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_classes_match_as_often_as_chance_says_unless_they_are_alike(strength):
    labels, found = np.repeat([f"m{i}" for i in range(15)], 3), []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(45, 6)) + strength * np.repeat(rng.normal(size=(15, 6)), 3, axis=0)
        answer = matching(compounds(labels, X), seed, null_size=300)
        found.append(values(answer, "matching")[""])
    assert values(answer, "matching_chance")[""] == pytest.approx(0.05)
    assert np.mean(found) > 0.7 if strength else 0.01 < np.mean(found) < 0.1  # 180 classes: 0.05, standard error 0.016


def test_a_compound_of_two_classes_counts_for_both():
    X = [[1, 0], [1, 0.1], [0.1, 1], [0, -1]]
    answer = matching(compounds(["m", "m|n", "n", "o"], X), 0, null_size=20)
    assert values(answer, "similarity")["m"] == pytest.approx(cosine(np.array(X[0]), np.array(X[1])))
    assert values(answer, "similarity")["n"] == pytest.approx(cosine(np.array(X[1]), np.array(X[2])))


def test_doses_of_one_compound_are_no_pair():
    """The two doses of each compound are alike; the compounds of m are at right angles."""
    X = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1]]
    answer = matching(compounds(["m", "m", "n"], X, doses=2), 0, null_size=20)
    assert values(answer, "similarity") == pytest.approx({"m": 0}, abs=1e-9)


def test_a_screen_without_classes_of_several_compounds_is_undecidable():
    assert "two compounds or more" in undecided(matching(compounds(["m", "n"], np.eye(2)), 0), "matching")
