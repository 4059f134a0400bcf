"""Nuclei are told from other stains by their even size."""

import numpy as np
import pytest
from wellread.calibrate.plate import open_plate
from wellread.segment import likeness


@pytest.fixture
def field(plate):
    opened = open_plate(str(plate / "fields.parquet"), str(plate / "calibration.npz"))
    return opened.read_by_channel(opened.good[0])


@pytest.mark.dag
def test_the_channel_of_nuclei_is_found(field):
    assert likeness.nuclei_channel(field) == "DNA"
    assert likeness.better_channel(field, "Mito") == "DNA"
    assert likeness.better_channel(field, "DNA") == ""


def test_an_empty_field_has_none():
    empty = {"a": np.zeros((64, 64), np.float32), "b": np.zeros((64, 64), np.float32)}
    assert likeness.likeness(empty["a"]) is None
    assert likeness.nuclei_channel(empty) == ""
    assert likeness.better_channel(empty, "b") == ""
