"""HPA-Cell-Segmentation: published pickles give tensors and run nothing, probabilities become cells that share ids."""

import hashlib
import os
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter
from skimage.segmentation import find_boundaries
from torch import nn
from wellread.networks import safe_unpickle
from wellread.painted.phantom import draw
from wellread.runtime.errors import InputError
from wellread.segment import hpa_net
from wellread.segment.hpa import MEAN, SD, enlarge, hpa
from wellread.segment.hpa_labels import _apart, _solid, as_published, label_cells
from wellread.segment.scene import Scene

pytestmark = pytest.mark.dag

SMALL = {"first": 4, "stages": ((2, 4, 6, 2, 2), (1, 4, 8, 2, 1), (2, 8, 8, 3, 4), (1, 4, 10, 2, 2)), "outputs": 3}
PLACE = {"plate": "P1", "well": "A01", "site": 1, "field": 0}
NAMES = {"nucleus": "DNA", "microtubules": "tubulin", "er": "ER"}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def small(seed=0):
    """A small network, every weight of which matters."""
    torch.manual_seed(seed)
    network = hpa_net.DPNUnet(**SMALL)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if name.endswith("running_var") else value.normal_(0, 0.3)
    return network.eval()


# Published files


@pytest.fixture
def published(monkeypatch):
    """A class of a module that can be imported while files are written, and no longer afterwards."""
    zoo = types.ModuleType("pytorch_zoo.unet")

    class DPNUnet(hpa_net.DPNUnet):
        __module__, __qualname__ = "pytorch_zoo.unet", "DPNUnet"

        def __setstate__(self, state):
            raise AssertionError("code of a pickle was run")

    zoo.DPNUnet = DPNUnet
    monkeypatch.setitem(sys.modules, "pytorch_zoo", types.ModuleType("pytorch_zoo"))
    monkeypatch.setitem(sys.modules, "pytorch_zoo.unet", zoo)
    network = DPNUnet(**SMALL)
    network.load_state_dict(small().state_dict())

    def write(path, parallel=False, zipped=True, **more):
        vars(network).update(more)
        torch.save(nn.DataParallel(network) if parallel else network, path, _use_new_zipfile_serialization=zipped)
        sys.modules.pop("pytorch_zoo.unet")
        return path

    return write


class Harm:
    """Unpickled, it would leave a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source")
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("parallel", [True, False])
def test_tensors_of_a_published_network_are_read_and_no_code_is_run(published, tmp_path, parallel, zipped):
    path = published(tmp_path / "net.pth", parallel, zipped, decoder_type=1, harm=Harm(tmp_path / "harm"))
    state = safe_unpickle.tensors(path)
    expected = small().state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in state.items())
    assert not (tmp_path / "harm").exists()
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        torch.load(path, weights_only=False)  # as the published programme reads it


def test_a_published_network_is_converted_once_and_computes_the_same(published, tmp_path):
    path, plain = published(tmp_path / "net.pth"), tmp_path / "net.safetensors"
    hpa_net.convert(path, plain)
    image = torch.linspace(-2, 2, 3 * 64 * 96).sin().view(1, 3, 64, 96)
    expected = small()(image)
    assert expected.shape == (1, 3, 64, 96)
    for file, sha in ((path, sha256(path)), (plain, ""), (plain, sha256(plain))):
        torch.testing.assert_close(hpa_net.network(file, sha, "cpu", 1)(image), expected, rtol=1e-4, atol=1e-2)


def test_old_networks_know_no_count_of_batches(tmp_path):
    state = {name: value for name, value in small().state_dict().items() if not name.endswith("batches_tracked")}
    save_file(state, tmp_path / "old.safetensors")
    assert hpa_net.load_network(load_file(tmp_path / "old.safetensors"), "old").final[0].out_channels == 3


def test_the_published_size_is_that_of_dpn_92():
    with torch.device("meta"):
        network = hpa_net.DPNUnet()
    state = network.state_dict()
    assert len(state) == 595
    assert sum(value.numel() for value in network.parameters()) == 139_108_867
    assert hpa_net.architecture(state) == {"first": 64, "stages": hpa_net.DPN92, "outputs": 3}
    assert state["encoder_stages.4.3.bn.weight"].shape == (2688,)
    assert state["bottlenecks.0.seq.0.weight"].shape == (1552, 3104, 3, 3)


def test_the_size_is_read_off_the_weights():
    assert hpa_net.architecture(small().state_dict()) == SMALL


def refused(path, sha, text):
    with pytest.raises(InputError) as error:
        hpa_net.network(path, sha, "cpu", 1)
    assert text in str(error.value)


def test_other_files_are_refused(published, tmp_path):
    path = published(tmp_path / "net.pth")
    refused(tmp_path / "none.pth", "0" * 64, "a file of weights")
    refused(path, "0" * 64, "SHA-256 " + "0" * 64)
    refused(path, "", sha256(path))
    half = tmp_path / "half.pth"
    half.write_bytes(path.read_bytes()[:3000])
    refused(half, sha256(half), "a whole file")
    half = tmp_path / "half.safetensors"
    half.write_bytes(b"12345678{")
    refused(half, "", "a whole file")
    other = tmp_path / "other.pth"
    for content in ({"a": torch.zeros(3)}, nn.Conv2d(3, 3, 1)):
        torch.save(content, other)
        refused(other, sha256(other), "HPA-Cell-Segmentation")
    other.write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    refused(other, sha256(other), "expected")
    assert not (tmp_path / "harm").exists()
    script = tmp_path / "script.pth"
    torch.jit.script(nn.Conv2d(3, 3, 1)).save(script)
    refused(script, sha256(script), "TorchScript")
    less = {name: value for name, value in small().state_dict().items() if name != "final.0.bias"}
    save_file(less, tmp_path / "less.safetensors")
    refused(tmp_path / "less.safetensors", "", "final.0.bias")


def test_a_missing_graphics_card_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    save_file(small().state_dict(), tmp_path / "net.safetensors")
    files = dict.fromkeys(["nuclei_weights", "cell_weights"], str(tmp_path / "net.safetensors"))
    with pytest.raises(InputError, match="a CUDA device"):
        hpa(Scene(device="cuda"), **files, **NAMES)


# From probabilities to labels

ZOOM = 1 / 6  # a painted nucleus, of 200 px, is then as large as one of the Human Protein Atlas


def drawn(seed, size=256, mean_count=18.0):
    """Border and object of nuclei and of cells (2, 2, size, size), as a good network would give them, and the truth."""
    rng = np.random.default_rng(seed)
    masks = draw(rng, mean_count, size, np.zeros(4))[1]
    lines = [find_boundaries(mask, mode="outer") & binary_dilation(mask > 0) for mask in masks]
    border = np.stack([gaussian_filter((distance_transform_edt(~line) < 1).astype(np.float32), 0.5) for line in lines])
    inside = np.stack([gaussian_filter((mask > 0).astype(np.float32), 0.5) for mask in masks]) * (1 - border)
    return np.stack([border, inside], axis=1), masks


def agreement(true, labels):
    """F1 of objects that have more than half of their union in common."""
    hits = 0
    for i in range(1, true.max() + 1):
        own = true == i
        for j in np.unique(labels[own]):
            hits += j > 0 and 2 * (own & (labels == j)).sum() > (own | (labels == j)).sum()
    return 2 * hits / (len(np.unique(true)) + len(np.unique(labels)) - 2)


def check_ids(nuclei, cells):
    assert nuclei.dtype == cells.dtype == np.int32
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    assert set(np.unique(nuclei)) == set(np.unique(cells)) == set(range(cells.max() + 1))


@pytest.mark.parametrize("seed", range(3))
def test_drawn_probabilities_become_the_cells_they_were_drawn_from(seed):
    maps, truth = drawn(seed)
    nuclei, cells = label_cells(*maps, ZOOM)
    check_ids(nuclei, cells)
    assert agreement(truth[0], nuclei) > 0.9
    assert agreement(truth[1], cells) > 0.85


def test_no_probability_no_cell():
    nothing = np.zeros((2, 2, 40, 60), np.float32)
    assert not np.any(label_cells(*nothing, ZOOM))
    assert not np.any(as_published(*nothing.astype(np.uint8)))


def test_sizes_grow_with_the_resolution():
    maps, _ = drawn(0)
    nuclei, cells = label_cells(*maps, ZOOM)
    large = np.kron(maps, np.ones((1, 1, 3, 3), np.float32))
    for labels, other in zip((nuclei, cells), label_cells(*large, 3 * ZOOM), strict=True):
        assert labels.max() == other.max()
        assert agreement(np.kron(labels, np.ones((3, 3), int)), other) == 1
    assert label_cells(*maps, 1.0)[1].max() == 0  # a nucleus of 200 px at 0.08 micrometres is none


def test_holes_and_clefts_of_a_cell_are_filled_but_not_with_other_cells():
    cells = np.zeros((40, 50), np.int32)
    cells[5:30, 5:30], cells[10:20, 10:20], cells[13:16, 13:16] = 4, 0, 7  # a ring, and a cell within it
    cells[25:27, 20:30] = 0  # a cleft
    solid = _solid(cells, 3)
    assert np.array_equal(solid == 7, cells == 7)
    assert (solid[25:27, 20:26] == 4).all()
    assert (solid[10:20, 10:20] > 0).all()
    assert np.array_equal(solid > 0, (solid > 0) & (np.pad(np.ones((25, 25)), [(5, 10), (5, 20)]) > 0))  # and no more


def published_maps(seed, size, mean_count):
    """As the published programme has them: five times as large, in 8 bits."""
    maps, truth = drawn(seed, size, mean_count)
    return np.kron(np.rint(maps * 255), np.ones((1, 1, 5, 5))).astype(np.uint8), truth


def test_as_published_finds_the_same_cells():
    maps, truth = published_maps(0, 160, 12.0)
    nuclei, cells = as_published(*maps)
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    assert agreement(np.kron(truth[1], np.ones((5, 5), int)), cells) > 0.8


def test_as_published_boundaries_lie_across_sides_not_corners():
    corner, expected = np.zeros((12, 12), int), np.zeros((12, 12), int)
    corner[1:11, 1:11], corner[1:6, 1:6] = 1, 0
    expected[2:10, 2:10], expected[2:7, 2:7], expected[6, 6] = 1, 0, 1
    np.testing.assert_array_equal(_apart(corner), expected)


def grid(count, side):
    """Border and object of nuclei and cells (2, 2, H, W) on a grid of `count` by `count` squares."""
    y, x = np.mgrid[: count * side, : count * side] % side
    edge = np.maximum(abs(y - side // 2), abs(x - side // 2)) / (side // 2)
    inside = np.stack([edge < 0.6, edge < 0.85]).astype(np.float32)
    return np.stack([np.stack([edge > 0.95, edge > 0.95]).astype(np.float32), inside], axis=1)


def test_more_cells_than_8_bits_count():
    nuclei, cells = label_cells(*grid(18, 20), zoom=0.15)
    check_ids(nuclei, cells)
    assert cells.max() == 324


@pytest.mark.slow
def test_as_published_the_256th_cell_is_lost():
    maps = (grid(17, 96) * 255).astype(np.uint8)
    assert as_published(*maps)[1].max() == 17**2 - 1


def test_enlarging_is_that_of_opencv():
    cv2 = pytest.importorskip("cv2")
    small = np.random.default_rng(0).integers(0, 256, (2, 13, 13), dtype=np.uint8)
    for side in (52, 13, 47, 30):
        expected = cv2.resize(small.transpose(1, 2, 0), (side, side), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
        assert abs(enlarge(small, side).astype(int) - expected).max() <= 1


# The whole way


class ChannelNetwork(nn.Module):
    """A network that takes one channel for objects and another (-1: none) for borders."""

    def __init__(self, inside, border):
        super().__init__()
        self.inside, self.border, self.sides = inside, border, []
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, x):
        assert all(side % 32 == 0 for side in x.shape[2:])
        self.sides.append(tuple(x.shape[2:]))
        light = x * float(SD) + torch.from_numpy(MEAN)
        border = 30 * (light[:, self.border] - 0.6) if self.border >= 0 else torch.full_like(light[:, 0], -9)
        return torch.stack([torch.zeros_like(border), border, 30 * (light[:, self.inside] - 0.5)], dim=1)


@pytest.fixture
def channel_networks(monkeypatch):
    networks = {"n": ChannelNetwork(2, -1), "c": ChannelNetwork(0, 1)}
    monkeypatch.setattr(hpa_net, "network", lambda path, sha256, device, threads: networks[path])
    return networks


FILES = {"nuclei_weights": "n", "cell_weights": "c"}


def painted(seed, size=256, mean_count=18.0):
    """A field whose ER channel shows nothing but borders between cells, and the truth."""
    maps, truth = drawn(seed, size, mean_count)
    return {"DNA": maps[0, 1], "tubulin": maps[1, 1], "ER": maps[1, 0]}, truth


@pytest.mark.parametrize("how", ["scale", "pixel size"])
def test_a_field_is_segmented_at_the_networks_resolution_and_labelled_at_its_own(channel_networks, how):
    field, truth = painted(0)
    part = np.s_[:170, :]
    field = {name: plane[part] for name, plane in field.items()}
    options = {"scale": 1.5} if how == "scale" else {"pixel_size": 0.32}
    segmenter = hpa(Scene(pixel_size=0.48 if how != "scale" else 0), **FILES, **NAMES, **options)
    nuclei, cells = segmenter(field, PLACE)
    assert nuclei.shape == cells.shape == (170, 256)
    check_ids(nuclei, cells)
    assert agreement(truth[0][part], nuclei) > 0.85
    assert agreement(truth[1][part], cells) > 0.7
    assert channel_networks["n"].sides == channel_networks["c"].sides == [(320, 448)]  # 255 and 384, and margins
    assert np.array_equal(pickle.loads(pickle.dumps(segmenter))(field, PLACE), (nuclei, cells))


def test_the_er_may_be_missing(channel_networks):
    field, _ = painted(0)
    nuclei, cells = hpa(Scene(), **FILES, **NAMES | {"er": ""}, scale=1.0)({**field, "ER": None}, PLACE)
    check_ids(nuclei, cells)
    assert cells.max() > 5


def test_a_field_may_have_more_than_255_cells(channel_networks):
    maps = grid(18, 20)[:, :, :, :340]
    field = {"DNA": maps[0, 1], "tubulin": maps[1, 1], "ER": maps[1, 0]}
    nuclei, cells = hpa(Scene(), **FILES, **NAMES, scale=1.6)(field, PLACE)
    check_ids(nuclei, cells)
    assert cells.shape == (360, 340)
    assert cells.max() == 18 * 17


def test_faithful_fields_are_square_and_scaled_by_a_quarter(channel_networks):
    maps, _ = published_maps(0, 128, 14.0)
    field = {"DNA": maps[0, 1] / 255, "tubulin": maps[1, 1] / 255, "ER": maps[1, 0] / 255}
    segmenter = hpa(Scene(pixel_size=0.5), **FILES, **NAMES, faithful=True)
    _, cells = segmenter(field, PLACE)
    assert channel_networks["n"].sides == [(160, 160)]  # 640 / 4, which needs no margin
    assert cells.shape == (640, 640)
    assert cells.max() > 3
    with pytest.raises(InputError, match="square"):
        segmenter({name: plane[:600] for name, plane in field.items()}, PLACE)


def test_weights_from_files_go_the_whole_way(tmp_path):
    for name, seed in (("nuclei", 0), ("cells", 1)):
        save_file(small(seed).state_dict(), tmp_path / f"{name}.safetensors")
    files = {
        "nuclei_weights": str(tmp_path / "nuclei.safetensors"),
        "cell_weights": str(tmp_path / "cells.safetensors"),
    }
    field, _ = painted(0)
    segmenter = hpa(Scene(), **files, **NAMES)
    first = segmenter(field, PLACE)
    check_ids(*first)
    assert np.array_equal(first, segmenter(field, PLACE))
