"""Cellpose by its own code: a network trained here finds painted cells, and no other weights are ever taken instead."""

import importlib
import pickle
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tiny_cellpose
import torch
from skimage.segmentation import expand_labels
from wellread.networks import torchvision_shim
from wellread.runtime.errors import InputError
from wellread.segment import cellpose_net
from wellread.segment.cellpose import cellpose
from wellread.segment.cpnet import CPnet
from wellread.segment.scene import Scene

pytestmark = pytest.mark.dag

BOTH = tiny_cellpose.CHANNELS_OF["cell"]
PLACE = {"plate": "P1", "well": "A01", "site": 1, "field": 0}
torchvision_shim.mend_torchvision()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    from cellpose import models, utils

    def refuse(*args, **kwargs):
        raise AssertionError("asked for a download")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(models, "cache_model_path", refuse)
    monkeypatch.setattr(utils, "download_url_to_file", refuse)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Options for a network that knows nothing but a size of cells: path and hash."""
    return options(tiny_cellpose.untrained(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Options for a network trained here, which takes half a minute."""
    return options(tiny_cellpose.train(tmp_path_factory.mktemp("taught")))


def options(path):
    return {"weights": str(path), "sha256": tiny_cellpose.sha256(path)}


@pytest.fixture(scope="module")
def segmenter(taught):
    return cellpose(Scene(), **taught, cell=BOTH)


# What is found


@pytest.mark.slow
def test_painted_nuclei_and_cells_are_found(segmenter):
    counts = np.zeros((2, 3))
    for seed in range(100, 103):
        planes, truth = tiny_cellpose.field(seed)
        masks = segmenter(planes, PLACE)
        counts += [tiny_cellpose.count_matches(*pair) for pair in zip(truth, masks, strict=True)]
    true, labelled, both = counts.T
    assert (true > 30).all()
    assert (2 * both / (true + labelled) > 0.8).all(), counts


@pytest.mark.slow
def test_a_field_need_not_be_square(segmenter):
    planes, truth = tiny_cellpose.field(110, 320)
    part = np.s_[:190, :]
    nuclei, cells = segmenter({name: plane[part] for name, plane in planes.items()}, PLACE)
    assert nuclei.shape == cells.shape == (190, 320)
    true, labelled, both = tiny_cellpose.count_matches(truth[1][part], cells)
    assert 2 * both / (true + labelled) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("content", ["nothing", "one grey", "noise"])
def test_an_empty_field_has_no_cells(segmenter, content):
    planes, _ = tiny_cellpose.field(0)
    rng = np.random.default_rng(0)
    value = {"nothing": 0, "one grey": 0.5, "noise": 0.2 + 0.01 * rng.standard_normal((200, 240))}[content]
    empty = {name: np.zeros((200, 240), np.float32) + np.float32(value) for name in planes}
    assert not np.any(segmenter(empty, PLACE))


@pytest.mark.slow
def test_the_result_depends_on_the_field_only(segmenter):
    from cellpose import models

    planes, _ = tiny_cellpose.field(111, 160)
    before = {name: plane.copy() for name, plane in planes.items()}
    first = segmenter(planes, PLACE)
    np.random.seed(3)
    torch.manual_seed(3)
    models.normalize_default["normalize"] = False  # what earlier calls of Cellpose may leave behind
    models.normalize_default["norm3D"] = True
    assert np.array_equal(first, segmenter(planes, PLACE))
    assert np.array_equal(first, pickle.loads(pickle.dumps(segmenter))(planes, PLACE))
    assert all(np.array_equal(before[name], planes[name]) for name in planes)


@pytest.mark.slow
def test_without_a_cell_channel_cells_are_nuclei_and_what_is_near(taught):
    planes, _ = tiny_cellpose.field(111, 160)
    nuclei, cells = cellpose(Scene(), **taught, reach=4)(planes, PLACE)
    assert np.array_equal(cells, expand_labels(nuclei, 4))
    half = cellpose(Scene(pixel_size=0.5), **taught, reach=2)(planes, PLACE)  # micrometres
    assert np.array_equal(half, (nuclei, cells))


@pytest.mark.slow
def test_nuclei_may_have_weights_of_their_own(taught, tmp_path):
    state = torch.load(taught["weights"])
    blind = tmp_path / "blind"
    torch.save(state | {"output.2.bias": torch.tensor([0.0, 0.0, -99.0])}, blind)
    others = {"nucleus_weights": str(blind), "nucleus_sha256": tiny_cellpose.sha256(blind)}
    planes, _ = tiny_cellpose.field(111, 160)
    nuclei, cells = cellpose(Scene(), **taught, **others, cell=BOTH, bare="keep")(planes, PLACE)
    assert not nuclei.any()
    assert cells.max() > 5


def test_every_option_reaches_cellpose(tiny, monkeypatch):
    from cellpose.models import CellposeModel

    calls = []

    def record(self, image, **options):
        calls.append({"image": image} | options)
        return np.zeros(image.shape[1:], np.uint16), None, None

    monkeypatch.setattr(CellposeModel, "eval", record)
    options = {"flow_threshold": 0.3, "cellprob_threshold": -1.0, "min_size": 7, "max_size_fraction": 0.5}
    options |= {"augment": True, "tile_overlap": 0.2}
    more = {"iterations": 50, "batch": 3, "tile": 96, "normalise": "plate", "diameter": 12, "nucleus_diameter": 4}
    planes, _ = tiny_cellpose.field(111, 160)
    cellpose(Scene(pixel_size=0.5), **tiny, cell="RNA", **options, **more)(planes, PLACE)
    for call, names, diameter in zip(calls, (["DNA"], ["RNA"]), (8, 24), strict=True):
        assert np.array_equal(call["image"], tiny_cellpose.network_input(planes, names))
        expected = options | {"niter": 50, "batch_size": 3, "bsize": 96, "channel_axis": 0, "do_3D": False}
        assert expected.items() <= call.items()
        assert call["normalize"]["normalize"] is False
        own = float(torch.load(tiny["weights"])["diam_mean"])  # Cellpose itself would take 30 for it
        assert call["diameter"] == pytest.approx(diameter * 30 / own)


# Networks


def filled(state):
    """Weights of waves, which need no random numbers."""
    full = {}
    for i, (name, value) in enumerate(sorted(state.items())):
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * 0.7 + i).reshape(value.shape)
        base = float(name.endswith("running_var") or (value.dim() == 1 and name.endswith("0.weight")))
        full[name] = (base + 0.15 * wave).to(value.dtype) if value.is_floating_point() else value
    return full


CPNET_3_1 = """
 0.09275 -0.1335 -0.1335 -0.11978 0.7405 0.6919 0.28399 -0.1335 6.59743 -0.24989 -0.05804 -0.05804 -0.05321 -0.69665
 -0.73493 -0.41542 -0.05804 -4.9536 0.17998 0.04471 0.04471 0.02187 0.37413 0.49487 0.30066 0.04471 2.53917"""


def test_the_network_of_cellpose_3_computes_what_it_did_in_3_1():
    network = CPnet((2, 4, 6, 5)).eval()
    state = filled(network.state_dict())
    network = cellpose_net.build(state, torch.bfloat16, "x")
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(12.0), indexing="ij")
    image = torch.stack([torch.sin(x + y), torch.cos(x * y / 5), 100 * x])[None]  # it uses two channels
    with torch.no_grad():
        flows = network.eval()(image)[0]
    expected = torch.tensor([float(value) for value in CPNET_3_1.split()])
    torch.testing.assert_close(flows[0, :, ::3, ::4].flatten(), expected, rtol=1e-4, atol=1e-5)


SIZES = [("cyto3", (30, 30), 0, None), ("cyto3", (30, 30), 45, 45), ("own", (30, 60), 0, 60)]
SIZES += [("own", (20, 20), 10, 15), ("nuclei", (30, 17), 0, None), ("nuclei", (30, 17), 34, 60)]


@pytest.mark.parametrize(("name", "trained", "asked", "passed"), SIZES)
def test_objects_are_scaled_to_the_size_a_network_knows(tmp_path, name, trained, asked, passed):
    network = CPnet((2, 4, 6))
    network.diam_mean.fill_(trained[0])
    network.diam_labels.fill_(trained[1])
    network.save_model(tmp_path / name)
    model = cellpose_net.model(tmp_path / name, tiny_cellpose.sha256(tmp_path / name), "cpu", 1, "fp32")
    assert cellpose_net.eval_diameter(model, asked) == (passed and pytest.approx(passed))


@pytest.fixture
def small_sam(monkeypatch, tmp_path):
    """A file of Cellpose's own transformer, small."""
    from cellpose import vit
    from segment_anything.modeling.image_encoder import ImageEncoderViT

    class Sam:
        def __init__(self, checkpoint):
            size = {"img_size": 1024, "patch_size": 16, "embed_dim": 16, "depth": 2, "num_heads": 2, "out_chans": 8}
            self.image_encoder = ImageEncoderViT(**size, use_rel_pos=True, window_size=14, global_attn_indexes=(1,))

    monkeypatch.setitem(vit.sam_model_registry, "vit_l", Sam)
    torch.manual_seed(0)
    network = vit.CPSAM()
    for value in network.encoder.parameters():
        torch.nn.init.normal_(value, std=0.1)
    network.save_model(tmp_path / "cpsam")
    return str(tmp_path / "cpsam")


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_weights_of_cellpose_4_give_what_cellpose_gives(small_sam, precision):
    from cellpose.models import CellposeModel

    theirs = CellposeModel(pretrained_model=small_sam, device=torch.device("cpu"), use_bfloat16=precision == "bf16")
    ours = cellpose_net.model(small_sam, tiny_cellpose.sha256(small_sam), "cpu", 1, precision)
    assert vars(ours).keys() == vars(theirs).keys()
    assert ours.net.dtype == theirs.net.dtype
    image = tiny_cellpose.network_input(tiny_cellpose.field(111, 160)[0], BOTH)[:, :150, :160]
    (_, flows, _), (_, expected, _) = (
        model.eval(image.copy(), channel_axis=0, batch_size=1, compute_masks=False) for model in (ours, theirs)
    )
    assert np.ptp(flows[1]) > 0.01
    assert np.array_equal(flows[1], expected[1])


def test_weights_of_cellpose_4_know_one_size_of_tiles_and_three_channels(small_sam):
    scene, own = Scene(), {"weights": small_sam, "sha256": tiny_cellpose.sha256(small_sam), "nucleus": "DNA"}
    cellpose(scene, **own, cell=["AGP", "RNA", "DNA"], tile=256)
    with pytest.raises(InputError, match="256"):
        cellpose(scene, **own, tile=224)
    with pytest.raises(InputError, match="at most 3 channels"):
        cellpose(scene, **own, cell=["AGP", "RNA", "DNA", "ER"])


@pytest.fixture
def bright(monkeypatch, tmp_path):
    """Options for a network that takes every bright pixel for a part of one cell."""
    from cellpose.vit import BaseModel

    class Bright(BaseModel):
        """What is bright is a cell, all flowing to one point."""

        backbone, channels, tile = "bright", 3, 64

        def forward(self, x):
            y, z = torch.meshgrid(*(torch.linspace(5, -5, side) for side in x.shape[2:]), indexing="ij")
            flows = torch.stack([y, z]).expand(len(x), -1, -1, -1)
            return torch.cat([flows, 20 * (x[:, :1] - 0.5)], dim=1), x.new_zeros(len(x), 256)

    Bright().save_model(tmp_path / "bright")
    monkeypatch.setitem(cellpose_net.ARCHITECTURES, "bright", ("diam_mean", lambda state, dtype: Bright()))
    return options(tmp_path / "bright") | {"flow_threshold": 0.0}


def square(height=64):
    """A bright square in a field, which need not be square."""
    plane = np.zeros((height, 64), np.float32)
    plane[20:44, 20:44] = 1
    return plane


def test_other_networks_may_be_registered(bright):
    nuclei, _ = cellpose(Scene(), **bright)({"DNA": square()}, PLACE)
    assert np.array_equal(nuclei > 0, square() > 0)
    assert nuclei.max() == 1


def test_cells_are_the_nuclei_and_what_is_near_and_the_same_twice(bright):
    find = cellpose(Scene(), **bright, reach=4)
    nuclei, cells = find({"DNA": square(50)}, PLACE)
    assert np.array_equal(nuclei > 0, square(50) > 0)
    assert np.array_equal(cells, expand_labels(nuclei, 4))
    assert np.array_equal(cellpose(Scene(pixel_size=0.5), **bright, reach=2)({"DNA": square(50)}, PLACE)[1], cells)
    assert np.array_equal(pickle.loads(pickle.dumps(find))({"DNA": square(50)}, PLACE)[1], cells)
    assert not np.any(find({"DNA": np.zeros((64, 64), np.float32)}, PLACE))


def test_torchvision_can_be_imported_beside_any_torch():
    kept = torchvision_shim.mend_torchvision()
    assert importlib.import_module("torchvision").ops.nms
    assert torchvision_shim.mend_torchvision() is kept


# Refusals


def refused(text, **options):
    with pytest.raises(InputError) as error:
        cellpose(Scene(), **{"nucleus": "DNA"} | options)
    assert text in str(error.value)


@pytest.mark.parametrize("name", ["cyto3", "cpsam", "nuclei", "/no/such/file"])
def test_names_and_missing_files_are_refused(name):
    refused("a file of weights", weights=name, sha256="0" * 64)


def test_other_files_are_refused(tiny, tmp_path):
    refused("a folder", weights=str(tmp_path), sha256="0" * 64)
    refused("SHA-256 " + "0" * 64, weights=tiny["weights"], sha256="0" * 64)
    refused(tiny["sha256"], weights=tiny["weights"], sha256="")
    refused("a file of weights", **tiny, cell="RNA", nucleus_weights="nuclei", nucleus_sha256="0" * 64)


def write(path, state):
    torch.save(state, path)
    return {"weights": str(path), "sha256": tiny_cellpose.sha256(path)}


def test_damaged_files_are_refused(tiny, tmp_path):
    half = tmp_path / "half"
    half.write_bytes(Path(tiny["weights"]).read_bytes()[:100_000])
    refused("a whole file", weights=str(half), sha256=tiny_cellpose.sha256(half))
    state = torch.load(tiny["weights"])
    refused("a dict of tensors", **write(tmp_path / "other", {"a": "b"}))
    refused("Cellpose 4 (Cellpose-SAM) or", **write(tmp_path / "vit", {"cls_token": torch.zeros(3)}))
    refused("NaN", **write(tmp_path / "nan", state | {"output.2.bias": torch.full((3,), torch.nan)}))
    less = {name: value for name, value in state.items() if name != "output.2.weight"}
    refused("no output.2.weight", **write(tmp_path / "less", less))
    refused("output.2.weight", **write(tmp_path / "shape", state | {"output.2.weight": torch.zeros(3, 9, 1, 1)}))
    less = {name: value for name, value in state.items() if "res_down_1" not in name}
    refused("all weights of Cellpose 3", **write(tmp_path / "gap", less))


def test_an_incomplete_transformer_is_refused(small_sam, tmp_path):
    state = torch.load(small_sam)
    less = {name: value for name, value in state.items() if "blocks.1.mlp" not in name}
    refused("no encoder.blocks.1.mlp", **write(tmp_path / "less", less))
    refused("W2", **write(tmp_path / "cp3", {name: value for name, value in state.items() if name != "W2"}))


def test_a_missing_graphics_card_is_named(tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="a CUDA device"):
        cellpose(Scene(device="cuda"), **tiny)


def test_a_diameter_needs_the_size_of_a_pixel(tiny):
    refused("pixel_size", **tiny, diameter=10)
    refused("nucleus_diameter", **tiny, nucleus_diameter=10)


def test_networks_of_cellpose_3_take_two_channels(tiny):
    refused("at most 2 channels", **tiny, cell=["RNA", "DNA", "ER"])
