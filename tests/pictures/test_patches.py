"""Patch tokens: those of the network, for the cells that are drawn, and what pictures of them show."""

import numpy as np
import pandas as pd
import pytest
import torch
from wellread.encoder import readouts
from wellread.encoder.tokens import tokens
from wellread.pictures import patches
from wellread.profiles import sample
from wellread.runtime import table_files

SIZE = {"dim": 16, "depth": 2, "heads": 2, "patch": 8, "image": 16}


@pytest.fixture
def plate(tmp_path):
    """Four crops of two channels and 24 px; the cell of each is its left half."""
    rng = np.random.default_rng(1)
    np.save(tmp_path / "crops.npy", rng.integers(1, 255, (4, 2, 24, 24), dtype=np.uint8))
    outlines = np.zeros((4, 24, 24), np.uint8)
    outlines[:, :, :12], outlines[:, 5:9, 5:9], outlines[:, :, 20:] = 2, 3, 1
    np.save(tmp_path / "outlines.npy", outlines)
    return {kind: {"P": tmp_path / f"{kind}.npy"} for kind in ("crops", "outlines")}


def test_tokens_are_those_of_the_network(plate, tmp_path):
    cells = pd.DataFrame({"plate": "P", "crop_row": [3, 0], "label": ["a", "b"]})
    tokens(cells, **plate, out=tmp_path / "t.npz", channels=["x", "y"], encoder={"random": SIZE}, seed=2)
    with np.load(tmp_path / "t.npz") as found:
        found = dict(found)
    encode = readouts.random(["x", "y"], readouts.Readout(features="cls_mean", seed=2), **SIZE)
    crops = torch.from_numpy(np.load(plate["crops"]["P"])[[3, 0]])
    with torch.inference_mode():
        mean = encode(crops)[:, 16:].numpy()
    assert found["tokens"].shape == (2, 4, 16)
    np.testing.assert_allclose(found["tokens"].mean(axis=1), mean, atol=1e-5)
    np.testing.assert_array_equal(found["crops"], crops[:, :, 4:20, 4:20])
    assert found["inside"].tolist() == [[1, 0, 1, 0]] * 2
    assert found["labels"].tolist() == ["a", "b"]


def test_cells_without_outlines_are_where_the_picture_is_not_black(plate, tmp_path):
    crops = np.load(plate["crops"]["P"])
    crops[:, :, :12] = 0
    np.save(plate["crops"]["P"], crops)
    np.save(plate["outlines"]["P"], np.full((4, 24, 24), 2, np.uint8))
    cells = pd.DataFrame({"plate": "P", "crop_row": [1], "label": ["a"]})
    tokens(cells, **plate, out=tmp_path / "t.npz", channels=["x", "y"], encoder={"random": SIZE})
    assert np.load(tmp_path / "t.npz")["inside"].tolist() == [[0, 0, 1, 1]]


def written(path, X, inside=None, labels=None):
    n, p, _ = X.shape
    crops = np.random.default_rng(0).integers(0, 255, (n, 2, 16, 16), dtype=np.uint8)
    labels = np.array([f"c{i}" for i in range(n)] if labels is None else labels)
    inside = np.ones((n, p)) if inside is None else inside
    np.savez(path, tokens=X, inside=inside, crops=crops, labels=labels, channels=np.array(["DNA", "ER"]))
    return path


@pytest.mark.dag
def test_components_are_of_the_patches_of_cells_alone(tmp_path):
    rng = np.random.default_rng(3)
    X, inside = rng.normal(size=(9, 16, 5)) * [1, 2, 9, 4, 1], (rng.random((9, 16)) > 0.3).astype(float)
    X[inside == 0] = 1e3
    table = patches.pca(written(tmp_path / "t.npz", X, inside), tmp_path / "a.png", label="gene")
    own = X[inside > 0]
    _, _, v = np.linalg.svd(own - own.mean(axis=0), full_matrices=False)
    within = table["component_1"].notna().to_numpy()
    assert within.tolist() == (inside.ravel() > 0).tolist()
    for i in range(3):
        direction = v[i] * np.sign(v[i][np.abs(v[i]).argmax()])
        np.testing.assert_allclose(table[f"component_{i + 1}"][within], (own - own.mean(axis=0)) @ direction, atol=1e-9)
    patches.pca(tmp_path / "t.npz", tmp_path / "b.png", label="gene")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_match_is_the_patch_with_the_same_token(tmp_path):
    X = np.random.default_rng(4).normal(size=(3, 16, 8))
    X[1, 5], X[2, 14] = 3 * X[0, 6], X[0, 6]
    at = [1.5 / 4, 2.5 / 4]  # the patch 6
    table = patches.match(written(tmp_path / "t.npz", X), tmp_path / "a.png", label="gene", at=at)
    best = table.loc[table.groupby("cell")["cosine"].idxmax()]
    assert best[["row", "column"]].to_numpy().tolist() == [[1, 2], [1, 1], [3, 2]]
    assert best["cosine"].tolist() == pytest.approx([1, 1, 1])


def test_cells_are_drawn_of_every_value_in_the_order_asked_for(tmp_path):
    wells = pd.DataFrame({"Metadata_Plate": "P", "Metadata_Well": ["A01", "A02", "A03"],
                          "Metadata_gene": ["x", "y", ""], "f": 0.0})  # fmt: skip
    cells = pd.DataFrame({"plate": "P", "well": ["A01", "A02", "A03", "A02", "A01", "A09"], "site": "1"})
    table_files.write(cells, tmp_path / "cells.parquet", "cells")
    how = {"seed": 0, "label": "gene", "each": 3}
    found = sample.chosen_cells(wells, [tmp_path / "cells.parquet"], values=["y", "x"], **how)
    assert found["label"].tolist() == ["y", "y", "x", "x"]
    assert sorted(found["crop_row"][:2]) == [1, 3]
    assert sorted(found["crop_row"][2:]) == [0, 4]
    every = sample.chosen_cells(wells, [tmp_path / "cells.parquet"], values=[], **how | {"each": 1})
    assert every["label"].tolist() == ["x", "y"]
