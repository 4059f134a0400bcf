"""Reading crops of several plates as one array."""

import numpy as np
import pytest
from wellread.crops.reader import Crops, prefetched
from wellread.runtime.errors import InputError


@pytest.fixture
def plates(tmp_path):
    """Three plates of 5, 0 and 7 crops, and all their crops in one array."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (n, 2, 6, 6), dtype=np.uint8) for n in (5, 0, 7)]
    paths = [tmp_path / f"{i}.npy" for i in range(3)]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return paths, np.concatenate(arrays)


def test_any_rows_in_any_order(plates):
    crops, whole = Crops(plates[0]), plates[1]
    assert crops.shape == (12, 2, 6, 6)
    assert len(crops) == 12
    for rows in ([11, 0, 4, 5, 5], range(12), np.random.default_rng(1).permutation(12), []):
        np.testing.assert_array_equal(crops[rows], whole[np.asarray(rows, int)])


def test_other_shapes_are_refused(plates, tmp_path):
    np.save(tmp_path / "odd.npy", np.zeros((2, 2, 8, 8), np.uint8))
    with pytest.raises(InputError, match="odd"):
        Crops([*plates[0], tmp_path / "odd.npy"])


@pytest.mark.parametrize("array", [np.zeros((2, 1, 4, 4), np.float32), np.zeros((2, 4, 4), np.uint8)])
def test_what_is_not_crops_is_refused(tmp_path, array):
    np.save(tmp_path / "other.npy", array)
    with pytest.raises(InputError, match="uint8 crops"):
        Crops([tmp_path / "other.npy"])


def test_a_file_that_ends_too_early_is_refused(plates):
    path = plates[0][2]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="ends too early"):
        Crops([path])


def test_prefetched_keeps_order_and_passes_errors_on():
    assert list(prefetched(range(1, 6))) == [1, 2, 3, 4, 5]
    with pytest.raises(ZeroDivisionError):
        list(prefetched(1 / x for x in (1, 0)))
