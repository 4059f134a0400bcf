"""Encoders: each reads the right channels in the right way, or refuses; against the same thing done step by step."""

import hashlib

import golden
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from wellread.encoder import readouts, weights
from wellread.encoder.readouts import Readout
from wellread.encoder.views import centre_view
from wellread.encoder.vit import ViT
from wellread.runtime.errors import InputError
from wellread.runtime.registry import functions

ENCODERS = functions("encoder")

PRESENT = ["DNA", "RNA", "ER", "Mito"]
SMALL = {"channels": 3, "image": 16, "patch": 4, "dim": 24, "depth": 3, "heads": 2}


def vit(**changes):
    torch.manual_seed(1)
    return ViT(**SMALL | {"layer_scale": 1.0} | changes).eval().requires_grad_(False)


def file(tmp_path, network, name="x.pth"):
    torch.save(network.state_dict(), tmp_path / name)
    return hashed(tmp_path / name)


def hashed(path):
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.fixture(scope="module")
def crops():
    return torch.randint(0, 256, (5, 4, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def run(encoder, crops):
    out = encoder(crops)
    assert out.shape == (len(crops), encoder.width)
    assert out.dtype == torch.float32
    return out


# Our own


@pytest.fixture
def own(tmp_path):
    def made(network, channels, **about):
        paths = tmp_path / "weights.safetensors", tmp_path / "model.json"
        weights.save_encoder(network, *paths, channels=channels, **about)
        return paths

    return made


@pytest.mark.dag
def test_trained_sees_the_centre_of_all_its_channels(own, crops):
    network = vit(channels=4)
    encoder = readouts.trained(*own(network, PRESENT), PRESENT)
    torch.testing.assert_close(run(encoder, crops), network(centre_view(crops, 16))[0])


def test_trained_demands_its_channels_in_order(own):
    paths = own(vit(channels=4), PRESENT)
    for present in (PRESENT[::-1], PRESENT[:3], [*PRESENT, "AGP"]):
        with pytest.raises(InputError, match="channels of the encoder"):
            readouts.trained(*paths, present)


def test_trained_on_each_channel_reads_any_one_by_one(own, crops):
    network = vit(channels=1)
    encoder = readouts.trained(*own(network, ["A", "B"], each_channel=True), PRESENT, features="cls_mean", blocks=2)
    assert encoder.width == 4 * 3 * 24
    singly = []
    for channel in range(4):
        (before, _), (cls, patches) = network.intermediate_layers(centre_view(crops[:, [channel]], 16), 2)
        singly += [before, cls, patches.mean(1)]
    torch.testing.assert_close(run(encoder, crops), torch.cat(singly, 1))


def test_pooled_features_are_of_every_block(own, crops):
    network = vit(channels=4)
    encoder = readouts.trained(*own(network, PRESENT), PRESENT, features="cls_pooled", blocks=2)
    expected = []
    for cls, patches in network.intermediate_layers(centre_view(crops, 16), 2):
        mean = patches.sum(1) / patches.shape[1]
        deviation = ((patches - mean[:, None]) ** 2).mean(1).sqrt()
        expected += [cls, mean, deviation, patches.sort(1).values[:, -1]]
    assert encoder.width == 2 * 4 * 24
    torch.testing.assert_close(run(encoder, crops), torch.cat(expected, 1))


def test_features_are_the_references():
    path, arrays = golden.path("tiny_vit_c5_p8_img64_chunks2.pth"), golden.Arrays()
    network, _ = weights.load_published(path, hashed(path)["sha256"], heads=2)
    for blocks in (1, 4):
        how = Readout(features="cls_mean", blocks=blocks)
        found = run(readouts.Encoder(network, how, lambda x: x, [[0, 1, 2, 3, 4]]), arrays["vit_x"])
        torch.testing.assert_close(found, arrays[f"linear_input_n{blocks}_avg"], rtol=0, atol=5e-7)


@pytest.mark.parametrize("side", [8, 12, 20, 24])
def test_view_is_the_side_of_the_centre(own, crops, side):
    network = vit(channels=4)
    encoder = readouts.trained(*own(network, PRESENT), PRESENT, view=side)
    torch.testing.assert_close(run(encoder, crops), network(centre_view(crops, side))[0])


@pytest.mark.parametrize(("how", "message"), [({"view": 10}, "patches of 4 px"), ({"blocks": 4}, "at most 3 blocks")])
def test_what_the_encoder_cannot_do_is_refused(own, how, message):
    with pytest.raises(InputError, match=message):
        readouts.trained(*own(vit(channels=4), PRESENT), PRESENT, **how)


# Published weights


def test_cell_dino_picks_channels_by_name(tmp_path, crops):
    network = vit()
    options = file(tmp_path, network) | {"channels": ["Mito", "DNA", "ER"], "heads": 2}
    encoder = ENCODERS["cell_dino"](PRESENT, Readout(), **options)
    torch.testing.assert_close(run(encoder, crops), network(centre_view(crops[:, [3, 0, 2]], 16))[0])


@pytest.mark.parametrize(
    ("channels", "message"),
    [(["DNA", "RNA", "AGP"], r"\['AGP'\]"), (["DNA", "RNA"], "weights for 2"), (PRESENT, "found +3")],
)
def test_cell_dino_refuses_channels_that_are_missing_or_miscounted(tmp_path, channels, message):
    with pytest.raises(InputError, match=message):
        ENCODERS["cell_dino"](PRESENT, Readout(), **file(tmp_path, vit()), channels=channels, heads=2)


def test_cell_dino_believes_a_model_json(own):
    path, _ = own(vit(), ["DNA", "RNA", "ER"])
    assert ENCODERS["cell_dino"](PRESENT, Readout(), **hashed(path), channels=["DNA", "RNA", "ER"]).width == 24
    with pytest.raises(InputError, match="channels of the encoder"):
        ENCODERS["cell_dino"](PRESENT, Readout(), **hashed(path), channels=["RNA", "DNA", "ER"])


def test_bag_of_channels_puts_channels_side_by_side(tmp_path, crops):
    network = vit(channels=1)
    encoder = ENCODERS["bag_of_channels"](PRESENT, Readout(), **file(tmp_path, network), heads=2)
    assert encoder.width == 4 * 24
    singly = [network(centre_view(crops[:, [channel]], 16))[0] for channel in range(4)]
    torch.testing.assert_close(run(encoder, crops), torch.cat(singly, 1))


def photographed(network, crops, image):
    """The baseline of the paper, channel by channel."""
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    singly = []
    for channel in crops.unbind(1):
        grey = F.interpolate(channel[:, None] / 255, (image, image), mode="bicubic", antialias=True)
        rgb = (torch.cat([grey, grey, grey], 1) - mean.view(3, 1, 1)) / sd.view(3, 1, 1)
        singly.append(network(rgb)[0])
    return torch.cat(singly, 1)


@pytest.mark.parametrize("size", [{}, {"registers": 4}, {"ffn": "swiglu"}])
def test_dinov2_sees_every_channel_as_a_photograph(tmp_path, crops, size):
    network = vit(patch=14, image=70, **size)
    options = file(tmp_path, network) | {"heads": 2}
    encoder = ENCODERS["dinov2"](PRESENT, Readout(), **options)  # 224 px
    torch.testing.assert_close(run(encoder, crops), photographed(network, crops, 224), rtol=0, atol=1e-4)
    encoder = ENCODERS["dinov2"](PRESENT, Readout(view=12), **options, image=42)
    torch.testing.assert_close(
        run(encoder, crops), photographed(network, crops[..., 4:16, 4:16], 42), rtol=0, atol=1e-4
    )


def test_weights_for_other_numbers_of_channels_are_refused(tmp_path):
    file3, file4 = file(tmp_path, vit()), file(tmp_path, vit(channels=4), "y.pth")
    for name, options in [("bag_of_channels", file3), ("dinov2", file4)]:
        with pytest.raises(InputError, match="weights for"):
            ENCODERS[name](PRESENT, Readout(), **options, heads=2)


def test_photographs_of_broken_patches_are_refused(tmp_path):
    with pytest.raises(InputError, match="patches of 4 px"):
        ENCODERS["dinov2"](PRESENT, Readout(), **file(tmp_path, vit()), heads=2, image=50)


@pytest.mark.parametrize("name", ["cell_dino", "bag_of_channels", "dinov2", "exported"])
def test_files_need_their_hash(tmp_path, name):
    options = file(tmp_path, vit()) | {"cell_dino": {"channels": PRESENT}}.get(name, {})
    options |= {"exported": {"channels": PRESENT, "image": 16}}.get(name, {})
    for wrong in ("", "0" * 64):
        with pytest.raises(InputError, match=options["sha256"]):
            ENCODERS[name](PRESENT, Readout(), **options | {"sha256": wrong})
    with pytest.raises(InputError, match="nothing"):
        ENCODERS[name](PRESENT, Readout(), **options | {"path": str(tmp_path / "none.pth")})


# Chance


def test_random_depends_on_its_seed_alone_and_on_the_image(crops):
    size = {"arch": "tiny", "dim": 24, "depth": 2, "heads": 2, "patch": 4, "image": 16}
    before = torch.get_rng_state()
    one, same, other = (run(ENCODERS["random"](PRESENT, Readout(seed=seed), **size), crops) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert (one - other).abs().max() > 0.1
    assert one.std(0).min() > 1e-3
    assert one.shape == (5, 24)


def test_random_is_small_unless_told_otherwise():
    encoder = ENCODERS["random"](PRESENT, Readout())
    assert encoder.width == 384
    assert encoder.network.architecture | {"patch": 8, "image": 128, "channels": 4} == encoder.network.architecture


# Somebody's network


class Network(nn.Module):
    """Channel means and the middle pixel; `shape` makes of it what exported networks return."""

    def __init__(self, shape=lambda x: x):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return self.shape(torch.cat([x.mean((2, 3)), x[:, :, 4, 4]], 1))


def scripted(path, network=None, example=2):
    torch.jit.save(torch.jit.trace(network or Network(), torch.randn(example, 2, 8, 8)), path)
    return hashed(path)


def program(path, network=None, batch=None, example=2):
    shapes = ({0: batch or torch.export.Dim("batch")},) if batch != "fixed" else None
    exported = torch.export.export(network or Network(), (torch.randn(example, 2, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(exported, path)
    return hashed(path)


TWO = {"channels": ["Mito", "RNA"], "image": 8}


def expected(crops, fit="centre", normalise="self"):
    x = crops[:, [3, 1]].float()
    x = x[..., 6:14, 6:14] if fit == "centre" else F.interpolate(x, (8, 8), mode="bilinear", antialias=True)
    if normalise == "self":
        x = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), correction=0, keepdim=True)
    return Network()(x / 255 if normalise == "unit" else x)


@pytest.mark.dag
@pytest.mark.parametrize("fit", ["centre", "resize"])
@pytest.mark.parametrize("normalise", ["self", "unit", "none"])
@pytest.mark.parametrize(("export", "suffix"), [(scripted, "pt"), (program, "pt2")])
def test_exported_networks_get_what_they_were_promised(tmp_path, crops, fit, normalise, export, suffix):
    encoder = ENCODERS["exported"](
        PRESENT, Readout(), **export(tmp_path / f"x.{suffix}"), **TWO, fit=fit, normalise=normalise
    )
    assert encoder.width == 4
    torch.testing.assert_close(run(encoder, crops), expected(crops, fit, normalise), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(run(encoder, crops[:1]), expected(crops[:1], fit, normalise), rtol=1e-5, atol=1e-4)


def test_small_crops_are_padded(tmp_path, crops):
    encoder = ENCODERS["exported"](PRESENT, Readout(), **scripted(tmp_path / "x.pt"), **TWO, normalise="none")
    small = crops[..., :4, :4]
    means = small[:, [3, 1]].float().sum((2, 3)) / 64
    torch.testing.assert_close(run(encoder, small)[:, :2], means)


@pytest.mark.dag
@pytest.mark.parametrize("portion", [1, 2, 3, 5, 8])
def test_programs_for_a_fixed_number_of_images_get_portions(tmp_path, crops, portion):
    options = program(tmp_path / "x.pt2", batch="fixed", example=portion)
    encoder = ENCODERS["exported"](PRESENT, Readout(), **options, **TWO)
    torch.testing.assert_close(run(encoder, crops), expected(crops))


@pytest.mark.dag
@pytest.mark.parametrize("kind", [tuple, list])
def test_of_several_outputs_the_first_counts(tmp_path, crops, kind):
    def several(x):
        return kind([x, x.sum()])

    encoder = ENCODERS["exported"](PRESENT, Readout(), **program(tmp_path / "x.pt2", Network(several)), **TWO)
    torch.testing.assert_close(run(encoder, crops), expected(crops))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(lambda x: x[:, :, None], r"\(2, 4, 1\)"), (lambda x: x.sum(0), r"\(4,\)"), (lambda x: x[:1], r"\(1, 4\)")],
)
def test_outputs_of_other_shapes_are_refused(tmp_path, wrong, message):
    with pytest.raises(InputError, match=rf"\(2, 2, 8, 8\) to \(2, D\)\n +found +{message}"):
        ENCODERS["exported"](PRESENT, Readout(), **scripted(tmp_path / "x.pt", Network(wrong)), **TWO)


@pytest.mark.parametrize(("export", "suffix"), [(scripted, "pt"), (program, "pt2")])
def test_networks_for_other_inputs_are_refused(tmp_path, export, suffix):
    options = export(tmp_path / f"x.{suffix}", nn.Sequential(nn.Flatten(), nn.Linear(128, 3)))
    for other in ({"image": 9}, {"channels": ["DNA"]}):
        with pytest.raises(InputError, match="how it was exported"):
            ENCODERS["exported"](PRESENT, Readout(), **options, **TWO | other)


@pytest.mark.parametrize("name", ["x.pt", "x.pt2"])
def test_files_that_are_no_network_are_refused(tmp_path, name):
    whole = (program if name == "x.pt2" else scripted)(tmp_path / name)
    cut = (tmp_path / name).read_bytes()[:500]
    for content in (b"nothing", cut):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="TorchScript file"):
            ENCODERS["exported"](PRESENT, Readout(), **whole | hashed(tmp_path / name), **TWO)


def test_exported_networks_pick_channels_by_name(tmp_path):
    with pytest.raises(InputError, match=r"\['AGP'\]"):
        ENCODERS["exported"](PRESENT, Readout(), **scripted(tmp_path / "x.pt"), channels=["DNA", "AGP"], image=8)


@pytest.mark.parametrize("how", [{"features": "cls_mean"}, {"blocks": 2}, {"view": 8}])
def test_exported_networks_are_read_out_in_one_way(tmp_path, how):
    with pytest.raises(InputError, match="one output"):
        ENCODERS["exported"](PRESENT, Readout(**how), **scripted(tmp_path / "x.pt"), **TWO)
