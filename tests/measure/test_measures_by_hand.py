"""Measures of a few wells whose every number can be told with pencil and paper."""

from itertools import combinations
from math import comb, sqrt

import numpy as np
import pandas as pd
import pytest
from made_profiles import values
from wellread.measure.assay_quality import assay_quality
from wellread.measure.average_precision import average_precision
from wellread.measure.dose_response import dose_response
from wellread.measure.knn import knn
from wellread.measure.nearest_class import nearest_class
from wellread.measure.ranks import Pool
from wellread.measure.replicating import replicating
from wellread.measure.tidy import independent_units, mean_interval, proportion
from wellread.profiles import tables

Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution


def wells(X, **columns):
    """Profiles of wells on plate p, batch b, treated with t unless `columns` say otherwise."""
    X = np.asarray(X, float)
    given = {"plate": "p", "well": [f"A{i:02d}" for i in range(len(X))], "batch": "b", "treatment": "t", "control": ""}
    given |= {"control_use": "", "object_count": 9}
    return tables.join(pd.DataFrame(given | columns).rename(columns=tables.column), X)


def controls(n_fit, n_evaluate, n_treated):
    """Columns of so many controls of either half, and of treated wells."""
    n = n_fit + n_evaluate
    use = ["fit"] * n_fit + ["evaluate"] * n_evaluate + [""] * n_treated
    return {"control": ["negative"] * n + [""] * n_treated, "control_use": use}


# ---- intervals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "n"), [(7, 10), (0, 5), (5, 5), (40, 41)])
def test_a_proportion_has_the_interval_of_wilson(hits, n):
    p, root = hits / n, sqrt(hits / n * (1 - hits / n) / n + Z95**2 / (4 * n**2))
    middle, scale = p + Z95**2 / (2 * n), 1 + Z95**2 / n
    expected = {"x": p, "x_low": (middle - Z95 * root) / scale, "x_high": (middle + Z95 * root) / scale}
    rows = proportion("x", np.arange(n) < hits, np.arange(n))
    assert {row["metric"]: row["value"] for row in rows} == pytest.approx(expected, abs=1e-12)
    assert [row["n"] for row in rows] == [n] * 3


@pytest.mark.parametrize(("right", "n"), [([1, 1, 1, 0], 4), ([1, 1, 1, 1], 4), ([0, 0, 0, 0], 4)])
def test_doses_that_always_agree_count_once(right, n):
    """Every row three times over: the interval is that of one row each."""
    once, thrice = (
        proportion("x", np.array(right), np.arange(n)),
        proportion("x", np.repeat(right, 3), np.repeat(range(n), 3)),
    )
    for one, three in zip(once, thrice, strict=True):
        expected = wilson(sum(right), n, 1) if 0 < sum(right) < n else None
        assert three["value"] == pytest.approx((expected or {}).get(one["metric"], one["value"]), abs=1e-12)


def wilson(hits, n, rows):
    """The interval of n units of equal rows: the design effect is 3 n / (n - 1) over 3 n / (3 n - 1)."""
    p, n = hits / n, 3 * n / (3 * (n / (n - 1)) / (3 * n / (3 * n - 1)))
    middle, root = p + Z95**2 / (2 * n), sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    scale = 1 + Z95**2 / n
    return {"x": p, "x_low": (middle - Z95 * root) / scale, "x_high": (middle + Z95 * root) / scale}


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_the_interval_of_a_proportion_covers_where_doses_of_a_compound_agree(share):
    """12 compounds of two doses that agree in most: Wilson's interval of 24 rows covers in 83 to 91 % only."""
    covered, wrong = 0, 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        chance = np.repeat(rng.beta(share / 4, (1 - share) / 4, 12), 2)
        right = rng.random(24) < chance
        inside = [low <= share <= high for low, high in (
            (rows[1]["value"], rows[2]["value"]) for rows in
            (proportion("x", right, np.arange(24) // 2), proportion("x", right, np.arange(24)))
        )]  # fmt: skip
        covered, wrong = covered + inside[0], wrong + inside[1]
    assert covered / 400 > 0.925
    assert wrong / 400 < 0.925


def test_the_interval_of_a_mean_is_that_of_units():
    """Of 30 units with 5 equal rows each the standard error is that of 30 values."""
    values_of = np.random.default_rng(0).normal(size=30)
    mean, low, high = (row["value"] for row in mean_interval("x", np.repeat(values_of, 5), np.repeat(range(30), 5), 0))
    assert mean == pytest.approx(values_of.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values_of.std() / sqrt(30), rel=0.1)
    assert len(mean_interval("x", np.ones(50), np.repeat(range(5), 10), 0)) == 1


def test_doses_of_a_compound_are_one_unit_and_controls_are_each_their_own():
    frame = wells(
        np.ones((5, 2)), treatment=["a", "a", "DMSO", "DMSO", ""], control=["", "", "negative", "negative", ""]
    )
    units = independent_units(tables.split(frame)[0])
    assert units[0] == units[1]
    assert len(set(units)) == 4


# ---- kNN -----------------------------------------------------------------------------------------------------


def test_a_class_that_no_asked_profile_has_counts_for_f1_but_not_for_recall():
    """The profile of c shares a plate or batch with every other one, so it is not asked; it answers no one either."""
    found = wells(
        [[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 1]],
        plate=["p", "q", "p", "q", "p"], batch=["1", "2", "1", "2", "2"], moa=["a", "a", "b", "b", "c"],
    )  # fmt: skip
    found = knn(found, 0, label="moa", diffby=["plate", "batch"], permutations=0)
    assert values(found, "left_out")["no neighbour"] == 1
    assert values(found, "accuracy")[""] == 1
    assert values(found, "balanced_accuracy")[""] == 1  # the mean of a and b
    assert values(found, "macro_f1")[""] == pytest.approx(2 / 3)  # of a, b and c
    assert values(found, "recall") == {"a": 1, "b": 1, "c": 0}


def test_recall_and_f1_of_uneven_classes():
    """Three of a, one of b: the b is nearest to an a, and that a to the b."""
    X = [[1, 0], [1, 0.01], [1, 0.5], [1, 0.6]]
    found = knn(wells(X, moa=["a", "a", "a", "b"]), 0, label="moa", permutations=0)
    assert values(found, "accuracy")[""] == 0.5
    assert values(found, "balanced_accuracy")[""] == pytest.approx((2 / 3 + 0) / 2)
    assert values(found, "f1") == pytest.approx({"a": 4 / 6, "b": 0})  # 2 TP / (true + predicted)
    assert values(found, "macro_f1")[""] == pytest.approx(1 / 3)


def test_a_class_that_is_never_predicted_counts_for_recall():
    found = knn(
        wells([[1, 0], [1, 0.01], [1, 0.02], [1, 0.6]], moa=["a", "a", "a", "b"]), 0, label="moa", permutations=0
    )
    assert values(found, "accuracy")[""] == 0.75
    assert values(found, "balanced_accuracy")[""] == 0.5
    assert values(found, "macro_f1")[""] == pytest.approx((6 / 7 + 0) / 2)


# ---- average precision ---------------------------------------------------------------------------------------


def test_wells_that_are_all_alike_have_p_1():
    """Every permutation ties with the truth, and ties count."""
    frame = wells(np.ones((7, 3)), **controls(0, 4, 3), treatment=["DMSO"] * 4 + ["t"] * 3)
    found = average_precision(frame, 0, null_size=50)
    assert values(found, "p_value")["t"] == 1
    assert values(found, "active")["t"] == 0


def test_p_is_the_share_of_permutations_that_are_as_good():
    """Two wells of t among five controls: of all 21 pairs one is as good as the true one, itself."""
    X = [[np.cos(a), np.sin(a)] for a in (0.0, 0.45, 0.95, 1.5, 2.1, 2.8, 2.9)]  # the last two are nearest each other
    frame = wells(X, **controls(0, 5, 2), treatment=["DMSO"] * 5 + ["t"] * 2)
    S = np.array(X) @ np.array(X).T
    pairs = [(list(pair), [i for i in range(7) if i not in pair]) for pair in combinations(range(7), 2)]
    score = {tuple(m): np.mean([1 / (1 + sum(S[i, o] >= S[i, j] for o in others)) for i, j in (m, m[::-1])])
             for m, others in pairs}  # fmt: skip
    observed = score[5, 6]
    exact = np.mean([value >= observed - 1e-12 for value in score.values()])
    assert observed == 1
    assert exact == pytest.approx(sum(v == 1 for v in score.values()) / comb(7, 2))
    n = 20_000
    found = average_precision(frame, 0, null_size=n)
    assert values(found, "mean_average_precision")["t"] == 1
    assert values(found, "p_value")["t"] == pytest.approx(exact, abs=5 * sqrt(exact * (1 - exact) / n))


def test_only_the_evaluation_half_ranks_among_the_replicates():
    """Controls of the fitting half lie between the replicates, those of the evaluation half far away."""
    X = [[1, 0.1], [1, 0.1], [0, 1], [0, 1], [1, 0], [1, 0.2]]
    frame = wells(X, **controls(2, 2, 2), treatment=["DMSO"] * 4 + ["t"] * 2)
    assert values(average_precision(frame, 0, null_size=9), "mean_average_precision")["t"] == 1
    frame["Metadata_control_use"] = frame["Metadata_control_use"].map({"fit": "evaluate", "evaluate": "fit", "": ""})
    assert values(average_precision(frame, 0, null_size=9), "mean_average_precision")["t"] == pytest.approx(1 / 3)


def test_negatives_of_another_plate_do_not_count():
    """On plate q a control lies on top of the treatment; on p, where the treatment is, all are far."""
    X = [[0, 1], [0, 1], [1, 0], [1, 0], [1, 0], [1, 0.1]]
    frame = wells(X, **controls(0, 4, 2), plate=["p", "p", "q", "q", "p", "p"], treatment=["DMSO"] * 4 + ["t"] * 2)
    assert values(average_precision(frame, 0, null_size=9), "mean_average_precision")["t"] == 1


def test_average_precision_is_that_of_a_ranked_list():
    """Two positives, at ranks 1 and 3 of 4, below one negative: (1/1 + 2/3) / 2."""
    cosine = np.array([1, 0.9, 0.5, 0.8, 0.1])  # of the query, positives 1 and 2, negatives 3 and 4
    U = np.stack([cosine, np.sqrt(1 - cosine**2)], axis=1)
    found = Pool.of(U, np.zeros(5), np.arange(5)).average_precisions(np.array([[[0, 1, 2]]]))[:, 0]
    assert found[0, 0] == pytest.approx((1 + 2 / 3) / 2)


# ---- doses, mechanisms, replicates -----------------------------------------------------------------------------


def test_the_distance_of_a_dose_is_to_the_evaluation_half():
    """Fitting controls at 0, evaluation controls at 10: doses 1, 2, 3 at 9, 7, 5 go away from 10 only."""
    frame = wells([[0], [0], [10], [10], [9], [7], [5]], **controls(2, 2, 3), dose=[np.nan] * 4 + [1, 2, 3],
                  treatment=["DMSO"] * 4 + ["t"] * 3)  # fmt: skip
    assert values(dose_response(frame, 0), "spearman")["t"] == pytest.approx(1)


def test_the_distance_of_a_dose_is_to_the_mean_of_its_own_plate():
    """The mean of controls at 0, 0, 9 is 3 (their median is 0): 3, 2, 0 goes away from 3, not from 0, nor from q's."""
    frame = wells([[0], [0], [9], [-50], [3], [2], [0]], **controls(0, 4, 3), dose=[np.nan] * 4 + [1, 2, 3],
                  plate=["p"] * 3 + ["q"] + ["p"] * 3, treatment=["DMSO"] * 4 + ["t"] * 3)  # fmt: skip
    assert values(dose_response(frame, 0), "spearman")["t"] == pytest.approx(1)


def test_the_nearest_compound_of_another_batch_answers_nscb():
    """x is nearest to y (same mechanism) of its own batch, then to z (another one) of the other."""
    X = [[1, 0], [1, 0.1], [1, 0.3], [0, 1]]
    frame = wells(X, treatment=list("xyzw"), batch=["1", "1", "2", "2"], moa=["m", "m", "n", "m"])
    found = nearest_class(frame, 0, permutations=0)
    # n has no partner and is left out; of m: x and y find each other, w finds y; without the batch x and y find w
    assert values(found, "nsc_treatment") == {"x": 1, "y": 1, "w": 1}
    assert values(found, "nscb_treatment") == {"x": 1, "y": 1, "w": 1}
    assert values(found, "left_out")["nsc: nothing to match"] == 1


def test_what_cannot_be_answered_is_no_neighbour_either():
    """z, the only one of n, is nearest to x, which finds y instead; the other two of o are far away."""
    X = [[1, 0, 0], [1, 0.5, 0], [1, 0.1, 0], [0, 0, 1], [0, 0.1, 1]]
    frame = wells(X, treatment=list("xyzvw"), batch=list("12121"), moa=["m", "m", "n", "o", "o"])
    assert values(nearest_class(frame, 0, permutations=0), "nsc_treatment") == dict.fromkeys("xyvw", 1)


def test_a_treatment_replicates_if_its_median_similarity_is_above_that_of_strangers():
    """Three wells of t along one axis; one each of four others along axes of their own: strangers have cosine 0."""
    X = np.vstack([np.eye(6)[[0, 0, 0]] + [[0.0] * 6, [0, 1, 0, 0, 0, 0], [0.0] * 6], np.eye(6)[2:], np.eye(6)[2:]])
    frame = wells(X, treatment=["t"] * 3 + list("abcd") * 2)
    found = replicating(frame, 0, null_size=50)
    cosines = [1, 1 / sqrt(2), 1 / sqrt(2)]
    assert values(found, "similarity")["t"] == pytest.approx(np.median(cosines), abs=1e-6)
    assert values(found, "similarity")["a"] == pytest.approx(1)
    assert values(found, "threshold") == pytest.approx(dict.fromkeys("abcdt", 0), abs=1e-6)
    assert values(found, "replicating")[""] == 1
    assert values(found, "replicating_chance")[""] == pytest.approx(0.05)


def test_a_treatment_that_is_as_similar_as_strangers_does_not_replicate():
    frame = wells(np.tile([0, 1, 0], (6, 1)), treatment=list("aabbcc"))
    found = replicating(frame, 0, null_size=20)
    assert values(found, "similarity") == values(found, "threshold") == dict.fromkeys("abc", 1)
    assert values(found, "replicating")[""] == 0


def test_as_many_permutations_as_1_over_the_threshold_decide_nothing():
    """One well and one control on each of two plates: four permutations, so p is 1 / 4 at best, which is not below."""
    X = [[1, 0], [0, 1]] * 2
    columns = {"plate": list("ppqq"), "treatment": ["t", "DMSO"] * 2, "control": ["", "negative"] * 2}
    frame = wells(X, **columns, control_use=["", "evaluate"] * 2)
    for threshold, decidable in ((0.25, 0), (0.2501, 1)):
        found = average_precision(frame, 0, null_size=9, threshold=threshold)
        assert values(found, "fraction_decidable")[""] == decidable


def test_of_several_plates_the_median_is_told():
    """In one dimension; the plates differ by how far the positives are."""
    X, columns = [], {"plate": [], "control": [], "control_use": []}
    for plate, away in zip("pqr", (10, 20, 100), strict=True):
        X += [[0], [1], [3], [away], [away + 2]]
        columns["plate"] += [plate] * 5
        columns["control"] += ["negative"] * 3 + ["positive"] * 2
        columns["control_use"] += ["evaluate"] * 3 + [""] * 2
    found = assay_quality(wells(X, **columns), 0)
    for metric in ("z_prime", "ssmd", "z_prime_optimistic", "ssmd_optimistic"):
        assert values(found, metric)[""] == values(found, metric)["q"] != values(found, metric)["p"]
    expected = 1 - 3 * (sqrt(2) + sqrt(7 / 3)) / (21 - 4 / 3)
    assert values(found, "z_prime_optimistic")["q"] == pytest.approx(expected)


def test_overall_the_mean_correlation_of_the_treatments_is_told():
    """Three compounds: two go away with the dose, one comes nearer."""
    frame = wells([[0], [0], *[[1], [2], [3]] * 2, [3], [2], [1]], **controls(0, 2, 9),
                  treatment=["DMSO"] * 2 + list("aaabbbccc"), dose=[np.nan] * 2 + [1, 2, 3] * 3)  # fmt: skip
    found = dose_response(frame, 0)
    assert values(found, "spearman") == pytest.approx({"": 1 / 3, "a": 1, "b": 1, "c": -1})


def test_the_distance_of_a_dose_is_euclidean():
    frame = wells([[0, 0], [0, 0], [2, 2], [3, 0], [4, 0]], **controls(0, 2, 3), dose=[np.nan] * 2 + [1, 2, 3],
                  treatment=["DMSO"] * 2 + ["t"] * 3)  # fmt: skip
    assert values(dose_response(frame, 0), "spearman")["t"] == pytest.approx(1)
