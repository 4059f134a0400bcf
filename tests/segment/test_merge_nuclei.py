"""Two nuclei in one body: one object, if that is asked for."""

import numpy as np
import pytest
from wellread.segment.merge_nuclei import merge_nuclei
from wellread.segment.otsu_watershed import otsu_watershed
from wellread.segment.scene import Scene

Y, X = np.mgrid[:80, :160]


def discs(*centres, radius=8):
    labels = np.zeros(Y.shape, np.int32)
    for label, (y, x) in enumerate(centres, start=1):
        labels[np.hypot(Y - y, X - x) < radius] = label
    return labels


NUCLEI = discs((40, 20), (40, 42), (40, 100), (40, 122))  # gaps of 7 px, and of 43
ONE_BODY, DIP = np.full(Y.shape, 0.5, np.float32), np.where(abs(X - 111) < 3, 0.2, 0.5).astype(np.float32)


def labels_at(labels):
    return [int(labels[40, x]) for x in (20, 42, 100, 122)]


@pytest.mark.parametrize(
    ("distance", "plane", "intensity", "expected"),
    [
        (4, None, 0.9, [1, 2, 3, 4]),
        (10, None, 0.9, [1, 1, 2, 2]),
        (50, None, 0.9, [1, 1, 1, 1]),
        (10, ONE_BODY, 0.9, [1, 1, 2, 2]),
        (10, DIP, 0.9, [1, 1, 2, 3]),
        (10, DIP, 0.3, [1, 1, 2, 2]),
    ],
)
def test_nuclei_that_are_near_without_a_dip_between_them_are_one(distance, plane, intensity, expected):
    merged = merge_nuclei(NUCLEI, plane, distance, intensity)
    assert labels_at(merged) == expected
    np.testing.assert_array_equal(merged > 0, NUCLEI > 0)


def test_nothing_is_merged_of_nothing():
    assert merge_nuclei(np.zeros(Y.shape, np.int32), ONE_BODY, 10, 0.9).max() == 0


def test_two_nuclei_in_one_body_are_one_cell_only_if_asked_for():
    rng = np.random.default_rng(0)
    body = (np.hypot(Y - 40, X - 31) < 24) | (np.hypot(Y - 40, X - 100) < 10.5) | (np.hypot(Y - 40, X - 122) < 10.5)
    planes = ((NUCLEI > 0) * 0.6, np.where(abs(X - 111) < 2, 0, body * 0.5))
    dna, rna = (np.float32(plane + rng.normal(0.05, 0.01, Y.shape)) for plane in planes)
    field = {"DNA": dna, "RNA": rna}
    for distance, expected in ((0, [1, 1, 1, 1]), (1.0, [2, 2, 1, 1])):  # how many nuclei have the label of each
        nuclei, cells = otsu_watershed(Scene([field], 1.0), cell="RNA", diameter=16, merge_distance=distance)(field, {})
        assert labels_at(nuclei) == labels_at(cells)
        assert [labels_at(nuclei).count(label) for label in labels_at(nuclei)] == expected
