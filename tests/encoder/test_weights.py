"""Weights files: whole and right, or refused; and adapted to another encoder without changing its outputs."""

import hashlib
import json
import re
from pathlib import Path

import golden
import pytest
import torch
from paths import ROOT
from safetensors.torch import save_file
from torch.nn import functional as F
from wellread.encoder import weights
from wellread.encoder.vit import ViT
from wellread.networks import state_dicts
from wellread.runtime.errors import InputError

README = ROOT / "README.md"
NAMES = ["DNA", "RNA", "Mito"]
SMALL = {"channels": 3, "image": 16, "patch": 4, "dim": 24, "depth": 2, "heads": 2}


def vit(seed=0, **changes):
    """A ViT whose every parameter matters: none is 0, LayerScale is near 1."""
    torch.manual_seed(seed)
    network = ViT(**SMALL | changes).eval()
    for name, value in network.named_parameters():
        torch.nn.init.normal_(value, mean=float("gamma" in name or "norm" in name), std=0.1)
    return network.requires_grad_(False)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pickled(state, path):
    torch.save(state, path)
    return path, sha256(path)


@pytest.fixture
def saved(tmp_path):
    """A ViT, and where its weights.safetensors and model.json are."""
    network, paths = vit(), (tmp_path / "weights.safetensors", tmp_path / "model.json")
    weights.save_encoder(network, *paths, channels=NAMES, seed=0)
    return network, paths


def chunked(state, depth, chunks):
    """Names as in published files: `blocks.<chunk>.<block>.`."""
    size = depth // chunks
    return {
        re.sub(r"^blocks\.(\d+)\.", lambda m: f"blocks.{int(m[1]) // size}.{m[1]}.", n): v for n, v in state.items()
    }


def identical(one, other):
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


# What is read


def test_saving_and_loading_is_exact(saved):
    loaded = weights.load_encoder(*saved[1], channels=NAMES)
    assert not loaded.training
    assert identical(loaded, saved[0])


def test_a_published_file_gives_the_references_outputs():
    path, arrays = golden.path("tiny_vit_c5_p8_img64_chunks2.pth"), golden.Arrays()
    network, about = weights.load_published(path, sha256(path), heads=2)
    assert about == {}
    torch.testing.assert_close(network(arrays["vit_x"])[0], arrays["vit_cls"], rtol=0, atol=5e-7)


def test_the_teachers_backbone_is_taken_from_a_training_checkpoint():
    path = golden.path("ssl_step_in.pth")
    state, teacher = state_dicts.read(path, sha256(path)), golden.states("ssl_step_in.pth")["teacher"]
    assert weights.infer_architecture(state)["depth"] == 4
    assert state.keys() == {name.removeprefix("backbone.") for name in teacher if name.startswith("backbone.")}
    assert all(torch.equal(value, teacher[f"backbone.{name}"]) for name, value in state.items())


@pytest.mark.parametrize("wrap", ["", "model", "state_dict", "teacher"])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone."])
@pytest.mark.parametrize("suffix", ["pth", "pt", "bin"])
def test_wrappers_and_prefixes_are_removed(tmp_path, wrap, prefix, suffix):
    state = vit().state_dict()
    named = {prefix + name: value for name, value in state.items()}
    if "backbone" in prefix:
        named[prefix.replace("backbone", "dino_head") + "mlp.0.bias"] = torch.zeros(4)  # a head beside it is left out
    found = state_dicts.read(*pickled({wrap: named, "epoch": 3} if wrap else named, tmp_path / f"x.{suffix}"))
    assert found.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in found.items())


LAYOUTS = {
    "Cell Painting S/8": ({"channels": 5, "patch": 8, "image": 128}, 4),
    "HPA L/16": ({"channels": 4, "patch": 16, "image": 224}, 4),
    "HPA L/14": ({"channels": 4, "patch": 14, "image": 518}, 4),
    "channel adaptive L/16": ({"channels": 1, "patch": 16, "image": 224}, 4),
    "photographs": ({"channels": 3, "patch": 14, "image": 518}, 0),
    "photographs, registers": ({"channels": 3, "patch": 14, "image": 518, "registers": 4}, 0),
    "photographs, giant": ({"channels": 3, "patch": 14, "image": 518, "ffn": "swiglu"}, 0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_published_layout_is_recognised_and_loads_whole(tmp_path, layout):
    size, chunks = LAYOUTS[layout]
    network = vit(dim=64, depth=8, heads=1, **size)
    state = chunked(network.state_dict(), 8, chunks) if chunks else network.state_dict()
    loaded, _ = weights.load_published(*pickled(state, tmp_path / "x.pth"))
    assert loaded.architecture == network.architecture
    assert identical(loaded, network)


@pytest.mark.parametrize(("dim", "heads"), [(192, 3), (384, 6), (768, 12), (1024, 16), (1536, 24)])
def test_heads_of_published_sizes(dim, heads):
    state = {"patch_embed.proj.weight": torch.empty(dim, 3, 4, 4), "pos_embed": torch.empty(1, 17, dim)}
    assert weights.infer_architecture(state | {"blocks.0.norm1.weight": torch.empty(dim)})["heads"] == heads


@pytest.mark.dag
def test_small_has_as_many_tensors_as_the_published_file():
    assert len(ViT(**SMALL | {"dim": 384, "depth": 12, "heads": 6}).state_dict()) == 175


def test_weights_without_any_layerscale_get_one_that_does_nothing():
    network = vit()
    state = {name: value for name, value in network.state_dict().items() if "gamma" not in name}
    weights.set_weights(network, state, "here")
    assert all((value == 1).all() for name, value in network.state_dict().items() if "gamma" in name)
    with pytest.raises(InputError, match=r"no blocks\.1\.ls1\.gamma"):
        weights.set_weights(network, state | {"blocks.0.ls1.gamma": torch.ones(24)}, "here")


# What is refused


def test_other_channels_are_refused(saved):
    for channels in (["RNA", "DNA", "Mito"], ["DNA", "RNA"]):
        with pytest.raises(InputError, match="channels of the encoder"):
            weights.load_encoder(*saved[1], channels=channels)


def test_an_encoder_of_single_channels_takes_any(tmp_path):
    paths = tmp_path / "weights.safetensors", tmp_path / "model.json"
    weights.save_encoder(vit(channels=1), *paths, channels=NAMES, each_channel=True)
    assert weights.load_encoder(*paths, channels=["ER"]).architecture["channels"] == 1


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("left", [0, 100, 5000])
def test_cut_files_are_refused(tmp_path, suffix, left):
    path, state = tmp_path / f"x.{suffix}", vit().state_dict()
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match="whole file"):
        state_dicts.read(path, sha256(path))


class Code:
    """Unpickled carelessly, it would touch a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path):
    state = {"cls_token": torch.zeros(1), "code": Code(tmp_path / "ran")}
    with pytest.raises(InputError, match="no code"):
        state_dicts.read(*pickled(state, tmp_path / "x.pth"))
    assert not (tmp_path / "ran").exists()


def test_another_hash_or_none_is_refused(tmp_path, saved):
    path, found = pickled(saved[0].state_dict(), tmp_path / "x.pth")
    for wrong in ("0" * 64, ""):
        with pytest.raises(InputError, match=found):
            state_dicts.read(path, wrong)
    assert state_dicts.read(path, found.upper())
    assert state_dicts.read(saved[1][0], "")  # safetensors hold no code
    with pytest.raises(InputError, match="SHA-256"):
        state_dicts.read(saved[1][0], "0" * 64)


def test_no_file_a_folder_and_other_formats_are_refused(tmp_path):
    (tmp_path / "x.ckpt").write_text("weights")
    (tmp_path / "folder.pth").mkdir()
    for name, found in [("none.pth", "nothing"), ("folder.pth", "a folder"), ("x.ckpt", ".ckpt")]:
        path = tmp_path / name
        with pytest.raises(InputError, match=rf"found +{re.escape(found)}"):
            state_dicts.read(path, sha256(path) if path.is_file() else "")


@pytest.mark.parametrize("other", [{}, [torch.zeros(1)], {"a": 1}, {"teacher": {"a": torch.zeros(1), "b": None}}])
def test_what_is_no_dict_of_tensors_is_refused(tmp_path, other):
    with pytest.raises(InputError, match="dict of tensors"):
        state_dicts.read(*pickled(other, tmp_path / "x.pth"))


def test_infinite_weights_are_refused_by_name(tmp_path):
    state = vit().state_dict()
    state["blocks.1.mlp.fc1.weight"][3, 3] = float("nan")
    with pytest.raises(InputError, match=r"blocks\.1\.mlp\.fc1\.weight"):
        state_dicts.read(*pickled(state, tmp_path / "x.pth"))


def test_blocks_numbered_anew_in_every_chunk_are_refused(tmp_path):
    state = vit().state_dict()
    state = {
        name.replace("blocks.1.", "blocks.1.0.").replace("blocks.0.", "blocks.0.0."): state[name] for name in state
    }
    with pytest.raises(InputError, match="through all chunks"):
        state_dicts.read(*pickled(state, tmp_path / "x.pth"))


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


def test_other_architectures_are_refused(tmp_path):
    state, foreign = vit().state_dict(), torch.nn.TransformerEncoderLayer(8, 2).state_dict()
    for number, wrong in enumerate([foreign, without(state, "pos_embed"), without(state, "patch_embed.proj.weight")]):
        with pytest.raises(InputError, match="DINOv2's names"):
            weights.load_published(*pickled(wrong, tmp_path / f"{number}.pth"))


def test_positions_that_are_no_square_are_refused(tmp_path):
    state = vit().state_dict() | {"pos_embed": torch.zeros(1, 16, 24)}
    with pytest.raises(InputError, match="square grid"):
        weights.load_published(*pickled(state, tmp_path / "x.pth"))


def test_partial_and_foreign_names_are_refused(tmp_path):
    state = vit(dim=64, heads=1).state_dict()
    for wrong, message in [
        (without(state, "mask_token"), "no mask_token"),
        (without(state, "blocks.0.attn.qkv.bias"), r"no blocks\.0\.attn\.qkv\.bias"),
        (state | {"head.weight": torch.zeros(1)}, r"head\.weight, which is unknown"),
        (state | {"norm.weight": torch.zeros(5)}, r"norm\.weight \(5,\) instead of \(64,\)"),
    ]:
        with pytest.raises(InputError, match=message):
            weights.load_published(*pickled(wrong, tmp_path / "x.pth"))


def test_unknown_numbers_of_heads_are_asked_for(tmp_path):
    file = pickled(vit().state_dict(), tmp_path / "x.pth")
    assert weights.load_published(*file, heads=2)[0].architecture == vit().architecture
    for heads in (None, 5):
        with pytest.raises(InputError, match="heads"):
            weights.load_published(*file, heads=heads)


def test_model_json_tells_heads_and_hash(saved):
    network, (path, model) = saved
    loaded, about = weights.load_published(path, "")
    assert loaded.architecture == network.architecture
    assert about["channels"] == NAMES
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="SHA-256"):
        weights.load_published(path, "")
    model.write_text("{")
    with pytest.raises(InputError, match=r"model\.json"):
        weights.load_published(path, "")


def test_a_model_json_of_other_weights_is_not_believed(tmp_path, saved):
    state = vit(dim=64, heads=1, seed=1).state_dict()
    loaded, about = weights.load_published(*pickled(state, tmp_path / "x.pth"))
    assert about == {}
    assert loaded.architecture["heads"] == 1


# Initial weights of training


def test_initialised_from_its_own_weights_an_encoder_is_the_same(saved):
    fresh = vit(seed=1)
    weights.initialise(fresh, saved[1][0], "", NAMES)
    assert identical(fresh, saved[0])


def test_another_image_gives_the_references_outputs():
    path, arrays = golden.path("tiny_vit_c5_p8_img64_chunks2.pth"), golden.Arrays()
    for image in (40, 96):
        fresh = ViT(channels=5, image=image, patch=8, dim=32, depth=4, heads=2)
        weights.initialise(fresh, path, sha256(path), list("abcde"))
        assert fresh.pos_embed.shape == (1, 1 + (image // 8) ** 2, 32)
        torch.testing.assert_close(fresh(arrays[f"vit_x{image}"])[0], arrays[f"vit_cls{image}"], rtol=0, atol=5e-7)


def test_registers_swiglu_and_chunks_initialise_too(tmp_path):
    old = vit(registers=4, ffn="swiglu")
    file = pickled({"teacher": chunked(old.state_dict(), 2, 2)}, tmp_path / "x.pth")
    fresh = vit(seed=1, registers=4, ffn="swiglu", image=32)
    weights.initialise(fresh, *file, NAMES)
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(fresh(x)[0], old(x)[0])


def enlarged(patches, to):
    return F.interpolate(patches, (to, to), mode="bicubic", antialias=True)


@pytest.mark.parametrize(("old", "new"), [(8, 14), (14, 16), (7, 14)])
def test_a_larger_kernel_gives_enlarged_patches_the_tokens_of_the_old_one(old, new):
    kernel, patches = torch.randn(6, 3, old, old), torch.randn(20, 3, old, old)
    before = F.conv2d(patches, kernel)
    after = F.conv2d(enlarged(patches, new), weights.resize_kernel(kernel, new))
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("old", "new"), [(14, 8), (16, 8), (16, 14)])
def test_a_smaller_kernel_is_the_least_squares_one_and_keeps_the_scale(old, new):
    kernel = torch.randn(5, 2, old, old, dtype=torch.float64)
    one_pixel = [torch.zeros(1, 1, old, old, dtype=torch.float64) for _ in range(old**2)]
    for place, picture in enumerate(one_pixel):
        picture.view(-1)[place] = 1
    resizing = torch.stack([enlarged(picture, new).flatten() for picture in one_pixel])  # (P², new²)
    fitted = torch.linalg.lstsq(resizing, kernel.flatten(0, 1).flatten(1).T).solution.T
    small = weights.resize_kernel(kernel, new)
    torch.testing.assert_close(small.flatten(0, 1).flatten(1), fitted)
    smooth = enlarged(torch.randn(500, 2, 3, 3, dtype=torch.float64), old)
    ratio = F.conv2d(enlarged(smooth, new), small).std() / F.conv2d(smooth, kernel).std()
    assert 0.9 < ratio < 1.1


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_grey_pictures_mean_the_same_to_any_number_of_channels(tmp_path, channels):
    photographs = vit()
    file = pickled(photographs.state_dict(), tmp_path / "x.pth")
    fresh = vit(seed=1, channels=channels)
    weights.initialise(fresh, *file, [f"c{i}" for i in range(channels)])
    grey = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(fresh(grey.repeat(1, channels, 1, 1))[0], photographs(grey.repeat(1, 3, 1, 1))[0])


def test_three_channels_stay_three(tmp_path):
    old, fresh = vit(), vit(seed=1)
    weights.initialise(fresh, *pickled(old.state_dict(), tmp_path / "x.pth"), NAMES)
    assert identical(fresh, old)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 3}, "depth 2"),
        ({"dim": 48}, "dim 24"),
        ({"heads": 3}, "heads 2"),
        ({"registers": 1}, "registers 0"),
        ({"ffn": "swiglu"}, "ffn mlp"),
        ({"channels": 5}, "channels 3"),
        ({"channels": 1}, "channels 3"),  # ours know their channels: they are no photographs
    ],
)
def test_other_sizes_do_not_initialise(saved, change, message):
    with pytest.raises(InputError, match=rf"found +{message}"):
        weights.initialise(ViT(**SMALL | change), saved[1][0], "", NAMES)


def test_other_channel_names_do_not_initialise(saved):
    with pytest.raises(InputError, match="channels of the encoder"):
        weights.initialise(vit(), saved[1][0], "", ["DNA", "ER", "Mito"])


def test_encoders_of_single_channels_initialise_whatever_the_names(tmp_path):
    old, fresh, path = vit(channels=1), vit(seed=1, channels=1), tmp_path / "weights.safetensors"
    weights.save_encoder(old, path, tmp_path / "model.json", channels=NAMES, each_channel=True)
    weights.initialise(fresh, path, "", ["ER"])
    assert identical(fresh, old)
    with pytest.raises(InputError, match="channels 1"):
        weights.initialise(vit(channels=3), path, "", NAMES)


def test_partial_weights_do_not_initialise(tmp_path):
    state = without(vit().state_dict(), "blocks.1.norm1.bias")
    fresh = vit(seed=1)
    with pytest.raises(InputError, match=r"no blocks\.1\.norm1\.bias"):
        weights.initialise(fresh, *pickled(state, tmp_path / "x.pth"), NAMES)
    assert identical(fresh, vit(seed=1))


# What the README promises


def test_the_readmes_lines_of_plain_pytorch_embed_the_same(saved, tmp_path, monkeypatch):
    (code,) = (b for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "without wellread" in b)
    assert code.startswith("# Embeddings without wellread")
    assert json.loads(saved[1][1].read_text())["encoder"]["registers"] == 0
    monkeypatch.chdir(tmp_path)
    exec(code, plain := {})
    x = torch.randn(4, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(plain["embed"](x), saved[0](x)[0], rtol=0, atol=1e-5)
