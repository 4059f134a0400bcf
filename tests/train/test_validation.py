"""Wells that choose among models: their macro F1, thresholds that match them; they teach nothing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score
from wellread.crops.reader import Crops
from wellread.encoder import heads, views
from wellread.encoder.vit import ViT
from wellread.runtime import table_files
from wellread.train.dataset import TrainingSet
from wellread.train.labels import FoldedLabels, Labels
from wellread.train.methods.attention_mlp import Attention_MLP
from wellread.train.methods.supervised import Supervised
from wellread.train.train import train
from wellread.train.validation import SCORE, macro_f1, validated

VIT = {"dim": 8, "depth": 1, "heads": 2, "patch": 4, "image": 8, "layer_scale": 1.0}
SETS = np.repeat(["train", "train", "validation", "test"], 6)  # of 24 wells of two cells
CPU = torch.device("cpu")


def test_macro_f1_is_that_of_scikit_learn_over_the_classes_that_occur():
    rng = np.random.default_rng(0)
    predicted, truth = rng.random((2, 40, 5)) < 0.4
    truth[:, 3] = False
    expected = f1_score(truth, predicted, average="macro", labels=[0, 1, 2, 4], zero_division=0)
    assert macro_f1(predicted, truth) == pytest.approx(expected)


@pytest.fixture
def crops(tmp_path):
    """Crops of 48 cells, two of each well, whose brightness follows the number of the well modulo 3."""
    light = (
        np.random.default_rng(0).integers(0, 60, (48, 1, 10, 10)) + 60 * (np.arange(48) // 2 % 3)[:, None, None, None]
    )
    np.save(tmp_path / "crops.npy", light.astype(np.uint8))
    return str(tmp_path / "crops.npy")


def learner(several, seed=0):
    torch.manual_seed(seed)
    labels = SimpleNamespace(classes=["a", "b", "c"], multi_label=several)
    made = Supervised(ViT(channels=1, **VIT), views.augmentation(["DNA"]), labels)
    torch.nn.init.normal_(made.head.weight)
    return made


@pytest.mark.parametrize("several", [True, False])
def test_a_well_is_the_mean_of_its_cells_and_thresholds_match_their_frequency(crops, several):
    sets = np.eye(3, dtype=bool)[np.arange(24) % 3]
    sets[:, 0] |= several
    sets[SETS != "validation"] = False
    held = TrainingSet(Crops([crops]), Labels(["a", "b", "c"], sets, np.arange(48) // 2))
    made, rows = learner(several), np.arange(24, 36)
    made.finish(None, CPU, held)
    found = validated(made, held, CPU)[SCORE]
    with torch.no_grad():
        tokens = made.encoder(views.centre_view(torch.from_numpy(np.load(crops)[rows]), 8))[0]
        logits = tokens @ made.head.weight.T + made.head.bias
    scores, truth = logits.softmax(1), sets[12:18]
    if several:
        thresholds = heads.matched(logits.sigmoid(), torch.from_numpy(truth.repeat(2, axis=0)))
        torch.testing.assert_close(made.head.thresholds, thresholds)
        scores = logits.sigmoid() - thresholds
    means = scores.numpy().reshape(6, 2, 3).mean(axis=1)
    predicted = means > 0 if several else np.eye(3, dtype=bool)[means.argmax(axis=1)]
    assert found == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))


def test_without_wells_that_validate_thresholds_are_a_half():
    made = learner(True)
    made.finish(None, CPU, None)
    assert (made.head.thresholds == 0.5).all()


def test_networks_of_folds_match_thresholds_to_the_fold_that_each_has_not_seen(crops):
    sets, folds = np.eye(3, dtype=bool)[np.arange(24) % 3], np.eye(2, dtype=bool)[np.arange(24) // 4 % 2]
    sets[::2, 1] = True
    labels = FoldedLabels(["a", "b", "c"], sets, np.arange(48) // 2, folds)
    torch.manual_seed(0)
    made = Attention_MLP(ViT(channels=1, **VIT), views.augmentation(["DNA"]), labels, width=4, folds=2)
    for network in made.head.folds:
        torch.nn.init.normal_(network.classify.weight, std=9.0)
    made.finish(TrainingSet(Crops([crops]), labels), CPU, None)
    with torch.no_grad():
        layers = made.layers(torch.from_numpy(np.load(crops)))
        found = torch.stack([network(layers[0][1]).sigmoid() for network in made.head.folds])
    own, truth = folds.repeat(2, axis=0), torch.from_numpy(sets.repeat(2, axis=0))
    expected = [heads.matched(found[fold][own[:, fold]], truth[own[:, fold]]) for fold in (0, 1)]
    assert not torch.equal(*expected)
    torch.testing.assert_close(made.head.thresholds, (expected[0] + expected[1]) / 2)


def taught(crops, folder, labels):
    """What training writes, by the labels of 24 wells: weights, and the last row of its table."""
    folder.mkdir()
    names = [f"A{i:02d}" for i in range(24)]
    wells = pd.DataFrame({"plate": "P1", "well": names, "treatment": names, "control": "", "set": SETS, "kind": labels})
    wells.to_csv(folder / "wells.csv", index=False)
    cells = pd.DataFrame({"plate": "P1", "well": np.repeat(names, 2)})
    table_files.write(cells, folder / "cells.parquet", "cells")
    method = {"supervised": {"label": "kind", "labels": {"split": "set"}}}
    files = {"weights": folder / "w.safetensors", "model": folder / "model.json", "speed": folder / "speed.tsv"}
    how = {"channels": ["DNA"], "encoder": VIT, "method": method, "views": {}, "fit": {"batch": 8, "epochs": 2}}
    table = folder / "training.parquet"
    where = {"wells": [str(folder / "wells.csv")], "device": "cpu", "training": table, **files}
    train([crops], [folder / "cells.parquet"], **how, **where)
    return files["weights"].read_bytes(), pd.read_parquet(table)[SCORE]


@pytest.mark.dag
def test_only_wells_that_validate_judge_and_they_teach_nothing(crops, tmp_path):
    kind = np.array(["x", "y", "z"])[np.arange(24) % 3]
    weights, scores = taught(crops, tmp_path / "a", kind)
    assert scores.notna().tolist() == [False] * (len(scores) - 1) + [True]
    for part, same in (("test", True), ("validation", False)):
        others = np.where(part == SETS, "x", kind)
        again, found = taught(crops, tmp_path / part, others)
        assert again == weights
        assert (found.iloc[-1] == scores.iloc[-1]) == same
