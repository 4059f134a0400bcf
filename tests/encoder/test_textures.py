"""Textures as encoders, and beside an embedding together with intensities."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from wellread.crops.outlines import CELL, NUCLEUS, OTHER
from wellread.encoder.embed import embed
from wellread.encoder.textures import Textures


@pytest.fixture
def crops(tmp_path):
    np.save(tmp_path / "crops.npy", np.random.default_rng(0).integers(0, 256, (11, 3, 20, 20), dtype=np.uint8))
    return tmp_path / "crops.npy"


@pytest.fixture
def outlines(crops):
    """Of all crops a cell with a nucleus beside another cell; of the first nothing, of the second no nucleus."""
    array = np.zeros((11, 20, 20), np.uint8)
    array[1:, 2:15, 3:12], array[2:, 5:9, 4:9], array[1:, 2:15, 15:] = CELL, NUCLEUS, OTHER
    np.save(crops.with_name("outlines.npy"), array)
    return crops.with_name("outlines.npy")


def vectors(crops, encoder, **options):
    out = crops.with_name("out.npy")
    embed(crops, out, channels=["DNA", "RNA", "Mito"], encoder=encoder, device="cpu", batch=4, **options)
    return np.load(out)


def angles(X):
    """The shares behind points on half circles."""
    cos, sin = np.split(X, 2, axis=1)
    return np.arctan2(sin, cos) / np.pi


def means(plane):
    """A plane and its means over squares of 3, 5 and 9 px, at an edge over the pixels that are there."""
    inside = np.ones_like(plane)
    ratio = [
        ndimage.uniform_filter(plane, n, mode="constant") / ndimage.uniform_filter(inside, n, mode="constant")
        for n in (3, 5, 9)
    ]
    return [plane, *ratio]


def by_loops(array, masks):
    """The shares (N, 2 * 3 * C) of nucleus and cell, scale by scale."""
    rows = []
    for crop, mask in zip(array.astype(float), masks, strict=True):
        cell = np.isin(mask, (CELL, NUCLEUS)) if (mask > 0).any() else mask == 0
        nucleus = mask == NUCLEUS if (mask == NUCLEUS).any() else cell
        smooth = [means(plane) for plane in crop]
        rows.append(
            [
                min(1, np.sqrt(((levels[i] - levels[i + 1])[region] ** 2).mean()) / (plane[region].std() + 2))
                for region in (nucleus, cell)
                for i in range(3)
                for plane, levels in zip(crop, smooth, strict=True)
            ]
        )
    return np.array(rows)


def test_details_of_nucleus_and_cell(crops, outlines):
    found = angles(vectors(crops, {"texture": {}}, outlines=outlines))
    np.testing.assert_allclose(found, by_loops(np.load(crops), np.load(outlines)), atol=2e-5)


def test_without_outlines_they_are_of_the_crop(crops):
    found = angles(vectors(crops, {"texture": {}}))
    np.testing.assert_allclose(found, by_loops(np.load(crops), np.zeros((11, 20, 20))), atol=2e-5)


def test_they_tell_scale_and_hardly_brightness():
    noise = np.random.default_rng(0).normal(0, 1, (2, 1, 48, 48))
    fine, coarse = (ndimage.gaussian_filter(noise[i], (0, s, s)) for i, s in enumerate((0.7, 3)))
    images = np.stack([120 + 40 * fine / fine.std(), 60 + 20 * fine / fine.std(), 120 + 40 * coarse / coarse.std()])
    X = Textures(1)(torch.from_numpy(images.clip(0, 255).round().astype(np.uint8)))
    same, other = ((X[0] - X[i]).norm().item() for i in (1, 2))
    assert same < 0.2 * other


def test_an_even_crop_has_none():
    assert angles(Textures(1)(torch.full((1, 1, 5, 5), 9, dtype=torch.uint8)).numpy()) == pytest.approx(0, abs=1e-6)


def test_beside_an_embedding_every_measure_has_its_own_weight(crops, outlines):
    encoder = {"random": {"arch": "tiny", "depth": 1, "image": 16}}
    alone = vectors(crops, encoder)
    both = vectors(crops, encoder, intensity=0.5, texture=2.0, outlines=outlines)
    names, start = {"intensity": 0.5, "texture": 2.0}, alone.shape[1]
    for name, weight in names.items():
        own = vectors(crops, {name: {}}, outlines=outlines)
        part = both[:, start : start + own.shape[1]]
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), weight * np.linalg.norm(alone, axis=1), rtol=1e-5)
        np.testing.assert_allclose(
            part / np.linalg.norm(part, axis=1, keepdims=True),
            own / np.linalg.norm(own, axis=1, keepdims=True),
            atol=1e-6,
        )
        start += own.shape[1]
    assert start == both.shape[1]
