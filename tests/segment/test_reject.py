"""Fibres, debris and haze are told from nuclei, with the reason; a few painted fields of every hard kind."""

import numpy as np
import pytest
from hard_fields import hard_field
from truth import pooled_f1
from wellread.segment.nuclei import find_objects
from wellread.segment.otsu_watershed import otsu_watershed
from wellread.segment.scene import Scene

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
