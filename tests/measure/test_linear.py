"""Linear probes: scikit-learn's optimum, choice on the validation set, what is held out, chance, shares of labels."""

import numpy as np
import pandas as pd
import pytest
import torch
from made_profiles import profiles, undecided, values
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from wellread.measure import heads, probe
from wellread.measure.linear import linear
from wellread.measure.low_shot import low_shot
from wellread.profiles import tables
from wellread.runtime.errors import InputError
from wellread.train.shares import drawn

QUICK = {"iterations": 150, "permutations": 0}


def screen(effect=1.0, genes=40, wells=6, classes=4, seed=0, D=10, several=False, **columns):
    """Wells of genes of a place each, or of two, which moves their profiles, beside a shift of every gene."""
    rng = np.random.default_rng(seed)
    places = [f"p{g % classes}" + (f"|p{(g + 1) % classes}" if several and g % 3 == 0 else "") for g in range(genes)]
    directions, of = rng.normal(size=(classes, D)), np.repeat(np.arange(genes), wells)
    moves = np.array([sum(directions[int(name[1:])] for name in place.split("|")) for place in places])
    table = {
        "plate": [f"P{i % 3}" for i in range(len(of))],
        "well": [f"A{i:03d}" for i in range(len(of))],
        "batch": "b",
    }
    table |= {"treatment": [f"g{g:02d}" for g in of], "control": "", "place": np.array(places)[of], **columns}
    X = effect * (moves + 0.3 * rng.normal(size=(genes, D)))[of] + rng.normal(size=(len(of), D))
    return profiles(pd.DataFrame(table), X)


def sets(frame, seed=0, split=""):
    how = {"label": "place", "held_out": "treatment", "split": split, "paper": False, "iterations": 150, "batch": 64}
    return probe.prepared(frame, seed, **how)[0]


@pytest.mark.dag
@pytest.mark.parametrize("single", [True, False])
def test_at_the_optimum_it_is_the_logistic_regression_of_scikit_learn(single):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    logits = X @ rng.normal(size=(4, 3)) + rng.gumbel(size=(300, 3))
    Y = logits == logits.max(axis=1, keepdims=True) if single else logits > 0.5
    W, b = heads.train(X, Y, [(0.1, 0.0), (1e-5, 0.0)], single=single, iterations=600, batch=300, seed=0)
    targets = [Y.argmax(axis=1)] if single else Y.T
    own = [LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000).fit(X, y) for y in targets]
    expected, intercept = np.vstack([one.coef_ for one in own]).T, np.hstack([one.intercept_ for one in own])
    for found, optimum in ((W[0], expected), (b[0], intercept)):
        free = (optimum - found).mean(axis=-1, keepdims=True) if single else 0  # what softmax leaves open
        np.testing.assert_allclose(found + free, optimum, atol=3e-3)
    predicted = np.column_stack([one.predict(X) for one in own])
    predicted = predicted == np.arange(3) if single else predicted
    np.testing.assert_array_equal(heads.predict(X, W[0], b[0], single), predicted)
    assert abs(W[1]).max() < 0.1  # the other of the grid has its own, far smaller rate


def test_the_grid_is_the_published_one():
    rates, decays = (sorted(set(column)) for column in zip(*heads.grid(), strict=True))
    assert len(heads.grid()) == 48
    np.testing.assert_allclose(
        rates, [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
    )
    assert decays == [0, 1e-5, 1e-4]


@pytest.mark.parametrize("single", [True, False])
def test_every_classifier_of_a_grid_is_trained_as_by_the_adamw_of_torch(single):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 5)).astype(np.float32)
    Y = np.eye(3)[rng.integers(0, 3, 40)] if single else rng.random((40, 3)) < 0.4
    pairs, iterations, size = [(0.2, 0.0), (0.05, 0.5), (0.01, 0.0)], 40, 16
    W, b = heads.train(X, Y, pairs, single=single, iterations=iterations, batch=size, seed=7)
    for (rate, decay), *found in zip(pairs, W, b, strict=True):
        generator = torch.Generator().manual_seed(7)
        layer = torch.nn.Linear(5, 3)
        layer.weight.data, layer.bias.data = 0.01 * torch.randn(5, 3, generator=generator).T, torch.zeros(3)
        optimiser = torch.optim.AdamW(layer.parameters(), lr=rate * size / 256, weight_decay=decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
        loss = torch.nn.CrossEntropyLoss() if single else torch.nn.BCEWithLogitsLoss()
        for _ in range(iterations):
            rows = torch.randperm(40, generator=generator)[:size].numpy()
            optimiser.zero_grad()
            loss(layer(torch.from_numpy(X[rows])), torch.from_numpy(Y[rows].astype(np.float32))).backward()
            optimiser.step()
            schedule.step()
        for own, expected in zip(found, (layer.weight.T, layer.bias), strict=True):
            np.testing.assert_allclose(own, expected.detach(), rtol=1e-4, atol=1e-6)


def test_rates_are_for_batches_of_256():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 3)), np.eye(2)[rng.integers(0, 2, 64)]
    options = {"single": True, "iterations": 3, "seed": 0}
    found = [heads.train(X, Y, [(rate, 0.0)], batch=batch, **options)[0] for rate, batch in ((0.1, 128), (0.05, 256))]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    assert abs(found[0] - heads.train(X, Y, [(0.1, 0.0)], batch=256, **options)[0]).max() > 0.01


def test_f1_is_that_of_scikit_learn_and_absent_classes_count_as_published_or_not():
    rng = np.random.default_rng(1)
    truth, predicted = rng.random((50, 6)) < 0.3, rng.random((50, 6)) < 0.3
    truth[:, 4] = truth[:, 5] = predicted[:, 5] = False  # one that is only predicted, one that is nowhere
    of_each = f1_score(truth, predicted, average=None, zero_division=0)
    assert probe.macro_f1(predicted, truth) == pytest.approx(of_each.mean())
    assert probe.macro_f1_present(predicted, truth) == pytest.approx(of_each[:4].mean())
    units, weights = np.repeat(np.arange(10), 5), rng.integers(0, 3, (3, 10))
    weights[0, units[truth[:, 3]]] = 0  # a draw without a class
    of_draws = [f1_score(truth, predicted, average=None, zero_division=0, sample_weight=w[units]) for w in weights]
    occur = [(truth * w[units, None]).any(axis=0) for w in weights]
    expected = [own[there].mean() for own, there in zip(of_draws, occur, strict=True)]
    assert not occur[0][3]
    np.testing.assert_allclose(probe.resampled_macro_f1(predicted, truth, units, weights), expected)


@pytest.mark.dag
@pytest.mark.parametrize("several", [False, True])
def test_the_classifier_is_the_best_on_validation_and_told_on_test(several):
    own = sets(screen(several=several))
    pairs = [(1e-5, 0.0), (0.05, 0.0), (0.5, 1e-4)]
    predicted, pair, score = own.best(own.train, 0, pairs)
    options = {"single": own.single, "iterations": 150, "batch": 64, "seed": 0}
    W, b = heads.train(own.X[own.train], own.Y[own.train], pairs, **options)
    on = {name: np.flatnonzero(own.sets == name) for name in ("validation", "test")}
    scores = [
        probe.macro_f1(heads.predict(own.X[on["validation"]], *one, own.single), own.Y[on["validation"]])
        for one in zip(W, b, strict=True)
    ]
    assert score == max(scores)
    best = scores.index(score)
    assert pair == pairs[best]
    np.testing.assert_array_equal(predicted, heads.predict(own.X[on["test"]], W[best], b[best], own.single))
    assert own.single is not several


@pytest.mark.dag
@pytest.mark.parametrize("several", [pytest.param(False, marks=pytest.mark.slow), True])
def test_places_of_unseen_genes_are_found_and_permuted_ones_are_not(several):
    table = linear(screen(effect=0.8, several=several), 0, label="place", iterations=200, permutations=3)
    found = values(table, "macro_f1")[""]
    assert found > 0.6
    assert found - table.loc[table["metric"] == "chance_macro_f1", "value"].mean() > 0.3
    assert values(table, "macro_f1_present_low")[""] < found < values(table, "macro_f1_present_high")[""]
    assert np.mean(list(values(table, "f1").values())) == pytest.approx(values(table, "macro_f1_present")[""])
    assert values(table, "seen_in_training") == {"plate": 1, "well": 0, "treatment": 0}


def test_nothing_that_is_held_out_is_on_two_sides():
    frame = screen()
    for name in ("treatment", "plate"):
        how = {"label": "place", "held_out": name, "split": "", "paper": False, "iterations": 1, "batch": 8}
        own = probe.prepared(frame, 0, **how)[0]
        of = pd.Series(own.sets).groupby(tables.text_column(own.meta, name)).nunique()
        assert of.max() == 1


@pytest.mark.dag
def test_a_split_is_followed_divides_nothing_and_lends_a_validation_set():
    parts = np.repeat(["train", "train", "test", "other"], 60)
    own = sets(screen(part=parts), split="part")
    train, chosen = (set(own.groups[own.sets == name]) for name in ("train", "validation"))
    assert len(chosen) == 4
    assert not train & chosen
    assert train | chosen == {f"g{g:02d}" for g in range(20)}
    assert set(own.groups[own.test]) == {f"g{g:02d}" for g in range(20, 30)}
    left_out = values(linear(screen(part=parts), 0, label="place", split="part", **QUICK), "left_out")
    assert left_out["in no set of part"] == 60
    with pytest.raises(InputError, match="no treatment in test"):
        linear(screen(part=["train", "test"] * 120), 0, label="place", split="part", **QUICK)


def test_features_are_standardised_by_training_alone_but_not_in_the_paper():
    frame = screen()
    own = sets(frame)
    np.testing.assert_allclose(own.X[own.train].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(own.X[own.train].std(axis=0), 1)
    how = {"label": "place", "held_out": "treatment", "split": "", "iterations": 1, "batch": 8}
    published = probe.prepared(frame, 0, **how, paper=True)[0]
    np.testing.assert_array_equal(published.X, tables.split(frame)[1])
    assert (published.judges, own.judges) == ("test", "validation")


def test_what_cannot_be_held_out_is_said():
    frame = screen(genes=8)
    frame["Metadata_treatment"] = "g"
    assert "cannot be held out" in undecided(linear(frame, 0, label="place", **QUICK), "macro_f1")
    assert "cannot be held out" in undecided(low_shot(frame, 0, label="place", iterations=5), "macro_f1")
    assert "one place" in undecided(linear(screen(classes=1), 0, label="place", **QUICK), "macro_f1")


def test_a_share_of_labels_has_every_class():
    rng = np.random.default_rng(0)
    Y = np.eye(3, dtype=bool)[np.repeat([0, 1, 2], [100, 40, 5])]
    for share, expected in ((0.01, [1, 1, 1]), (0.1, [10, 4, 1]), (0.5, [50, 20, 2]), (1.0, [100, 40, 5])):
        rows = drawn(Y, share, np.random.default_rng(1))
        assert Y[rows].sum(axis=0).tolist() == expected
    several = rng.random((400, 4)) < 0.5
    labels = several[drawn(several, 0.2, np.random.default_rng(1))].sum()
    assert labels == pytest.approx(0.2 * several.sum(), rel=0.15)


@pytest.mark.dag
def test_more_labels_are_better_and_all_of_them_are_what_linear_has():
    options = {"label": "place", "iterations": 60}
    table = low_shot(screen(effect=0.8, wells=10), 0, shares=(0.02, 1.0), repeats=2, **options)
    found = table[table["metric"] == "macro_f1_of_labels"].groupby("item")["value"].mean()
    assert found["2 %"] < found["100 %"]
    whole = linear(screen(effect=0.8, wells=10), 0, permutations=0, **options)
    at_once = table[(table["metric"] == "macro_f1_of_labels") & (table["item"] == "100 %") & (table["repeat"] == 0)]
    assert at_once["value"].item() == values(whole, "macro_f1")[""]
    means = table[table["metric"] == "macro_f1_of_labels"].groupby("repeat")["value"].mean()
    np.testing.assert_allclose(means, table.loc[table["metric"] == "macro_f1", "value"])
