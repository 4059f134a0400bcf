"""What heads say of the test set: scikit-learn's F1, chance, other classes, split groups."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, undecided, values
from sklearn.metrics import accuracy_score, f1_score
from wellread.measure.own_head import own_head
from wellread.measure.tidy import multi_hot
from wellread.runtime.errors import InputError


def screen(several=True, classes=4, genes=24, seed=0):
    """Four wells of a gene, half of the genes in test, with scores near the truth."""
    rng, of = np.random.default_rng(seed), np.repeat(np.arange(genes), 4)
    labels = np.array([f"p{g % classes}" + (f"|p{(g + 1) % classes}" if several and g % 3 == 0 else "") for g in of])
    table = pd.DataFrame({"plate": "P1", "well": [f"A{i:03d}" for i in range(len(of))], "batch": "b", "control": ""})
    table = table.assign(treatment=[f"g{g:02d}" for g in of], place=labels, set=np.where(of // 4 % 2, "train", "test"))
    Y = multi_hot(labels)[1]
    return profiles(table, Y - 0.5 + 0.45 * rng.normal(size=Y.shape)), Y, of // 4 % 2 == 0


@pytest.mark.parametrize("several", [True, False])
def test_scores_are_those_of_scikit_learn_on_the_test_set(several):
    frame, Y, test = screen(several)
    found = own_head(frame, 0, label="place", permutations=3)
    X = frame.filter(like="emb_").to_numpy()[test]
    predicted = X > 0 if several else np.eye(4, dtype=bool)[X.argmax(axis=1)]
    assert values(found, "macro_f1")[""] == pytest.approx(f1_score(Y[test], predicted, average="macro"))
    assert values(found, "accuracy")[""] == pytest.approx(accuracy_score(Y[test], predicted))
    assert found.loc[found["metric"] == "macro_f1", "n"].item() == test.sum()
    assert values(found, "macro_f1_present_low")[""] < values(found, "macro_f1")[""]
    chance = found.loc[found["metric"] == "chance_macro_f1", "value"]
    assert chance.mean() < values(found, "macro_f1")[""] - 0.2
    assert values(found, "seen_in_training") == {"well": 0, "treatment": 0}


def test_a_head_of_other_classes_is_undecidable_and_a_divided_gene_refused():
    frame, _, _ = screen()
    less = frame.drop(columns="emb_0003")
    assert "tells 3 classes" in undecided(own_head(less, 0, label="place"), "macro_f1_present")
    frame["Metadata_set"] = ["train", "test"] * (len(frame) // 2)
    with pytest.raises(InputError, match="no treatment in test"):
        own_head(frame, 0, label="place")


def test_a_label_of_one_group_is_named():
    frame, _, _ = screen(several=False)
    frame.loc[frame["Metadata_treatment"] == "g01", "Metadata_place"] = "p4"
    frame["emb_0004"] = 0.0
    left = values(own_head(frame, 0, label="place", permutations=0), "left_out")
    assert left["p4: one treatment, which cannot be held out"] == 4
    assert not any("p0" in reason for reason in left)
