"""Embeddings: the right vector in the right row, or a refusal."""

import json

import numpy as np
import pytest
import torch
from wellread.encoder import weights
from wellread.encoder.embed import embed
from wellread.encoder.readouts import Readout
from wellread.encoder.views import centre_view
from wellread.encoder.vit import ViT
from wellread.networks.checksum import sha256_of
from wellread.runtime.errors import InputError
from wellread.runtime.registry import functions

ENCODERS = functions("encoder")

CHANNELS = ["DNA", "RNA", "Mito"]
CHANCE = {"random": {"dim": 24, "depth": 2, "heads": 2, "patch": 4, "image": 16}}


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    encoder = ViT(channels=3, image=16, patch=4, dim=24, depth=2, heads=2, layer_scale=1.0).eval()
    paths = tmp_path / "weights.safetensors", tmp_path / "model.json"
    weights.save_encoder(encoder, *paths, channels=CHANNELS, seed=0)
    return encoder.requires_grad_(False), dict(zip(("weights", "model"), paths, strict=True))


@pytest.fixture
def crops(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (11, 3, 20, 20), dtype=np.uint8)
    np.save(tmp_path / "crops.npy", array)
    return tmp_path / "crops.npy"


def vectors(crops, files, **options):
    out = crops.with_name("out.npy")
    embed(crops, out, **{"channels": CHANNELS, "encoder": {"vit": {}}, "device": "cpu"} | files | options)
    return np.load(out)


@pytest.mark.parametrize("batch", [1, 4, 11, 100])
def test_row_i_is_crop_i(crops, model, batch):
    ours = vectors(crops, model[1], batch=batch)
    assert ours.dtype == np.float32
    one_by_one = [model[0](centre_view(torch.from_numpy(crop)[None], 16))[0][0] for crop in np.load(crops)]
    np.testing.assert_allclose(ours, np.stack(one_by_one), atol=1e-5)


def test_features_blocks_and_view_are_passed_on(crops, model):
    ours = vectors(crops, model[1], features="cls_mean", blocks=2, view=12)
    (before, _), (cls, patches) = model[0].intermediate_layers(centre_view(torch.from_numpy(np.load(crops)), 12), 2)
    np.testing.assert_allclose(ours, torch.cat([before, cls, patches.mean(1)], 1), atol=1e-5)


def test_no_cells_give_an_empty_array(tmp_path, model):
    np.save(tmp_path / "none.npy", np.zeros((0, 3, 20, 20), np.uint8))
    assert vectors(tmp_path / "none.npy", model[1]).shape == (0, 24)
    assert vectors(tmp_path / "none.npy", model[1], features="cls_mean", blocks=2).shape == (0, 72)
    assert vectors(tmp_path / "none.npy", {}, encoder=CHANCE).shape == (0, 24)


def test_other_encoders_need_no_files_of_ours(crops):
    ours = vectors(crops, {}, encoder=CHANCE, seed=5, blocks=2, batch=4)
    with torch.inference_mode():
        encoder = ENCODERS["random"](CHANNELS, Readout(blocks=2, seed=5), **CHANCE["random"])
        theirs = encoder(torch.from_numpy(np.load(crops)))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert np.abs(vectors(crops, {}, encoder=CHANCE, seed=6, blocks=2) - ours).max() > 0.1


def test_half_precision_is_close_and_comes_out_whole(crops, model):
    half, full = (vectors(crops, model[1], precision=precision) for precision in ("bf16", "fp32"))
    assert half.dtype == np.float32
    assert 0 < np.abs(half - full).max() < 0.1


def test_brightness_does_not_matter_but_channels_do(tmp_path, crops, model):
    array = np.load(crops) // 2
    np.save(tmp_path / "bright.npy", array * 2)
    np.save(tmp_path / "dark.npy", array)
    np.save(tmp_path / "permuted.npy", array[:, ::-1].copy())
    dark = vectors(tmp_path / "dark.npy", model[1])
    np.testing.assert_allclose(vectors(tmp_path / "bright.npy", model[1]), dark, atol=1e-4)
    assert np.abs(vectors(tmp_path / "permuted.npy", model[1]) - dark).max() > 0.1


@pytest.mark.parametrize("channels", [["RNA", "DNA", "Mito"], ["DNA", "RNA"], ["DNA", "RNA", "ER"]])
def test_other_channels_are_refused(crops, model, channels):
    with pytest.raises(InputError, match="channels of the encoder"):
        vectors(crops, model[1], channels=channels)


def test_other_bytes_are_refused(crops, model):
    path = model[1]["weights"]
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    with pytest.raises(InputError, match="SHA-256"):
        vectors(crops, model[1])


def test_missing_and_unexpected_weights_are_refused(crops, model):
    path = model[1]["model"]
    facts = json.loads(path.read_text())
    for depth in (1, 3):
        facts["encoder"]["depth"] = depth
        path.write_text(json.dumps(facts))
        with pytest.raises(InputError, match="blocks"):
            vectors(crops, model[1])


def test_the_first_crop_without_a_finite_embedding_is_named(tmp_path, crops):
    class Seventh(torch.nn.Module):  # infinite where the first pixel of a crop is 0
        def forward(self, x):
            return 1 / x[:, 0, :1, 0]

    array = np.ones((11, 3, 20, 20), np.uint8)
    array[[6, 9], 0, 0, 0] = 0
    np.save(crops, array)
    torch.jit.script(Seventh()).save(tmp_path / "x.pt")
    options = {"path": str(tmp_path / "x.pt"), "sha256": sha256_of(tmp_path / "x.pt"), "channels": CHANNELS}
    encoder = {"exported": options | {"image": 20, "normalise": "none"}}
    with pytest.raises(InputError, match="crop 6"):
        vectors(crops, {}, encoder=encoder, batch=4)
    assert not crops.with_name("out.npy").exists()


def test_turned_crops_have_the_same_embedding(crops):
    cells = np.load(crops)
    np.save(crops.with_name("turned.npy"), np.rot90(cells, 1, (2, 3)).copy())
    np.save(crops.with_name("mirrored.npy"), cells[..., ::-1].copy())
    ours = vectors(crops, {}, encoder=CHANCE, turn=True)
    for name in ("turned.npy", "mirrored.npy"):
        np.testing.assert_allclose(vectors(crops.with_name(name), {}, encoder=CHANCE, turn=True), ours, atol=1e-5)
    assert np.abs(vectors(crops, {}, encoder=CHANCE) - ours).max() > 0.01
