"""Intensities as encoders and beside an embedding, and embeddings of encoders that look at no pixels."""

import numpy as np
import pytest
import torch
from wellread.crops.outlines import CELL, NUCLEUS, OTHER
from wellread.encoder.embed import embed
from wellread.runtime.errors import InputError


@pytest.fixture
def crops(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (11, 3, 20, 20), dtype=np.uint8)
    array[0, 0], array[0, 1] = 0, 255
    np.save(tmp_path / "crops.npy", array)
    return tmp_path / "crops.npy"


def vectors(crops, encoder, **options):
    out = crops.with_name("out.npy")
    embed(crops, out, channels=["DNA", "RNA", "Mito"], encoder=encoder, device="cpu", batch=4, **options)
    return np.load(out)


def test_mean_intensities_are_points_on_half_circles(crops):
    means = np.load(crops).mean(axis=(2, 3)) / 255 * np.pi
    np.testing.assert_allclose(
        vectors(crops, {"mean_intensity": {}}), np.hstack([np.cos(means), np.sin(means)]), atol=1e-5
    )


def test_their_cosine_is_the_mean_over_channels_of_that_of_the_differences(crops):
    X, means = vectors(crops, {"mean_intensity": {}}), np.load(crops).mean(axis=(2, 3)) / 255 * np.pi
    cosine = torch.nn.functional.cosine_similarity(*torch.from_numpy(X[:2]), dim=0)
    assert cosine.item() == pytest.approx(np.cos(means[0] - means[1]).mean(), abs=1e-5)


@pytest.mark.parametrize("options", [{"features": "cls_mean"}, {"blocks": 2}, {"view": 8}])
def test_mean_intensities_have_no_tokens(crops, options):
    with pytest.raises(InputError, match="mean intensities are what they are"):
        vectors(crops, {"mean_intensity": {}}, **options)


@pytest.fixture
def outlines(crops):
    """Of all crops a cell with a nucleus beside another cell; of the first nothing, of the second no nucleus."""
    array = np.zeros((11, 20, 20), np.uint8)
    array[1:, 2:15, 3:12], array[2:, 5:9, 4:9], array[1:, 2:15, 15:] = CELL, NUCLEUS, OTHER
    np.save(crops.with_name("outlines.npy"), array)
    return crops.with_name("outlines.npy")


def five(counts):
    """Mean, twice the standard deviation and percentiles of counts (n,)."""
    return [counts.mean(), 2 * counts.std(), *np.percentile(counts, [5, 50, 95], method="inverted_cdf")]


def angles(X):
    """The counts behind points on half circles."""
    cos, sin = np.split(X, 2, axis=1)
    return np.arctan2(sin, cos) / np.pi * 255


def expected(array, masks):
    """The five statistics of all channels, of nucleus and cell, by a loop over cells."""
    rows = []
    for crop, mask in zip(array, masks, strict=True):
        cell = np.isin(mask, (CELL, NUCLEUS)) if (mask > 0).any() else mask == 0
        nucleus = mask == NUCLEUS if (mask == NUCLEUS).any() else cell
        rows.append([value for region in (nucleus, cell) for plane in crop for value in five(plane[region])])
    return np.array(rows)


def test_five_statistics_of_nucleus_and_cell(crops, outlines):
    found = angles(vectors(crops, {"intensity": {}}, outlines=outlines))
    np.testing.assert_allclose(found, expected(np.load(crops), np.load(outlines)), atol=2e-3)


def test_without_outlines_they_are_of_the_crop(crops):
    found = angles(vectors(crops, {"intensity": {}}))
    np.testing.assert_allclose(found, expected(np.load(crops), np.zeros((11, 20, 20))), atol=2e-3)


@pytest.mark.parametrize("turn", [False, True])
def test_appended_they_leave_the_embedding_as_it_is_and_have_their_weight(crops, outlines, turn):
    encoder = {"random": {"arch": "tiny", "depth": 1, "image": 16}}
    alone = vectors(crops, encoder, turn=turn)
    both = vectors(crops, encoder, turn=turn, intensity=0.5, outlines=outlines)
    bright = vectors(crops, {"intensity": {}}, outlines=outlines)
    D = alone.shape[1]
    np.testing.assert_array_equal(both[:, :D], alone)
    scale = np.linalg.norm(alone, axis=1, keepdims=True) / np.linalg.norm(bright, axis=1, keepdims=True)
    np.testing.assert_allclose(both[:, D:], 0.5 * scale * bright, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("encoder", [{"cell_count": {}}, {"shuffled": {"of": "m"}}])
def test_encoders_that_look_at_no_pixels_give_no_dimensions(crops, encoder):
    assert vectors(crops, encoder).shape == (11, 0)
