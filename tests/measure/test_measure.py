"""Measures: against loops, scikit-learn and copairs; calibrated where nothing is, found where something is."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen, undecided, values
from paths import SHARED
from scipy.stats import kstest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score
from sklearn.neighbors import KNeighborsClassifier
from wellread.measure.assay_quality import _held_out, ssmd, z_prime
from wellread.measure.ranks import Pool, chance_precision
from wellread.profiles import similarity, tables
from wellread.profiles.consensus import consensus
from wellread.profiles.correct import correct
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choices, functions

BBBC021 = SHARED / "data" / "bbbc021_profiles"
ODD = ['a "quoted" name', "5/6'-thing\\x", "<script>alert(1)</script>", "цитохалазин Δ9", "NA", "a, b"]

MEASURES = {name: function for name, function in functions("measure").items() if not choices("measure")[name].masks}
SHORT = {  # measures that train, so long as needed here
    "linear": {"iterations": 20, "permutations": 1},
    "low_shot": {"iterations": 20, "repeats": 2, "shares": [0.5, 1.0]},
    "moa_mlp": {"folds": 2, "repeats": 2},
}
knn, average_precision, nearest_class, assay_quality, dose_response = (
    MEASURES[name] for name in ("knn", "average_precision", "nearest_class", "assay_quality", "dose_response")
)


def standardised(**options):
    return correct(screen(**options), [{"standardize": {}}], seed=0)


def table_of(labels, X, **columns):
    """Profiles of treated wells with a label `moa`, one plate."""
    wells = {"plate": "p", "well": [f"A{i:03d}" for i in range(len(X))], "batch": "b", "treatment": "t", "control": ""}
    return profiles(pd.DataFrame({**wells, "moa": labels, **columns}), np.asarray(X, float))


# ---- similarity ----------------------------------------------------------------------------------------------


def test_nearest_is_a_loop(monkeypatch):
    monkeypatch.setattr(similarity, "BLOCK_ROWS", 7)
    rng = np.random.default_rng(0)
    X, meta = rng.normal(size=(40, 5)), pd.DataFrame({"Metadata_Plate": rng.choice(["p", "q", "r"], 40).astype(object)})
    index, cosine = similarity.nearest_neighbours(X, similarity.exclusion_codes(meta, ["plate"]), 30)
    for i in range(40):
        others = [j for j in range(40) if meta["Metadata_Plate"][j] != meta["Metadata_Plate"][i]]
        S = {j: X[i] @ X[j] / np.linalg.norm(X[i]) / np.linalg.norm(X[j]) for j in others}
        best = sorted(others, key=lambda j: -S[j])[:30]
        assert index[i][index[i] >= 0].tolist() == best
        np.testing.assert_allclose(cosine[i][: len(best)], [S[j] for j in best])


def test_excluding_a_pair_of_columns_excludes_only_the_pair():
    meta = pd.DataFrame({"Metadata_Plate": ["p", "p", "q", "q"], "Metadata_Well": ["A01", "A02", "A01", "A02"]})
    X = np.ones((4, 2))
    found = {
        exclude: similarity.nearest_neighbours(X, similarity.exclusion_codes(meta, exclude.split()), 4)[0]
        for exclude in ("plate+well", "plate", "plate well")
    }
    found = {exclude: (index >= 0).sum(axis=1).tolist() for exclude, index in found.items()}
    assert found == {"plate+well": [3] * 4, "plate": [2] * 4, "plate well": [1] * 4}


def test_profiles_of_zeros_are_like_nothing():
    assert similarity.cosine_similarity(np.array([[0.0, 0], [1, 0]])).tolist() == [[0, 0], [0, 1]]


# ---- kNN -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 7])
def test_knn_is_that_of_scikit_learn(k):
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c", "d"], 80, p=[0.4, 0.3, 0.2, 0.1])
    X = rng.normal(size=(80, 6)) + (labels == "a")[:, None] * 1.5 - (labels == "b")[:, None]
    guess = []
    for i in range(80):
        rest = np.delete(np.arange(80), i)
        model = KNeighborsClassifier(k, metric="cosine", weights=lambda d: np.exp((1 - d) / 0.07))
        guess += model.fit(X[rest], labels[rest]).predict(X[[i]]).tolist()
    found = knn(table_of(labels, X), 0, label="moa", k=k, permutations=0)
    assert values(found, "accuracy")[""] == pytest.approx((np.array(guess) == labels).mean())
    assert values(found, "balanced_accuracy")[""] == pytest.approx(balanced_accuracy_score(labels, guess))
    assert values(found, "macro_f1")[""] == pytest.approx(f1_score(labels, guess, average="macro"))
    per_class = f1_score(labels, guess, average=None, labels=list("abcd"))
    assert list(values(found, "f1").values()) == pytest.approx(per_class.tolist())


def test_knn_of_several_labels_takes_what_holds_half_of_the_weight():
    labels = ["a|b", "a|b", "a", "c", "c"]
    X = [[1, 0, 0], [1, 0.01, 0], [1, 0, 0.02], [0, 1, 1], [0, 1, 1.01]]
    found = knn(table_of(labels, X), 0, label="moa", permutations=0)
    assert values(found, "accuracy")[""] == pytest.approx(4 / 5)  # the row of `a` gets its neighbour's `a|b`
    assert values(found, "recall") == {"a": 1, "b": 1, "c": 1}
    assert values(found, "f1")["b"] == pytest.approx(2 * 2 / (2 * 2 + 1))


def test_half_of_the_weight_is_not_enough():
    X = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]]
    found = knn(table_of(["a|b", "a", "b", "c", "c", "c"], X), 0, label="moa", k=2, permutations=0)
    # `a|b` has one neighbour of a and one of b, so it gets neither
    assert values(found, "recall") == {"a": 0, "b": 0, "c": 1}


def test_a_low_temperature_listens_to_the_nearest():
    X = [[1, 0, 0], [1, 0.1, 0], [1, 0, 0.5], [1, 0, -0.5]]
    frame = table_of(list("aacc"), X)
    for temperature, recall in ((0.01, 1), (10, 0)):  # one a is near, two c are far
        found = knn(frame, 0, label="moa", k=3, temperature=temperature, permutations=0)
        assert values(found, "recall")["a"] == recall


def test_knn_chance_is_that_of_shuffled_labels():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], [75, 25])
    found = knn(table_of(labels, rng.normal(size=(100, 4))), 0, label="moa", permutations=200)
    chance = found[found["metric"] == "chance_accuracy"]
    assert chance["repeat"].tolist() == list(range(200))
    assert chance["value"].mean() == pytest.approx(0.75**2 + 0.25**2, abs=0.02)


def test_chance_of_replicates_is_that_of_wells_moved_alone_also_beside_positive_controls():
    """Ten treatments of two wells each, alike, and positive controls, whose wells are independent of each other."""
    X = np.repeat(np.random.default_rng(0).normal(size=(12, 30)), 2, axis=0)
    names = np.repeat([*"abcdefghij", "p", "p"], 2)
    frame = table_of(names, X).assign(Metadata_treatment=names, Metadata_control=np.where(names == "p", "positive", ""))
    for own in (frame, frame[frame["Metadata_control"] == ""]):
        found = knn(own, 0, label="treatment", permutations=100)
        assert values(found, "accuracy")[""] == 1
        assert found.loc[found["metric"] == "chance_accuracy", "value"].mean() < 0.15


def test_knn_does_not_count_replicates_that_are_excluded():
    X = np.repeat(np.random.default_rng(0).normal(size=(10, 30)), 3, axis=0)
    X += 0.01 * np.random.default_rng(1).normal(size=X.shape)
    frame = table_of(["a", "b"] * 15, X).assign(Metadata_treatment=np.repeat(list("abcdefghij"), 3))
    frame["Metadata_moa"] = np.repeat(["m", "n"] * 5, 3)  # a mechanism says nothing of the profile
    assert values(knn(frame, 0, label="moa"), "accuracy")[""] == 1
    assert values(knn(frame, 0, label="moa", diffby=["treatment"]), "accuracy")[""] < 0.9


def test_knn_parts_controls_of_the_evaluation_half():
    frame = standardised(plates=1, controls=8, positives=4, effect=4.0)
    found = knn(frame, 0, label="control", controls=True)
    assert values(found, "accuracy")[""] == 1
    assert found.set_index("metric").loc["accuracy", "n"] == 8
    assert values(found, "left_out")["negative controls"] == 4


def test_knn_counts_what_it_leaves_out():
    frame = screen(plates=2, treatments=4, controls=6).assign(Metadata_moa="x")
    frame.loc[frame["Metadata_treatment"] == "t003", "Metadata_moa"] = ""
    frame.loc[frame["Metadata_treatment"] == "t002", "Metadata_moa"] = "y"
    assert values(knn(frame, 0, label="moa"), "left_out") == {"negative controls": 12, "no moa": 2, "no neighbour": 0}


def test_knn_without_neighbours_or_labels_is_undecidable():
    assert undecided(knn(screen(plates=1), 0, diffby=["plate"]), "accuracy") == "one plate in all 10 profiles"
    assert undecided(knn(screen().assign(Metadata_moa=""), 0, label="moa"), "accuracy") == "no profile with a moa"
    assert "one moa, x, in all 40" in undecided(knn(screen().assign(Metadata_moa="x"), 0, label="moa"), "accuracy")
    few = screen(plates=2).groupby("Metadata_Plate").head(9).query("Metadata_control == ''")  # each plate its batch
    few = few.assign(Metadata_moa=["x", "y"], Metadata_batch=["1", "1"], Metadata_Plate=["p", "q"])
    found = undecided(knn(few, 0, label="moa", diffby=["plate", "batch"]), "accuracy")
    assert found == "one batch in all 2 profiles"


# ---- average precision ---------------------------------------------------------------------------------------


def loop_average_precision(frame):
    """Average precision of every treated well, from its definition."""
    meta, X = tables.split(frame)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    found = {}
    for i in np.flatnonzero(meta["Metadata_control"] == ""):
        same = (meta["Metadata_treatment"] == meta["Metadata_treatment"][i]) & (meta.index != i)
        other = (meta["Metadata_control_use"] == "evaluate") & (meta["Metadata_Plate"] == meta["Metadata_Plate"][i])
        rows = np.flatnonzero(same | other)
        ranked = rows[np.argsort(-(U[rows] @ U[i]))]
        hits = [rank for rank, j in enumerate(ranked, 1) if same[j]]
        found[i] = np.mean([(n + 1) / rank for n, rank in enumerate(hits)])
        oracle = average_precision_score(same[rows], U[rows] @ U[i])
        assert found[i] == pytest.approx(oracle)
    return pd.Series(found).groupby(meta["Metadata_treatment"]).mean()


def test_average_precision_is_the_loop_and_scikit_learn():
    frame = screen(plates=3, treatments=6, controls=9, effect=0.5)
    found = values(average_precision(frame, 0, null_size=10), "mean_average_precision")
    expected = loop_average_precision(frame)
    assert found.pop("") == pytest.approx(expected.mean())
    assert found == pytest.approx(expected.to_dict())


def test_average_precision_is_that_of_copairs(tmp_path):
    copairs = pytest.importorskip("copairs.map")
    frame = tables.join(*tables.split(screen(plates=3, treatments=6, controls=9, effect=0.5)))
    frame = frame[frame["Metadata_control_use"] != "fit"]
    meta, X = tables.split(frame)
    # copairs pairs by columns: every control its own treatment; negatives are pairs of a treated well and a control
    treatment, control = meta["Metadata_treatment"].astype(str), meta["Metadata_control"] == "negative"
    meta["id"] = np.where(control, treatment + meta["Metadata_Plate"] + meta["Metadata_Well"], treatment)
    each = copairs.average_precision(
        meta, X.astype(np.float32), ["id"], [], ["Metadata_Plate"], ["Metadata_control", "id"], progress_bar=False
    ).dropna(subset="average_precision")
    each = each[each["Metadata_control"] != "negative"].groupby("id")
    found = average_precision(frame, 0, null_size=10)
    for ours, theirs in (
        ("mean_average_precision", "average_precision"),
        ("mean_normalised_average_precision", "normalized_average_precision"),
    ):
        own = values(found, ours)
        own.pop("")
        assert own == pytest.approx(each[theirs].mean().to_dict(), abs=1e-5)


@pytest.mark.dag
def test_chance_precision_is_the_mean_of_random_rankings():
    rng = np.random.default_rng(0)
    truth = np.repeat([True, False], [3, 8])
    random = [average_precision_score(truth, rng.random(11)) for _ in range(800)]
    assert chance_precision(3, 8) == pytest.approx(np.mean(random), abs=0.02)


def test_ties_count_against_the_treatment():
    pool = Pool.of(np.ones((5, 1)), np.zeros(5), np.arange(5))
    np.testing.assert_allclose(pool.average_precisions(np.array([[[0, 1]]])), 1 / 4)
    np.testing.assert_allclose(pool.average_precisions(np.array([[[0, 1, 4]]])), (1 / 3 + 2 / 4) / 2)


@pytest.mark.slow
def test_p_values_are_uniform_where_nothing_is_active():
    screens = [screen(seed, plates=3, treatments=1, controls=20, D=8, shift=1.0) for seed in range(150)]
    p = np.array([values(average_precision(s, 0, null_size=199), "p_value")["t000"] for s in screens])
    assert kstest(p, "uniform").pvalue > 0.01
    assert (p <= 0.05).mean() < 0.1


@pytest.mark.dag
def test_active_treatments_are_found_and_the_others_are_not():
    strong, weak = (standardised(plates=4, treatments=40, controls=32, D=32, effect=e) for e in (1.0, 0.0))
    found = average_precision(strong, 0)
    assert values(found, "fraction_active")[""] >= 0.95
    assert min(values(found, "p_value").values()) == 1 / 1001
    assert values(average_precision(weak, 0), "fraction_active")[""] == 0


@pytest.mark.dag
def test_power_is_more_than_that_of_copairs(tmp_path):
    copairs = pytest.importorskip("copairs.map")
    frame = standardised(plates=4, treatments=40, controls=32, effect=0.5, D=32)
    ours = values(average_precision(frame, 0), "p_value")
    meta, X = tables.split(frame[frame["Metadata_control_use"] != "fit"])
    treatment, control = meta["Metadata_treatment"].astype(str), meta["Metadata_control"] == "negative"
    meta["id"] = np.where(control, treatment + meta["Metadata_Plate"] + meta["Metadata_Well"], treatment)
    each = copairs.average_precision(
        meta, X.astype(np.float32), ["id"], [], ["Metadata_Plate"], ["Metadata_control", "id"], progress_bar=False
    ).dropna(subset="average_precision")
    each = each[each["Metadata_control"] != "negative"].reset_index(drop=True)
    theirs = copairs.mean_average_precision(
        each, ["id"], null_size=1000, threshold=0.05, seed=0, cache_dir=tmp_path, progress_bar=False
    )
    assert (np.array(list(ours.values())) < 0.05).mean() > (theirs["p_value"] < 0.05).mean()


def test_a_new_treatment_leaves_the_p_values_of_others_alone():
    """Of many treatments two more or less do not decide whether plates have one layout."""
    frame = screen(plates=3, treatments=24, effect=0.5)
    fewer = frame[~frame["Metadata_treatment"].isin(["t000", "t004"])]
    all_p, some_p = (values(average_precision(f, 0, null_size=50), "p_value") for f in (frame, fewer))
    assert all(all_p[item] == p for item, p in some_p.items())


@pytest.mark.parametrize("name", ["average_precision", "assay_quality"])
def test_the_order_of_rows_does_not_matter(name):
    frame = screen(plates=3, positives=3, effect=0.5)
    one, other = (MEASURES[name](f, 0) for f in (frame, frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(one, other)


def test_other_treatments_can_be_the_negatives():
    frame = standardised(plates=3, treatments=12, effect=1.0, controls=0, D=32)
    found = average_precision(frame, 0, negatives="others", null_size=200)
    assert values(found, "fraction_active")[""] > 0.8


def test_few_wells_cannot_be_active_and_that_is_said():
    frame = screen(plates=1, treatments=3, controls=6, effect=0.0)
    frame.loc[frame["Metadata_control"] == "", "emb_0000"] = 1e4
    frame["Metadata_treatment"] = frame["Metadata_treatment"].replace({"t001": "t000"})
    found = average_precision(frame, 0)
    assert values(found, "mean_average_precision")["t000"] == 1
    assert values(found, "fraction_decidable")[""] == 0  # 5 wells choose 2: p is 1/10 at best
    assert undecided(found, "fraction_active") == "too few wells for a p-value below 0.05"
    assert values(found, "p_value")["t000"] >= 0.1
    assert not values(found, "q_value")
    assert values(found, "left_out") == {"no negative on its plate": 0, "no replicate": 1}


def test_plates_without_controls_are_counted():
    frame = screen(plates=3, treatments=5)
    frame = frame[(frame["Metadata_Plate"] != "p1") | (frame["Metadata_control"] == "")]
    assert values(average_precision(frame, 0, null_size=10), "left_out")["no negative on its plate"] == 5


def test_fields_and_screens_without_replicates_are_refused():
    with pytest.raises(InputError, match="level: well"):
        average_precision(screen().assign(Metadata_Site="1"), 0)
    reason = "no treatment in 18 wells has replicates, and negatives on their plates"
    assert undecided(average_precision(screen(plates=1), 0), "fraction_active") == reason


# ---- mechanisms ----------------------------------------------------------------------------------------------


def bbbc021(name):
    """Treatment table of BBBC021 from the wells of `name`, with compound, dose, batch (week) and mechanism."""
    if not BBBC021.is_dir():
        pytest.skip("the BBBC021 profiles are not here")
    return {"selected": selected, "z_scored": z_scored}[name]()


def selected():
    table = pd.read_csv(BBBC021 / "BBBC021_feature_selected_mad_robustize.csv.gz", keep_default_na=False)
    wells = table[[f"Metadata_{c}" for c in ("Plate", "Well", "Compound", "Concentration", "moa")]]
    X = table.drop(columns=list(wells)).apply(pd.to_numeric, errors="coerce").fillna(0)
    return as_profiles(wells, X.to_numpy())


def z_scored():
    """Per plate, in units of the deviation of its DMSO wells; features that explode are dropped."""
    images = pd.read_csv(BBBC021 / "BBBC021_v1_image.csv.gz").drop_duplicates(
        keys := ["Image_Metadata_Plate_DAPI", "Image_Metadata_Well_DAPI"]
    )
    table = pd.read_csv(BBBC021 / "ljosa_jbiomolscreen_2013_per_well_mean.csv.gz").merge(
        images[[*keys, "Image_Metadata_Compound", "Image_Metadata_Concentration"]],
        left_on=["Image_Metadata_Plate", "Image_Metadata_Well"], right_on=keys,
    ).merge(
        pd.read_csv(BBBC021 / "BBBC021_v1_moa.csv"), how="left",
        left_on=["Image_Metadata_Compound", "Image_Metadata_Concentration"], right_on=["compound", "concentration"],
    )  # fmt: skip
    wells = table[["Image_Metadata_Plate", "Image_Metadata_Well", "compound", "concentration", "moa"]]
    drop = [c for c in table if c in (*wells, *keys) or "Metadata" in c or "Center_" in c or "Location" in c]
    X, dmso = table.drop(columns=drop), table["compound"] == "DMSO"
    of_plate = wells["Image_Metadata_Plate"]
    mean, sd = (getattr(X[dmso].groupby(of_plate[dmso]), f)().loc[of_plate].to_numpy() for f in ("mean", "std"))
    Z = (X.to_numpy() - mean) / (sd + 1e-9)
    keep = np.isfinite(Z).all(axis=0) & (Z[dmso].std(axis=0) < 10)
    assert keep.sum() == 476
    return as_profiles(wells, Z[:, keep].clip(-50, 50))


def as_profiles(wells, X):
    wells = wells.set_axis(["plate", "well", "treatment", "dose", "moa"], axis=1)
    wells = wells.assign(batch=wells["plate"].str.split("_").str[0])
    wells["control"] = np.where(wells["treatment"] == "DMSO", "negative", "")
    return profiles(wells, X)


@pytest.mark.dag
@pytest.mark.parametrize(
    ("wells", "statistic", "nsc", "nscb"),
    [("selected", "median", 94, 69), ("z_scored", "median", 80, 65), ("z_scored", "mean", 86, None)],
)
def test_mechanisms_of_bbbc021(wells, statistic, nsc, nscb):
    found = nearest_class(consensus(bbbc021(wells), statistic=statistic), 0)
    assert values(found, "nsc")[""] == nsc / 103
    if nscb:
        assert values(found, "nscb")[""] == nscb / 92
    assert values(found, "left_out")["negative controls"] == 1
    chance = found[found["metric"] == "nsc_chance"]["value"].mean()
    assert chance < 0.12  # twelve classes
    assert values(found, "nsc_low")[""] < nsc / 103 < values(found, "nsc_high")[""]


def test_forgetting_to_exclude_the_compound_looks_like_success():
    frame = consensus(bbbc021("selected"), statistic="median")
    honest = values(knn(frame, 0, label="moa", diffby=["treatment"], permutations=0), "accuracy")[""]
    assert honest == 94 / 103
    assert values(knn(frame, 0, label="moa", permutations=0), "accuracy")[""] > honest


def planted(effect, seed=0):
    """Twelve compounds of four mechanisms in two batches, three doses each, one row per treatment."""
    rng = np.random.default_rng(seed)
    rows = [(f"c{c:02d}", dose, f"m{c % 4}", f"b{c // 6}") for c in range(12) for dose in (1.0, 2.0, 4.0)]
    wells = pd.DataFrame(rows, columns=["treatment", "dose", "moa", "batch"]).assign(plate="p", control="")
    wells["well"] = [f"A{i:02d}" for i in range(len(wells))]
    directions = rng.normal(size=(4, 12))
    X = effect * directions[wells["moa"].str[1].astype(int)] + rng.normal(size=(len(wells), 12))
    return profiles(wells, X)


def test_planted_mechanisms_are_recovered_and_none_where_there_are_none():
    found, null = nearest_class(planted(3.0), 0), nearest_class(planted(0.0), 0)
    assert values(found, "nsc")[""] == values(found, "nscb")[""] == 1
    assert len(values(found, "nsc_treatment")) == 36
    assert values(found, "nsc_class") == {"m0": 1, "m1": 1, "m2": 1, "m3": 1}
    assert values(null, "nsc")[""] < 0.6


def test_chance_keeps_the_doses_of_a_compound_together():
    frame = planted(0.0)
    meta, X = tables.split(frame)
    X = np.repeat(X[::3], 3, axis=0) + np.tile([[0], [0.001], [0.002]], (12, 12))  # doses hardly differ
    found = nearest_class(tables.join(meta, X), 0)
    right = found[found["metric"] == "nsc_chance"]["value"] * 36
    assert (right % 3 == 0).mean() > 0.9


def test_mechanisms_of_one_compound_are_left_out_and_counted():
    frame = planted(3.0)
    frame.loc[frame["Metadata_treatment"] == "c00", "Metadata_moa"] = "alone"
    frame.loc[frame["Metadata_treatment"] == "c01", "Metadata_moa"] = ""
    found = nearest_class(frame, 0)
    assert values(found, "left_out")["nsc: nothing to match"] == 3
    assert values(found, "left_out")["no moa"] == 3
    assert found.set_index("metric").loc["nsc", "n"] == 30


def test_one_label_in_common_is_enough():
    frame = planted(3.0)
    frame["Metadata_moa"] += np.where(frame["Metadata_batch"] == "b0", "|x", "|y")
    assert values(nearest_class(frame, 0), "nscb")[""] == 1


def test_mechanisms_without_pairs_are_undecidable():
    frame = planted(3.0)
    found = nearest_class(frame.assign(Metadata_moa=frame["Metadata_treatment"]), 0)
    for metric, columns in (("nsc", "treatment"), ("nscb", "treatment and batch")):
        assert undecided(found, metric) == f"no two of 36 profiles with a moa in common differ in {columns}"
    assert undecided(nearest_class(frame.assign(Metadata_moa="m"), 0), "nsc") == "one moa, m, in all 36 profiles"
    assert undecided(nearest_class(frame.assign(Metadata_moa=""), 0), "nsc") == "no profile with a moa"


def test_one_batch_takes_nscb_away_and_leaves_nsc():
    frame = planted(3.0)
    alone, both = nearest_class(frame.assign(Metadata_batch="1"), 0), nearest_class(frame, 0)
    assert undecided(alone, "nscb") == "one batch in all 36 profiles"
    assert values(alone, "nsc") == values(both, "nsc")


# ---- controls and doses --------------------------------------------------------------------------------------


def test_z_prime_and_ssmd_by_hand():
    neg, pos = np.array([0.0, 2]), np.array([10.0, 14])
    assert z_prime(neg, pos) == pytest.approx(1 - 3 * (np.sqrt(2) + np.sqrt(8)) / 11)
    assert ssmd(neg, pos) == pytest.approx(11 / np.sqrt(10))


def test_one_dimension_gives_the_textbook_z_prime():
    frame = screen(plates=2, positives=4, D=1, effect=20.0)
    found = assay_quality(frame, 0)
    for plate in ("p0", "p1"):
        here = frame[frame["Metadata_Plate"] == plate]
        neg = here.loc[here["Metadata_control_use"] == "evaluate", "emb_0000"].to_numpy()
        pos = here.loc[here["Metadata_control"] == "positive", "emb_0000"].to_numpy()
        assert values(found, "z_prime_optimistic")[plate] == pytest.approx(z_prime(neg, pos), rel=1e-5)
        assert abs(values(found, "ssmd_optimistic")[plate]) == pytest.approx(abs(ssmd(neg, pos)), rel=1e-5)


def test_every_control_is_placed_on_axes_without_it():
    rng = np.random.default_rng(0)
    neg, pos = rng.normal(size=(4, 6)), rng.normal(size=(3, 6)) + 2
    places = np.zeros((4, 3, 2))
    for i, j in np.ndindex(4, 3):
        axis = np.delete(pos, j, 0).mean(axis=0) - np.delete(neg, i, 0).mean(axis=0)
        places[i, j] = neg[i] @ axis / (axis @ axis), pos[j] @ axis / (axis @ axis)
    found = _held_out(neg, pos)
    np.testing.assert_allclose(found[0], places[..., 0].mean(axis=1))
    np.testing.assert_allclose(found[1], places[..., 1].mean(axis=0))


@pytest.mark.dag
def test_wells_held_out_of_the_axis_are_not_fooled_by_noise():
    found = [assay_quality(screen(seed, plates=1, controls=8, positives=4, D=300), 0) for seed in range(20)]
    known, held_out = (np.array([values(f, metric)[""] for f in found]) for metric in ("ssmd_optimistic", "ssmd"))
    assert known.min() > 2  # noise, and yet strong
    assert abs(np.mean(held_out)) < 0.5


def test_good_controls_are_told_from_bad_ones():
    good, bad = (assay_quality(screen(plates=3, positives=4, effect=e), 0) for e in (30.0, 0.0))
    assert values(good, "z_prime")[""] > 0.5
    assert values(bad, "z_prime")[""] < 0
    assert len(values(good, "z_prime")) == 4


def test_missing_positive_controls_are_undecidable():
    assert "0 positive and 32 negative controls" in undecided(assay_quality(screen(), 0), "z_prime")
    two = screen(controls=2, positives=2)  # one of each plate in the evaluation half
    assert "8 positive and 8 negative controls" in undecided(assay_quality(two, 0), "z_prime")


def dosed(effect, doses=(0.1, 1, 10, 100)):
    """Eight controls and two compounds, whose distance from the controls grows with the rank of the dose."""
    rng = np.random.default_rng(0)
    rows = [("DMSO", np.nan, "negative")] * 8 + [(t, d, "") for t in "xy" for d in doses for _ in range(3)]
    wells = pd.DataFrame(rows, columns=["treatment", "dose", "control"]).assign(plate="p", batch="b")
    wells["well"] = [f"A{i:02d}" for i in range(len(wells))]
    rank = wells["dose"].rank(method="dense").fillna(0).to_numpy()
    return profiles(wells, rng.normal(size=(len(wells), 20)) + effect * rank[:, None])


def test_dose_response_is_seen_and_only_where_there_is_one():
    found = dose_response(dosed(1.0), 0)
    assert values(found, "spearman")["x"] > 0.9
    assert found.set_index(["metric", "item"]).loc[("spearman", "y"), "n"] == 12
    assert abs(values(dose_response(dosed(0.0), 0), "spearman")["x"]) < 0.7


def test_dose_response_needs_three_doses():
    frame = dosed(1.0)
    frame.loc[(frame["Metadata_treatment"] == "y") & (frame["Metadata_dose"] > 1), "Metadata_dose"] = 1
    found = dose_response(frame, 0)
    assert list(values(found, "spearman")) == ["", "x"]
    assert list(values(found, "left_out").values()) == [12, 0, 0, 1, 0]  # of wells; of x, why there is no EC50


def test_too_few_doses_are_undecidable():
    assert undecided(dose_response(screen(), 0), "spearman") == "no column dose in the wells table"
    found = undecided(dose_response(dosed(1.0, doses=(1, 2)), 0), "spearman")
    assert found.startswith("no treatment of three doses or more; 12 of 12 wells have a dose")
    assert "0 of 0 wells" in undecided(dose_response(dosed(1.0).head(8), 0), "spearman")


# ---- all of them ---------------------------------------------------------------------------------------------


@pytest.mark.dag
@pytest.mark.parametrize("name", sorted(MEASURES))
def test_results_are_tidy_reproducible_and_keep_odd_names(name, tmp_path):
    frame = screen(plates=4, treatments=len(ODD), positives=3, effect=2.0)
    for i, treatment in enumerate(ODD):
        frame["Metadata_treatment"] = frame["Metadata_treatment"].replace({f"t{i:03d}": treatment})
    frame["Metadata_moa"] = frame["Metadata_treatment"].map(dict(zip(ODD, ["µ-<b>"] * 3 + ['"/'] * 3, strict=True)))
    frame["Metadata_dose"] = frame["Metadata_Plate"].str[1].astype(float)
    frame["Metadata_set"] = np.where(frame["Metadata_treatment"].isin(ODD[::2]), "train", "test")
    if name == "own_head":  # scores of the classes
        frame = frame.drop(columns=[c for c in frame if c.startswith("emb_")][2:])
    found = [MEASURES[name](frame, 0, **SHORT.get(name, {})) for _ in range(2)]
    for file, one in zip("ab", found, strict=True):
        table_files.write(one, tmp_path / file, "answers")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back = pd.read_parquet(tmp_path / "a")
    assert list(back) == ["metric", "item", "repeat", "value", "n"]
    assert not back.duplicated(["metric", "item", "repeat"]).any()
    assert (np.isfinite(back["value"]) == (back["metric"] != "undecidable")).all()
    if name in ("average_precision", "dose_response"):
        assert set(ODD) <= set(back["item"])
    if name == "nearest_class":
        assert {"µ-<b>", '"/'} <= set(back["item"])
