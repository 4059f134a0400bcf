"""The baseline of mean intensities, and embeddings of encoders that look at no pixels."""

import numpy as np
import pytest
import torch
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


@pytest.mark.parametrize("encoder", [{"cell_count": {}}, {"shuffled": {"of": "m"}}])
def test_encoders_that_look_at_no_pixels_give_no_dimensions(crops, encoder):
    assert vectors(crops, encoder).shape == (11, 0)
