"""Reading crops of several plates as one array."""

import gc
import os
import threading
import time

import numpy as np
import pytest
from wellread.crops import reader
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


def test_one_channel_of_each_row(plates):
    rows, channels = np.array([11, 0, 4, 5, 5, 2]), np.array([0, 1, 1, 0, 1, 0])
    found = Crops(plates[0]).read(rows, np.empty((6, 1, 6, 6), np.uint8), channels)
    np.testing.assert_array_equal(found[:, 0], plates[1][rows, channels])


def test_of_a_channel_no_more_is_read(plates, monkeypatch):
    crops, sizes = Crops(plates[0]), []
    whole = reader.read_into
    monkeypatch.setattr(reader, "read_into", lambda n, out, at: sizes.append(out.nbytes) or whole(n, out, at))
    crops.read(np.arange(12), np.empty((12, 1, 6, 6), np.uint8), np.zeros(12, int))
    assert sizes == [36] * 12


@pytest.mark.dag
def test_few_files_are_open_however_many_there_are(plates, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "OPEN_FILES", 4)
    paths = [tmp_path / f"many{i}.npy" for i in range(40)]
    for i, path in enumerate(paths):
        np.save(path, np.full((2, 1, 4, 4), i, np.uint8))
    before = len(os.listdir("/proc/self/fd"))
    crops = Crops(paths)
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(80)
        np.testing.assert_array_equal(crops[rows][:, 0, 0, 0], rows // 2)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 4
    del crops
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_rows_are_read_at_the_same_time(plates, monkeypatch):
    """Every read waits until six are under way: with one reader it would wait in vain."""
    crops, whole, together = Crops(plates[0]), reader.read_into, threading.Barrier(6, timeout=300)
    monkeypatch.setattr(reader, "read_into", lambda *args: (together.wait(), whole(*args))[1])
    np.testing.assert_array_equal(crops[range(12)], plates[1])


def test_a_file_that_shrinks_meanwhile_is_refused(plates):
    crops = Crops(plates[0])
    plates[0][2].write_bytes(plates[0][2].read_bytes()[:-1])
    assert len(crops[range(11)]) == 11
    with pytest.raises(InputError, match="ends too early"):
        crops[[11]]


def test_some_batches_are_made_ahead_and_no_more():
    made = []

    def items():
        for number in range(1, 20):
            made.append(number)
            yield number

    batches = prefetched(items(), ahead=3)
    assert next(batches) == 1
    for _ in range(1000):
        if len(made) == 4:
            break
        time.sleep(0.005)
    time.sleep(0.05)
    assert made == [1, 2, 3, 4]
    batches.close()
    assert len(made) <= 5
