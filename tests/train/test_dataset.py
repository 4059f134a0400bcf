"""The crops of a training set, by cell and by channel, and which make a batch."""

import numpy as np
import pytest
import torch
from wellread.crops.reader import Crops
from wellread.train import loop
from wellread.train.dataset import TrainingSet, balanced_batches, shuffled_batches
from wellread.train.labels import Labels


@pytest.fixture
def plates(tmp_path):
    """Crops (12, 3, 6, 6) of two plates: where they are, and all in one array."""
    whole = np.random.default_rng(0).integers(0, 256, (12, 3, 6, 6), dtype=np.uint8)
    np.save(tmp_path / "a.npy", whole[:5])
    np.save(tmp_path / "b.npy", whole[5:])
    return Crops([tmp_path / "a.npy", tmp_path / "b.npy"]), whole


def test_an_item_is_a_cell_or_one_channel_of_it(plates):
    crops, whole = plates
    cells, channels = TrainingSet(crops), TrainingSet(crops, each_channel=True)
    assert cells.shape == (12, 3, 6, 6)
    assert channels.shape == (36, 1, 6, 6)
    rows = np.random.default_rng(1).permutation(36)
    np.testing.assert_array_equal(cells[rows % 12][0], whole[rows % 12])
    np.testing.assert_array_equal(channels[rows][0], whole.reshape(36, 1, 6, 6)[rows])


def test_with_labels_only_cells_that_have_one(plates):
    crops, whole = plates
    labels = Labels(["x", "y"], np.array([[False, False], [True, False], [True, True]]), np.arange(12) % 3)
    with_label = np.flatnonzero(np.arange(12) % 3)
    for each_channel in (False, True):
        dataset = TrainingSet(crops, labels, each_channel)
        images, targets = dataset[np.arange(len(dataset))]
        expected = whole[with_label]
        np.testing.assert_array_equal(images, expected.reshape(-1, 1, 6, 6) if each_channel else expected)
        both = np.repeat(np.arange(12)[with_label] % 3 == 2, 3 if each_channel else 1)
        np.testing.assert_array_equal(targets, np.stack([np.ones(len(both), bool), both], 1))


def test_every_pass_and_every_seed_has_an_order_of_its_own():
    orders = []
    for seed in (0, 1):
        batches = shuffled_batches(20, 20, seed, 0)
        orders += [tuple(next(batches)) for _ in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({*orders, tuple(range(20))}) == 7


GROUPS = np.repeat([0, 1, 2], [90, 9, 1])


def first_batches(groups, n, channels=1, seed=0, first=0, size=60):
    batches = balanced_batches(groups, channels, size, seed, first)
    return np.array([next(batches) for _ in range(n)])


def test_groups_are_drawn_equally_often_and_so_are_cells_within_them():
    drawn = first_batches(GROUPS, 200).ravel()  # 12,000
    assert np.bincount(GROUPS[drawn]).tolist() == pytest.approx([4000] * 3, rel=0.06)
    assert np.bincount(drawn)[90:].tolist() == pytest.approx([4000 / 9] * 9 + [4000], rel=0.2)
    assert len(np.unique(drawn)) == 100


def test_groups_may_lie_in_any_order_and_numbers_without_cells_do_not_count():
    order = np.random.default_rng(0).permutation(100)
    drawn = first_batches(3 * GROUPS[order] + 5, 100).ravel()
    assert np.bincount(GROUPS[order][drawn]).tolist() == pytest.approx([2000] * 3, rel=0.08)


def test_a_balanced_step_depends_on_seed_and_step_alone():
    whole = first_batches(GROUPS, 6)
    np.testing.assert_array_equal(first_batches(GROUPS, 2, first=4), whole[4:])
    assert len(np.unique(whole, axis=0)) == 6
    assert not np.array_equal(first_batches(GROUPS, 6, seed=1), whole)


def test_channels_are_drawn_evenly():
    drawn = first_batches(GROUPS, 100, channels=3).ravel()
    assert np.bincount(drawn % 3).tolist() == pytest.approx([2000] * 3, rel=0.08)
    assert np.bincount(GROUPS[drawn // 3]).tolist() == pytest.approx([2000] * 3, rel=0.08)


def test_a_set_with_groups_balances_the_cells_that_have_a_label(plates):
    codes = np.array([0, 1] * 6)
    labels = Labels(["x", "y"], np.array([[False, False], [True, False]]), codes)  # every other cell
    groups = np.repeat([0, 1], [10, 2])  # of those with a label 5 and 1
    batches = TrainingSet(plates[0], labels, groups=groups).batches(100, 0, 0)
    drawn = np.concatenate([next(batches) for _ in range(20)])
    assert drawn.max() == 5
    assert (drawn == 5).mean() == pytest.approx(0.5, abs=0.05)
    plain = TrainingSet(plates[0]).batches(12, 0, 0)
    assert sorted(next(plain)) == list(range(12))


class Numbered:
    """A method that draws one random number per cell, and one from the window of each."""

    def draw(self, seed, cells, side):
        noise = torch.rand(cells, generator=torch.Generator().manual_seed(seed))
        return {"noise": [noise], "side": side[1] if isinstance(side, tuple) else torch.zeros(cells)}


@pytest.mark.parametrize("drawn", [4, 5, 256])
@pytest.mark.parametrize("windows", [False, True])
def test_draws_do_not_depend_on_parts_and_processes(plates, monkeypatch, drawn, windows):
    monkeypatch.setattr(loop, "DRAWN", drawn)
    dataset = TrainingSet(plates[0], window_sides=np.arange(12) % 5 + 2 if windows else None)
    found = []
    for processes, parts in ((1, 1), (1, 3), (2, 3), (3, 2)):
        noise, images, sides = [], [], []
        for rank in range(processes):
            monkeypatch.setattr(loop.distributed, "world_size", lambda processes=processes: processes)
            monkeypatch.setattr(loop.distributed, "rank", lambda rank=rank: rank)
            batch = next(loop.load_batches(Numbered(), dataset, 12, parts, 0, 1, torch.device("cpu")))
            assert len(batch) == parts
            noise += [part["noise"][0] for *_, part in batch]
            sides += [part["side"] for *_, part in batch]
            images += [x for x, *_ in batch]
        found.append([torch.cat(x) for x in (noise, images, sides)])
    for other in found[1:]:
        assert all(torch.equal(*pair) for pair in zip(found[0], other, strict=True))
    assert len(found[0][0].unique()) == 12
    items = next(dataset.batches(12, 0, 1))
    assert torch.equal(found[0][2], dataset.windows(items)[1] if windows else torch.zeros(12))


def test_no_process_draws_for_all(plates, monkeypatch):
    asked = []

    class Counting(Numbered):
        def draw(self, seed, cells, side):
            asked.append(cells)
            return super().draw(seed, cells, side)

    monkeypatch.setattr(loop, "DRAWN", 3)
    monkeypatch.setattr(loop.distributed, "world_size", lambda: 4)
    monkeypatch.setattr(loop.distributed, "rank", lambda: 2)
    next(loop.load_batches(Counting(), TrainingSet(plates[0]), 12, 1, 0, 0, torch.device("cpu")))
    assert asked == [3]
