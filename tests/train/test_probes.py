"""The kNN probe: neighbours of other wells vote, and every class counts the same."""

import numpy as np
import pandas as pd
import pytest
import torch
from wellread.runtime import table_files
from wellread.train import probes

SIDE = 4
CPU = torch.device("cpu")


class Pixels(torch.nn.Module):
    """An encoder whose CLS token is the pixels."""

    architecture = {"image": SIDE}  # noqa: RUF012

    def forward(self, x):
        return x.flatten(1), None


def probe_of(tmp_path, patterns, wells, kinds):
    """The probe's answer for cells that look like `patterns`, in `wells` whose labels are `kinds` {well: label}."""
    rng = np.random.default_rng(0)
    looks = {name: rng.integers(0, 256, (1, SIDE, SIDE)) for name in sorted(set(patterns))}
    crops = np.stack([looks[name] for name in patterns]) + rng.integers(0, 3, (len(patterns), 1, SIDE, SIDE))
    table = {"plate": "P1", "well": list(kinds), "treatment": "x", "control": "", "kind": list(kinds.values())}
    pd.DataFrame(table).to_csv(tmp_path / "wells.csv", index=False)
    table_files.write(pd.DataFrame({"plate": "P1", "well": wells}), tmp_path / "cells.parquet", "cells")
    how = {"seed": 0, "device": CPU}
    crops = crops.clip(0, 255).astype(np.uint8)
    return probes.knn(crops, [tmp_path / "cells.parquet"], [str(tmp_path / "wells.csv")], "kind", **how)(Pixels())


def test_a_well_does_not_vote_for_itself(tmp_path):
    """Wells look like themselves, and across wells like those of the other class."""
    wells = np.repeat(["A01", "A02", "A03", "A04"], 8)
    kinds = {"A01": "one", "A02": "two", "A03": "one", "A04": "two"}
    look = {"A01": "p", "A02": "p", "A03": "q", "A04": "q"}
    assert probe_of(tmp_path, [look[well] for well in wells], wells, kinds)["probe"] == 0.0


def test_classes_count_the_same_whatever_their_cells(tmp_path):
    """All 30 cells of class one are right, the 10 of class two, which look like one, are wrong."""
    wells = np.repeat(["A01", "A02", "A03", "A04"], [15, 15, 5, 5])
    kinds = {"A01": "one", "A02": "one", "A03": "two", "A04": "two"}
    assert probe_of(tmp_path, ["p"] * 40, wells, kinds)["probe"] < 0.75
    look = {"A01": "p", "A02": "p", "A03": "q", "A04": "q"}
    assert probe_of(tmp_path, [look[well] for well in wells], wells, kinds)["probe"] == 1.0


def test_cells_without_a_label_are_not_asked(tmp_path):
    wells = np.repeat(["A01", "A02", "A03", "A04", "A05"], 8)
    kinds = {"A01": "one", "A02": "one", "A03": "two", "A04": "two", "A05": ""}
    look = {"A01": "p", "A02": "p", "A03": "q", "A04": "q", "A05": "p"}
    assert probe_of(tmp_path, [look[well] for well in wells], wells, kinds)["probe"] == 1.0


def test_the_encoder_is_in_training_again_after_a_probe():
    network = Pixels().train()
    crops = np.random.default_rng(0).integers(0, 256, (9, 1, 6, 6), dtype=np.uint8)
    tokens = probes.cls_tokens(network, crops, np.arange(9), CPU, batch=4)
    assert network.training
    inner = torch.from_numpy(crops[:, :, 1:5, 1:5]).float().flatten(1)
    expected = (inner - inner.mean(1, keepdim=True)) / inner.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(tokens, expected, rtol=1e-4, atol=1e-4)


def test_wells_of_rows_of_several_plates_and_only_plates_with_rows_are_read(tmp_path, monkeypatch):
    for plate, wells in {"P1": ["A01", "A02", "A03"], "P2": ["B01"], "P3": ["C01", "C02"], "P4": []}.items():
        table = pd.DataFrame({"plate": [plate] * len(wells), "well": wells}).astype(str)
        table_files.write(table, tmp_path / f"{plate}.parquet", "cells")
    paths, opened, read = [tmp_path / f"P{i}.parquet" for i in (1, 2, 3, 4)], [], table_files.read
    monkeypatch.setattr(table_files, "read", lambda path, *how: opened.append(path.stem) or read(path, *how))
    assert probes.wells_of(paths, np.array([0, 2, 4, 5])).tolist() == ["P1/A01", "P1/A03", "P3/C01", "P3/C02"]
    assert opened == ["P1", "P3"]


def agreement_of(tmp_path, looks, wells, plates="P1"):
    """The agreement of cells (n,) that look like `looks` (n, SIDE * SIDE), and are embedded as they look."""
    cells = pd.DataFrame({"plate": plates, "well": wells})
    table_files.write(cells, tmp_path / "cells.parquet", "cells")
    crops = looks.reshape(-1, 1, SIDE, SIDE)
    return probes.agreement(crops, [tmp_path / "cells.parquet"], seed=0, device=CPU)(Pixels()).get("agreement")


def drawn(wells, per_well, signal, seed=0):
    """Cells of wells that have a look of their own, `signal` times as strong as what is particular to a cell."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, (wells, SIDE * SIDE))[np.repeat(np.arange(wells), per_well)]
    noise = rng.normal(0, 1, own.shape)
    return (127 + 20 * (signal * own + noise)).clip(0, 255).astype(np.uint8)


def test_halves_of_wells_agree_where_wells_differ_and_not_where_they_are_alike(tmp_path):
    wells = np.repeat([f"A{i:02d}" for i in range(60)], 6)
    assert agreement_of(tmp_path, drawn(60, 6, signal=2), wells) > 0.99
    assert agreement_of(tmp_path, drawn(60, 6, signal=0), wells) == pytest.approx(0.5, abs=0.08)


def test_what_only_plates_have_is_no_agreement(tmp_path):
    """On each plate all wells are alike; the plates are not."""
    plates, wells = np.repeat(["P1", "P2"], 180), np.tile(np.repeat([f"A{i:02d}" for i in range(30)], 6), 2)
    looks = drawn(60, 6, signal=0).astype(int)
    looks[180:] = looks[180:] // 2 + 100
    assert agreement_of(tmp_path, looks.astype(np.uint8), wells, plates) == pytest.approx(0.5, abs=0.08)


def test_agreement_is_the_share_of_pairs_that_a_loop_counts(tmp_path):
    profiles = torch.nn.functional.normalize(torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0)), dim=2)
    cosine = lambda side, a, b: float(profiles[side, a] @ profiles[1 - side, b])  # noqa: E731
    loop = [
        np.mean([cosine(side, a, b) < cosine(side, a, a) for b in range(7) if b != a])
        for side in (0, 1)
        for a in range(7)
    ]
    np.testing.assert_allclose(probes.shares_below(profiles), loop)


def test_halves_of_a_well_are_equal_and_single_cells_left_out():
    keys = np.array(["P1/a"] * 5 + ["P1/b"] + ["P2/a"] * 4, dtype=object)
    wells, plates, half = probes.halved(keys[[9, 0, 5, 1, 2, 6, 3, 4, 7, 8]], seed=3)
    assert plates.tolist() == ["P1", "P2"]
    assert wells.tolist() == [1, 0, -1, 0, 0, 1, 0, 0, 1, 1]
    assert sorted(np.bincount(half[wells == 0]).tolist()) == [2, 3]
    assert np.bincount(half[wells == 1]).tolist() == [2, 2]


def test_wells_of_one_cell_have_no_agreement(tmp_path):
    assert agreement_of(tmp_path, drawn(5, 1, signal=1), [f"A0{i}" for i in range(5)]) is None
