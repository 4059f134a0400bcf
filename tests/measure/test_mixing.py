"""Mixing: average precision against scikit-learn, iLISI against its formula in a loop, chance where nothing is."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen, undecided, values
from sklearn.metrics import average_precision_score
from wellread.measure.mixing import label_precisions, mixing
from wellread.measure.tidy import multi_hot
from wellread.profiles import tables
from wellread.profiles.correct import correct


def wells(X, batch, treatment, **columns):
    n = len(X)
    given = {"plate": "p", "well": [f"A{i:03d}" for i in range(n)], "batch": batch, "treatment": treatment}
    given |= {"control": "", "control_use": "", "object_count": 9} | columns
    return tables.join(pd.DataFrame(given).rename(columns=tables.column), np.asarray(X, float))


def test_average_precisions_of_labels_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr("wellread.profiles.similarity.BLOCK_ROWS", 7)
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(30, 4)), rng.choice(["a", "b", "a|c", "d"], 30, p=[0.4, 0.3, 0.2, 0.1])
    labels[0] = "alone"
    U, sets = X / np.linalg.norm(X, axis=1, keepdims=True), [set(name.split("|")) for name in labels]
    (found,) = label_precisions(X, [multi_hot(labels)[1]])
    assert np.isnan(found[0])
    for i in range(1, 30):
        others = [j for j in range(30) if j != i]
        positive = [bool(sets[i] & sets[j]) for j in others]
        assert found[i] == pytest.approx(average_precision_score(positive, U[others] @ U[i]))
    answer = mixing(wells(X, np.tile(["1", "2"], 15), labels), 0, permutations=0)
    assert values(answer, "label_map")[""] == pytest.approx(found[1:].mean())
    assert values(answer, "label_map")["c"] == pytest.approx(found[labels == "a|c"].mean())


def inverse_simpson(X, batch, i, perplexity):
    """LISI of row i by its definition: weights exp(-beta d) whose entropy is log(perplexity), by bisection."""
    d = np.sort(np.delete(np.linalg.norm(X - X[i], axis=1), i))[: int(3 * perplexity)]
    order = [j for j in np.argsort(np.linalg.norm(X - X[i], axis=1), kind="stable") if j != i][: len(d)]
    low, high = 0.0, 1e4
    for _ in range(200):
        beta = (low + high) / 2
        p = np.exp(-beta * (d - d[0]))
        p /= p.sum()
        entropy = -(p * np.log(np.maximum(p, 1e-300))).sum()
        low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
    return 1 / sum(p[batch[order] == b].sum() ** 2 for b in set(batch))


def test_ilisi_is_its_formula():
    rng = np.random.default_rng(3)
    X, batch = rng.normal(size=(60, 5)), rng.choice(["1", "2", "3"], 60)
    X += (batch == "1")[:, None] * 1.0
    answer = mixing(wells(X, batch, rng.choice(list("ab"), 60)), 0, perplexity=8.0, components=5, permutations=0)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    by_hand = np.median([inverse_simpson(U, batch, i, 8.0) for i in range(60)])
    assert values(answer, "ilisi")[""] == pytest.approx((by_hand - 1) / 2, rel=1e-3)


def test_mixing_tells_plate_effects_from_effects_of_treatments():
    frame = screen(plates=4, treatments=30, effect=0.7, shift=1.0)
    before, after = (mixing(table, 0) for table in (frame, correct(frame, [{"standardize": {}}], seed=0)))
    for metric in ("ilisi", "label_map"):
        assert values(after, metric)[""] > values(before, metric)[""] + 0.1
    chance = after.loc[after["metric"] == "chance_ilisi", "value"]
    assert len(chance) == 5
    assert abs(values(after, "ilisi")[""] - chance.mean()) < 0.05
    assert values(after, "label_map")[""] > 3 * after.loc[after["metric"] == "chance_label_map", "value"].mean()


@pytest.mark.dag
@pytest.mark.parametrize("label", ["treatment", "moa"])
def test_labels_that_say_nothing_are_at_chance(label):
    """Compounds of four wells each are alike, and their mechanisms say nothing: labels are shuffled by compound."""
    differences = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        compound = np.repeat(np.arange(16), 4)
        X = rng.normal(size=(64, 5)) + 2 * rng.normal(size=(16, 5))[compound] * (label == "moa")
        moa = np.repeat(rng.permutation(np.repeat(list("klmn"), 4)), 4)
        frame = wells(X, np.tile(["1", "2"], 32), compound.astype(str), moa=moa)
        answer = mixing(frame, seed, label=label, permutations=10)
        chance = answer.loc[answer["metric"] == "chance_label_map", "value"]
        differences.append((values(answer, "label_map")[""] - chance.mean()) / values(answer, "label_map")[""])
    assert abs(np.mean(differences)) < 0.1


def test_wells_of_one_batch_are_undecidable():
    assert undecided(mixing(wells(np.eye(4), "b", list("aabb")), 0), "ilisi").startswith("one batch in all")
