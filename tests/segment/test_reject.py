"""Fibres, debris and haze are told from nuclei, with the reason; a few painted fields of every hard kind."""

import numpy as np
import pytest
from hard_fields import hard_field
from scipy import ndimage
from truth import pooled_f1
from wellread.segment.nuclei import find_objects
from wellread.segment.otsu_watershed import otsu_watershed
from wellread.segment.reject import in_fibres
from wellread.segment.scene import Scene
from wellread.segment.size import NucleusSize

pytestmark = pytest.mark.dag

DIAMETER = 26


def found(kind, seed=0):
    """A painted field, and {label: (reason, "" of what is kept; part of it that is a true nucleus)}."""
    field = hard_field(kind, seed)
    labels, reasons = find_objects(field.dna, DIAMETER)
    true = {label: (field.nuclei[labels == label] > 0).mean() for label in range(1, labels.max() + 1)}
    return field, {label: (reasons.get(label, ""), part) for label, part in true.items()}


@pytest.mark.parametrize(("kind", "reason"), [("fibres", "fibre"), ("debris", "debris"), ("haze", "haze")])
def test_what_is_no_nucleus_is_rejected_with_its_reason(kind, reason):
    field, objects = found(kind)
    assert {why for why, part in objects.values() if part < 0.5} == {reason}
    assert [why for why, part in objects.values() if part > 0.5] == [""] * field.nuclei.max()


@pytest.mark.parametrize("kind", ["textured", "spotted", "mixed", "micronuclei"])
def test_nuclei_are_not_rejected(kind):
    field = hard_field(kind, 0)
    method = otsu_watershed(Scene([{"DNA": field.dna}]))
    nuclei, _ = masks = method({"DNA": field.dna}, {})
    assert not masks.rejected.reasons
    assert pooled_f1([field.nuclei], [nuclei], 0.7) >= 0.9


def test_what_is_rejected_has_a_row_and_no_mask():
    field = hard_field("debris", 0)
    shown = {"DNA": field.dna}
    nuclei, cells = masks = otsu_watershed(Scene([shown]))(shown, {})
    place = {"plate": "P", "well": "A01", "site": "1", "field": 0}
    table = masks.rejected.table(shown, place)
    assert set(table["reason"]) == {"debris"}
    for y, x in table[["y", "x"]].round().astype(int).to_numpy():
        assert field.other[y - 2 : y + 3, x - 2 : x + 3].any()
        assert nuclei[y, x] == 0
    assert np.unique(nuclei).tolist() == np.unique(cells).tolist()


@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_one_size_for_a_plate_but_for_fields_of_another_magnification(scale):
    field = hard_field("debris", 0)
    plane = ndimage.zoom(field.dna, scale, order=1)
    labels, reasons, diameter = NucleusSize(DIAMETER).find(plane)
    assert diameter == DIAMETER if scale == 1 else diameter == pytest.approx(scale * DIAMETER, rel=0.1)
    assert labels.max() - len(reasons) == pytest.approx(field.nuclei.max(), abs=1)
    assert NucleusSize(DIAMETER, given=True).find(plane)[2] == DIAMETER


def test_texture_does_not_multiply_the_nuclei_of_a_field():
    field = hard_field("textured", 1)
    labels, _, diameter = NucleusSize(2 * DIAMETER).find(field.dna)
    assert diameter == 2 * DIAMETER
    assert labels.max() == field.nuclei.max()


def test_pieces_of_a_fibre_touch_at_corners_too():
    labels = np.kron(np.diag(range(1, 13)), np.ones((3, 3), int))
    assert in_fibres(labels, np.arange(13) > 0, 10)[1:].all()
    assert not in_fibres(labels, np.arange(13) % 2 == 1, 10).any()
