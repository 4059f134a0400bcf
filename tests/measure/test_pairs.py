"""Which profiles are compared: those that differ and agree in columns, of the test with the training set, of folds."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, undecided, values
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from wellread.measure.knn import knn
from wellread.measure.nearest_class import nearest_class
from wellread.profiles import similarity, tables

SET = np.array(["train", "validation", "test"])


def screen(seed=0, n=120):
    """Profiles of 24 compounds of 4 mechanisms on 3 plates of 2 cell lines, each compound in one of three sets."""
    rng = np.random.default_rng(seed)
    compound = rng.integers(0, 24, n)
    wells = pd.DataFrame({"plate": rng.choice(["p", "q", "r"], n), "treatment": [f"c{c:02d}" for c in compound]})
    wells = wells.assign(well=[f"A{i:03d}" for i in range(n)], batch=rng.choice(["1", "2"], n), control="")
    wells = wells.assign(moa=[f"m{c % 4}" for c in compound], line=rng.choice(["U2OS", "A549"], n))
    wells["part"] = SET[(compound // 4) % 3]
    directions = 0.7 * rng.normal(size=(4, 8))
    return profiles(wells, directions[compound % 4] + rng.normal(size=(n, 8)))


def votes(k=5):
    return KNeighborsClassifier(k, metric="cosine", weights=lambda d: np.exp((1 - d) / 0.07))


def test_pairs_are_those_of_a_loop(monkeypatch):
    monkeypatch.setattr(similarity, "BLOCK_ROWS", 7)
    meta = tables.split(screen(n=40))[0]
    folds = {"by": "treatment", "n": 3}
    codes, agreement = similarity.pair_codes(meta, ["plate", "batch+moa"], ["line"], "part", folds, 5)
    fold = similarity.fold_codes(meta, **folds, seed=5)[:, 0]
    found = np.vstack([allowed for _, allowed in similarity.neighbour_masks(codes, agreement)])
    rows = [row for _, row in meta.iterrows()]
    expected = [
        [
            i != j
            and a["Metadata_Plate"] != b["Metadata_Plate"]
            and (a["Metadata_batch"], a["Metadata_moa"]) != (b["Metadata_batch"], b["Metadata_moa"])
            and a["Metadata_line"] == b["Metadata_line"]
            and (a["Metadata_part"], b["Metadata_part"]) == ("test", "train")
            and fold[i] != fold[j]
            for j, b in enumerate(rows)
        ]
        for i, a in enumerate(rows)
    ]
    assert found.tolist() == expected
    assert 0 < found.sum() < 100


def test_the_test_set_is_answered_by_the_training_set_as_by_scikit_learn():
    frame = screen()
    meta, X = tables.split(frame)
    train, test = (meta["Metadata_part"] == name for name in ("train", "test"))
    guess = votes().fit(X[train], meta["Metadata_moa"][train]).predict(X[test])
    found = knn(frame, 0, label="moa", k=5, split="part", permutations=0)
    assert values(found, "accuracy")[""] == pytest.approx((guess == meta["Metadata_moa"][test]).mean())
    expected = balanced_accuracy_score(meta["Metadata_moa"][test], guess)
    assert values(found, "balanced_accuracy")[""] == pytest.approx(expected)
    assert found.set_index("metric").loc["accuracy", "n"] == test.sum()
    left_out = {"negative controls": 0, "no moa": 0, "no neighbour": 0}
    left_out["neither train nor test in part"] = (~(train | test)).sum()
    assert values(found, "left_out") == left_out


def test_folds_are_grouped_cross_validation_as_by_scikit_learn():
    frame = screen()
    meta, X = tables.split(frame)
    fold = similarity.fold_codes(meta, "treatment", 4, seed=9)[:, 0]
    assert sorted(set(fold)) == [0, 1, 2, 3]
    assert (pd.Series(fold).groupby(meta["Metadata_treatment"]).nunique() == 1).all()
    right = []
    for rest, own in GroupKFold(4).split(X, groups=fold):
        guess = votes().fit(X[rest], meta["Metadata_moa"].iloc[rest]).predict(X[own])
        right += (guess == meta["Metadata_moa"].iloc[own]).tolist()
    found = knn(frame, 9, label="moa", k=5, folds={"by": "treatment", "n": 4}, permutations=0)
    assert values(found, "accuracy")[""] == pytest.approx(np.mean(right))
    assert 0.3 < np.mean(right) < 0.95


def test_folds_depend_on_the_seed_and_hold_as_many_groups():
    meta = tables.split(screen())[0]
    folds = [similarity.fold_codes(meta, "treatment", 4, seed)[:, 0] for seed in (0, 0, 1)]
    assert (folds[0] == folds[1]).all()
    assert (folds[0] != folds[2]).any()
    groups = pd.DataFrame({"fold": folds[0], "of": meta["Metadata_treatment"]}).drop_duplicates()["fold"].value_counts()
    assert groups.max() - groups.min() <= 1


@pytest.mark.parametrize("rules", [{}, {"sameby": ["line"]}, {"diffby": ["plate"]}, {"split": "part"}], ids=str)
def test_nearest_class_is_a_loop(rules):
    frame = screen(2).drop_duplicates(["Metadata_treatment", "Metadata_line", "Metadata_Plate"])
    meta, X = tables.split(frame)
    if "split" in rules:
        keep = meta["Metadata_part"] != "validation"
        meta, X = meta[keep].reset_index(drop=True), X[keep]
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    columns = ["Metadata_treatment", *(tables.column(name) for name in rules.get("diffby", []))]
    agree = [tables.column(name) for name in rules.get("sameby", [])]
    n, moa = len(meta), meta["Metadata_moa"]
    value = {name: meta[name].to_numpy() for name in (*columns, *agree, "Metadata_part")}

    def may(i, j):
        parts = (value["Metadata_part"][i], value["Metadata_part"][j])
        return (
            all(value[name][i] != value[name][j] for name in columns)
            and all(value[name][i] == value[name][j] for name in agree)
            and ("split" not in rules or parts == ("test", "train"))
        )

    asked = [i for i in range(n) if any(may(i, j) and moa[i] == moa[j] for j in range(n))]
    pool = range(n) if "split" in rules else asked
    near = {i: max((j for j in pool if may(i, j)), key=lambda j: U[i] @ U[j]) for i in asked}
    found = nearest_class(frame, 0, **rules, permutations=3)
    assert values(found, "nsc")[""] == pytest.approx(np.mean([moa[i] == moa[j] for i, j in near.items()]))
    assert found.set_index("metric").loc["nsc", "n"] == len(asked)
    assert (found["metric"] == "nsc_chance").sum() == 3
    assert 0.2 < values(found, "nsc")[""] < 0.95


@pytest.mark.parametrize(
    "rules", [{"sameby": ["line"]}, {"split": "part"}, {"folds": {"by": "treatment", "n": 3}}], ids=str
)
@pytest.mark.parametrize("measure", [knn, nearest_class])
def test_the_order_of_rows_changes_no_answer(measure, rules):
    frame = screen()
    shuffled = frame.sample(frac=1, random_state=1)
    found = [measure(one, 0, label="moa", **rules, permutations=0) for one in (frame, shuffled)]
    found = [one[~one["metric"].str.endswith("_treatment")].sort_values(["metric", "item"]) for one in found]
    pd.testing.assert_frame_equal(*[one.reset_index(drop=True) for one in found])


def test_a_set_that_no_neighbour_is_in_is_undecidable():
    frame = screen().assign(Metadata_part="test")
    assert "neighbour" in undecided(knn(frame, 0, label="moa", split="part"), "accuracy")
    assert "in common" in undecided(nearest_class(frame, 0, split="part"), "nsc")
