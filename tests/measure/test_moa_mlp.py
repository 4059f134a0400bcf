"""The network for mechanisms: the published split, scikit-learn's average precision, chance, what is held out."""

import json

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, undecided, values
from paths import SHARED
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score
from wellread.measure import held_out, mlp, multi_label
from wellread.measure.moa_mlp import moa_mlp
from wellread.measure.tidy import multi_hot
from wellread.runtime.errors import InputError
from wellread.train import shares

QUICK = {"repeats": 1, "folds": 2, "width": 32}
LINCS = SHARED / "data" / "lincs_moa_metadata" / "repurposing_info_external_moa_map_resolved.tsv"


def screen(effect=1.0, compounds=60, moas=6, wells=4, seed=0, D=12, **columns):
    """Wells of compounds of one or two mechanisms, each with a direction of its own."""
    rng = np.random.default_rng(seed)
    labels = [f"m{c % moas}" + (f"|m{(c + 2) % moas}" if c % 5 == 0 else "") for c in range(compounds)]
    directions = rng.normal(size=(moas, D))
    own = np.array([sum(directions[int(name[1:])] for name in label.split("|")) for label in labels])
    of = np.repeat(np.arange(compounds), wells)
    table = {
        "plate": [f"p{i % 3}" for i in range(len(of))],
        "well": [f"A{i:03d}" for i in range(len(of))],
        "batch": "b",
    }
    table |= {"treatment": [f"c{c:03d}" for c in of], "control": "", "moa": np.array(labels)[of], **columns}
    return profiles(pd.DataFrame(table), effect * own[of] + rng.normal(size=(len(of), D)))


def mean(table, metric):
    return table.loc[(table["metric"] == metric) & (table["item"] == ""), "value"].mean()


@pytest.mark.skipif(not SHARED.exists(), reason="without the published split")
def test_the_split_is_the_published_one():
    golden = json.loads((SHARED / "golden" / "moa_split.json").read_text())
    trains = held_out.moa_split(
        {name: moas.split("|") for name, moas in golden["compound_moa"].items()}, golden["seed"]
    )
    assert sorted(name for name, own in trains.items() if own) == golden["train"]
    assert sorted(name for name, own in trains.items() if not own) == golden["test"]


@pytest.mark.dag
@pytest.mark.skipif(not LINCS.exists(), reason="without the mechanisms of LINCS")
def test_knowing_only_frequencies_gives_a_micro_ap_well_above_the_base_rate_and_a_macro_ap_at_it():
    table = pd.read_csv(LINCS, sep="\t").dropna(subset=["moa"]).drop_duplicates("broad_id")
    trains = held_out.moa_split(dict(zip(table["broad_id"], table["moa"].str.lower().str.split("|"), strict=True)))
    test = ~table["broad_id"].map(trains).to_numpy()
    Y = multi_hot(table["moa"].str.lower())[1]
    assert not (Y[test].any(axis=0) & ~Y[~test].any(axis=0)).any()  # every mechanism of test is in training
    kept = Y[test].any(axis=0)  # 271 of 494: the columns that are scored, as published
    prior = np.tile(Y[~test].mean(axis=0), (test.sum(), 1))
    found, base = multi_label.average_precisions(Y[test][:, kept], prior[:, kept]), Y[test][:, kept].mean()
    assert found["macro_ap"] == pytest.approx(base)
    assert found["micro_ap"] / base == pytest.approx(2.26, abs=0.01)
    of_all = average_precision_score(Y[test], prior, average="micro") / Y[test].mean()
    assert of_all == pytest.approx(3.97, abs=0.01)  # since columns without a true one lower the base rate to .55 of it
    assert found["macro_ap"] / Y[test].mean() > 1.8  # which then is no longer what macro AP is by chance


@pytest.mark.dag
def test_mechanisms_of_unseen_compounds_are_found_and_permuted_ones_are_not():
    table = moa_mlp(screen(), 0, **QUICK | {"repeats": 2}, permutations=2)
    base = mean(table, "base_rate")
    assert mean(table, "micro_ap") > 3 * base
    assert mean(table, "macro_ap") > 3 * base
    assert mean(table, "chance_macro_ap") < 1.7 * base
    assert mean(table, "prior_macro_ap") == pytest.approx(base)
    assert mean(table, "micro_ap_low") < mean(table, "micro_ap") < mean(table, "micro_ap_high")
    repeats = table[(table["metric"] == "micro_ap") & (table["item"] == "")]
    assert repeats["repeat"].tolist() == [0, 1]
    assert repeats["value"].nunique() == 2
    of_classes = table[table["metric"] == "ap"].groupby("repeat")["value"].mean()
    np.testing.assert_allclose(of_classes, table.loc[table["metric"] == "macro_ap", "value"])
    pd.testing.assert_frame_equal(table, moa_mlp(screen(), 0, **QUICK | {"repeats": 2}, permutations=2))


@pytest.mark.dag
def test_noise_is_at_chance():
    table = moa_mlp(screen(effect=0, compounds=120), 0, **QUICK, permutations=0)
    assert mean(table, "macro_ap") < 1.5 * mean(table, "base_rate")


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    Y, P = rng.random((40, 7)) < 0.3, rng.random((40, 7))
    found = multi_label.average_precisions(Y, P)
    assert found["micro_ap"] == average_precision_score(Y.ravel(), P.ravel())
    assert found["macro_ap"] == pytest.approx(
        np.mean([average_precision_score(*pair) for pair in zip(Y.T, P.T, strict=True)])
    )
    units = np.repeat(np.arange(10), 4)
    weights = rng.integers(0, 3, (5, 10))
    expected = [average_precision_score(Y.ravel(), P.ravel(), sample_weight=np.repeat(w[units], 7)) for w in weights]
    np.testing.assert_allclose(multi_label.resampled_micro_ap(Y, P, units, weights), expected)


def test_inputs_are_scaled_by_those_that_train():
    rng = np.random.default_rng(2)
    X, other = rng.normal(size=(30, 6)) * 5 + 3, rng.normal(size=(8, 6))
    fitted, told = mlp.with_components(X, [other], 4)
    full = np.column_stack([X, X.mean(axis=1)])
    scaled = (full - full.mean(axis=0)) / full.std(axis=0)
    np.testing.assert_allclose(fitted[:, :7], scaled, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(abs(fitted[:, 7:]), abs(PCA(4).fit_transform(scaled)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(told[:, :6], (other - X.mean(axis=0)) / X.std(axis=0), rtol=1e-4, atol=1e-5)


def test_folds_divide_no_compound_and_share_its_mechanisms():
    compounds = np.repeat([f"c{i:02d}" for i in range(40)], 3)
    Y = np.eye(4, dtype=bool)[np.repeat(np.arange(40) % 4, 3)]
    fold = shares.folds_of(compounds, Y, 5, 0)
    own = pd.DataFrame({"fold": fold, "compound": compounds, "moa": Y.argmax(axis=1)})
    assert own.groupby("compound")["fold"].nunique().max() == 1
    assert own.drop_duplicates("compound").groupby(["moa", "fold"]).size().eq(2).all()
    assert (fold != shares.folds_of(compounds, Y, 5, 1)).any()


def test_groups_are_dealt_whole_to_three_sets_with_every_class_in_train_and_test():
    rng = np.random.default_rng(3)
    groups = np.repeat([f"g{i:02d}" for i in range(50)], 4)
    labels = np.repeat([f"m{i % 7}" + ("|m0" if i % 3 == 0 else "") for i in range(50)], 4)
    order = rng.permutation(len(groups))
    own = held_out.dealt(groups[order], labels[order], 0)
    table = pd.DataFrame({"group": groups[order], "label": labels[order], "set": own})
    assert table.groupby("group")["set"].nunique().max() == 1
    shares = table["set"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.6, abs=0.1)
    assert shares["test"] == pytest.approx(0.2, abs=0.1)
    sets = table.assign(label=table["label"].str.split("|")).explode("label").groupby("label")["set"]
    assert all({"train", "test"} <= set(one) for _, one in sets)


@pytest.mark.dag
def test_a_split_that_divides_a_compound_is_refused_and_one_that_does_not_is_used():
    frame = screen(compounds=20, part=np.repeat(["train", "test"], 40))
    assert held_out.divided(frame, "part", "treatment", "x") is None
    assert mean(moa_mlp(frame, 0, split="part", **QUICK, permutations=0), "macro_ap") > 0
    frame["Metadata_part"] = ["train", "test"] * 40
    with pytest.raises(InputError, match=r"c000.*and 15 more"):
        moa_mlp(frame, 0, split="part", **QUICK)
    assert held_out.divided(frame, "part", "", "x") is None


@pytest.mark.dag
def test_what_cannot_be_held_out_is_said():
    table = moa_mlp(screen(compounds=2, moas=2), 0, **QUICK)
    assert "cannot be held out" in undecided(table, "micro_ap")
    frame = screen()
    frame.loc[frame["Metadata_treatment"] == "c007", "Metadata_moa"] = "lonely"
    assert values(moa_mlp(frame, 0, **QUICK), "left_out")["lonely: one treatment, which cannot be held out"] == 4


@pytest.mark.dag
def test_wells_of_a_dose_alone_are_what_a_screen_of_that_dose_is():
    frame = screen(wells=2, dose=np.tile([10.0, 9.0], 60))
    frame.loc[frame["Metadata_treatment"] != "c000", "Metadata_dose"] = frame["Metadata_dose"].replace(9.0, 3.0)
    table = moa_mlp(frame, 0, **QUICK, permutations=0, by="dose")
    of = table[table["metric"] == "micro_ap_of"].set_index("item")
    assert of.index.tolist() == ["dose 3", "dose 10"]
    alone = moa_mlp(frame[frame["Metadata_dose"] == 10], 0, **QUICK, permutations=0)
    assert of.loc["dose 10", "value"] == pytest.approx(mean(alone, "micro_ap"))
    assert of.loc["dose 10", "n"] == alone.loc[alone["metric"] == "micro_ap", "n"].iloc[0]
    assert any("dose 9: 1 of compounds" in item for item in table.loc[table["metric"] == "left_out", "item"])
