"""Nuclei and cells found apart share their ids afterwards, and none is lost without a rule."""

import numpy as np
import pytest
from wellread.segment.pairing import pair_labels


@pytest.fixture
def found():
    """Two cells side by side (70, 5), a cell without a nucleus (9), and five nuclei."""
    nuclei, cells = np.zeros((2, 12, 20), int)
    cells[1:6, 1:8], cells[1:6, 8:14], cells[7:11, 1:6] = 70, 5, 9
    nuclei[2:4, 2:4] = 300  # within 70
    nuclei[4:5, 2:3] = 8  # a second one there
    nuclei[2:5, 6:11] = 2  # more of it in 5 than in 70
    nuclei[8:10, 15:18] = 11  # outside of all
    nuclei[5:9, 9:12] = 4  # mostly outside, and 5 has another
    return nuclei, cells


def test_a_nucleus_is_cut_to_the_cell_that_holds_most_of_it(found):
    nuclei, cells = pair_labels(*found)
    label = cells[1, 10]
    assert np.array_equal(cells == label, found[1] == 5)
    assert np.array_equal(nuclei == label, (found[0] == 2) & (found[1] == 5))


def test_a_second_nucleus_becomes_cytoplasm(found):
    nuclei, cells = pair_labels(*found)
    assert np.array_equal(cells == cells[2, 2], found[1] == 70)
    assert np.array_equal(nuclei == cells[2, 2], found[0] == 300)


def test_a_nucleus_without_a_cell_is_one_by_itself_where_no_other_cell_is(found):
    nuclei, cells = pair_labels(*found)
    for label in (11, 4):
        own = (found[0] == label) & (found[1] == 0)
        here = nuclei[own][0]
        assert np.array_equal(nuclei == here, own)
        assert np.array_equal(cells == here, own)


def test_a_cell_without_a_nucleus_is_dropped_or_kept(found):
    assert pair_labels(*found)[1].max() == 4
    nuclei, cells = pair_labels(*found, bare="keep")
    assert cells.max() == 5
    assert np.array_equal(cells == cells[8, 2], found[1] == 9)
    assert not (nuclei == cells[8, 2]).any()


@pytest.mark.parametrize("bare", ["drop", "keep"])
@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_found_ids_are_shared_and_without_gaps(seed, bare):
    rng = np.random.default_rng(seed)
    nuclei, cells = (np.kron(rng.integers(0, 9, (10, 14)), np.ones((side, side), int)) * 1000 for side in (2, 2))
    nuclei, cells = pair_labels(np.roll(nuclei, 1, axis=0), cells, bare)
    assert nuclei.dtype == cells.dtype == np.int32
    assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()
    assert np.array_equal(np.unique(cells[cells > 0]), np.arange(1, cells.max() + 1))
    assert bare == "keep" or set(np.unique(nuclei)) == set(np.unique(cells))


def test_nothing_pairs_with_nothing():
    nothing, all_of_it = np.zeros((3, 4), int), np.ones((3, 4), int)
    assert not np.any(pair_labels(nothing, nothing))
    assert not np.any(pair_labels(nothing, all_of_it))
    assert np.all(pair_labels(all_of_it, nothing))


def test_more_cells_than_16_bits_count():
    many = np.arange(1, 70001).reshape(250, 280)
    nuclei, cells = pair_labels(many, many[::-1])
    assert cells.max() == 70000
    assert np.array_equal(nuclei, cells)
