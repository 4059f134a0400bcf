"""Embeddings: the right vector in the right row, or a refusal."""

import json

import numpy as np
import pytest
import torch
from wellread import weights as encoders
from wellread.embed import embed
from wellread.errors import InputError
from wellread.views import centre_view
from wellread.vit import ViT

CHANNELS = ["DNA", "RNA", "Mito"]


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    encoder = ViT(channels=3, image=16, patch=4, dim=24, depth=2, heads=2, layer_scale=1.0).eval()
    paths = tmp_path / "weights.safetensors", tmp_path / "model.json"
    encoders.save(encoder, *paths, channels=CHANNELS, seed=0)
    return encoder, paths


@pytest.fixture
def crops(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (11, 3, 20, 20), dtype=np.uint8)
    np.save(tmp_path / "crops.npy", array)
    return tmp_path / "crops.npy"


def vectors(crops, model, **options):
    out = crops.with_name("out.npy")
    embed(crops, *model[1], out, **{"channels": CHANNELS, "device": "cpu"} | options)
    return np.load(out)


@pytest.mark.parametrize("batch", [1, 4, 11, 100])
def test_row_i_is_crop_i(crops, model, batch):
    ours = vectors(crops, model, batch=batch)
    assert ours.dtype == np.float32
    with torch.no_grad():
        one_by_one = [model[0](centre_view(torch.from_numpy(crop)[None], 16))[0][0] for crop in np.load(crops)]
    np.testing.assert_allclose(ours, np.stack(one_by_one), atol=1e-5)


def test_cls_mean_appends_the_mean_patch(crops, model):
    both = vectors(crops, model, features="cls_mean")
    view = centre_view(torch.from_numpy(np.load(crops)), 16)
    with torch.no_grad():
        cls, patches = model[0](view)
    np.testing.assert_allclose(both, torch.cat([cls, patches.mean(1)], 1), atol=1e-5)


def test_no_cells_give_an_empty_array(tmp_path, model):
    np.save(tmp_path / "none.npy", np.zeros((0, 3, 20, 20), np.uint8))
    assert vectors(tmp_path / "none.npy", model).shape == (0, 24)
    assert vectors(tmp_path / "none.npy", model, features="cls_mean").shape == (0, 48)


def test_brightness_does_not_matter_but_channels_do(tmp_path, crops, model):
    array = np.load(crops) // 2
    np.save(tmp_path / "bright.npy", array * 2)
    np.save(tmp_path / "dark.npy", array)
    np.save(tmp_path / "permuted.npy", array[:, ::-1].copy())
    dark = vectors(tmp_path / "dark.npy", model)
    np.testing.assert_allclose(vectors(tmp_path / "bright.npy", model), dark, atol=1e-4)
    assert np.abs(vectors(tmp_path / "permuted.npy", model) - dark).max() > 0.1


@pytest.mark.parametrize("channels", [["RNA", "DNA", "Mito"], ["DNA", "RNA"], ["DNA", "RNA", "ER"]])
def test_other_channels_are_refused(crops, model, channels):
    with pytest.raises(InputError, match="channels of the encoder"):
        vectors(crops, model, channels=channels)


def test_other_bytes_are_refused(crops, model):
    weights = model[1][0]
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(InputError, match="SHA-256"):
        vectors(crops, model)


def test_missing_and_unexpected_weights_are_refused(crops, model):
    path = model[1][1]
    facts = json.loads(path.read_text())
    for depth in (1, 3):
        facts["encoder"]["depth"] = depth
        path.write_text(json.dumps(facts))
        with pytest.raises(InputError, match="blocks"):
            vectors(crops, model)


def test_saving_and_loading_is_exact(model):
    loaded = encoders.load(*model[1], channels=CHANNELS)
    assert not loaded.training
    own = model[0].state_dict()
    assert all(torch.equal(value, own[name]) for name, value in loaded.state_dict().items())
