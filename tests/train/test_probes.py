"""The kNN probe: neighbours of other wells vote, and every class counts the same."""

import numpy as np
import pandas as pd
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
