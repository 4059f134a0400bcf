"""The U-Net that comes with its weights: painted hard fields, hand-drawn nuclei, and what it rests on."""

import numpy as np
import pytest
import torch
from fluorescence import FIELDS, calibrated, fields, segmented
from hard_fields import DIAMETER, KINDS, hard_field
from scipy import ndimage
from truth import pooled_f1
from wellread.runtime.errors import InputError
from wellread.runtime.registry import pick
from wellread.segment import unet_net
from wellread.segment.scene import Scene
from wellread.segment.unet import find_objects, unet

CPU = torch.device("cpu")


def nuclei_of(field: dict, **options):
    return unet(Scene([field]), **options)(field, {})


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_the_nuclei_of_painted_fields(kind):
    shown = [hard_field(kind, seed) for seed in (3, 4)]
    method = unet(Scene([{"DNA": field.dna} for field in shown]))
    found = [method({"DNA": field.dna}, {})[0] for field in shown]
    assert pooled_f1([field.nuclei for field in shown], found, 0.7) >= 0.9


def test_debris_is_rejected_with_a_row_and_cells_have_the_numbers_of_their_nuclei():
    field = hard_field("debris", 0)
    shown = {"DNA": field.dna, "body": field.body}
    nuclei, cells = masks = nuclei_of(shown, cell="body")
    place = {"plate": "P", "well": "A01", "site": "1", "field": 0}
    table = masks.rejected.table(shown, place)
    assert set(table["reason"]) == {"debris"}
    assert not nuclei[tuple(table[["y", "x"]].round().astype(int).to_numpy().T)].any()
    assert np.unique(nuclei).tolist() == np.unique(cells).tolist() == list(range(nuclei.max() + 1))
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()


@pytest.mark.skipif(not FIELDS.exists(), reason="needs ../shared/data/dsb2018_fluo")
def test_on_fields_that_it_did_not_learn_from_it_is_nearer_to_hand_drawn_nuclei_than_thresholds():
    pictures = fields(step=12, start=1)
    true = [labels for _, labels in pictures]
    found = [nuclei_of({"DNA": calibrated(counts)})[0] for counts, _ in pictures]
    others = [segmented(counts) for counts, _ in pictures]
    for iou in (0.5, 0.7):
        assert pooled_f1(true, found, iou) > pooled_f1(true, others, iou)


NOTHING = [np.zeros((90, 70)), np.full((64, 64), 0.4), np.random.default_rng(0).random((96, 96))]


@pytest.mark.parametrize("plane", NOTHING, ids=["dark", "even light", "noise"])
def test_where_there_is_nothing_it_finds_nothing(plane):
    assert nuclei_of({"DNA": plane.astype(np.float32)})[0].max() == 0


def test_offset_and_gain_do_not_matter():
    plane = hard_field("mixed", 0).dna
    np.testing.assert_allclose(unet_net.inputs(0.2 + 0.5 * plane), unet_net.inputs(plane), atol=1e-2)


def test_strips_give_what_the_whole_field_gives(monkeypatch):
    network, plane = unet_net.trained(CPU), hard_field("mixed", 0).dna[:, :203]
    whole = unet_net.log_odds(network, plane)
    assert whole.shape == (2, *plane.shape)
    monkeypatch.setattr(unet_net, "STRIP", 64)
    np.testing.assert_allclose(unet_net.log_odds(network, plane), whole, atol=1e-3)


@pytest.mark.parametrize("scale", [0.5, 2])
def test_another_magnification_is_the_same_to_it(scale):
    field = hard_field("spotted", 1)
    plane = ndimage.zoom(field.dna, scale, order=1)
    labels, reasons = find_objects(plane, scale * DIAMETER, unet_net.trained(CPU))
    assert labels.max() - len(reasons) == pytest.approx(field.nuclei.max(), abs=1)


def test_other_weights_are_refused(monkeypatch):
    unet_net.trained.cache_clear()
    monkeypatch.setattr(unet_net, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        unet_net.trained(CPU)
    unet_net.trained.cache_clear()


def test_a_config_picks_it():
    field = hard_field("mixed", 0)
    method = pick("segment", {"unet": {"nucleus": "Hoechst"}})(Scene([{"Hoechst": field.dna}]))
    assert method({"Hoechst": field.dna}, {})[0].max() == pytest.approx(field.nuclei.max(), abs=1)
