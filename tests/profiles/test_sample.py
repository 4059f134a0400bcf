"""Single cells as profiles: how many of which wells, with which embedding and metadata."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import aggregated
from wellread.profiles import tables
from wellread.profiles.sample import sample
from wellread.runtime import table_files

TREATMENTS = {
    "A01": "DMSO",
    "A02": "DMSO",
    "A03": "DMSO",
    "A04": "DMSO",
    "B01": "a",
    "B02": "a",
    "B03": "b",
    "B04": "c",
}


def plate(folder, name, per_well=10, wells=TREATMENTS):
    """Files of a plate whose cell i has the embedding (i, plate's number)."""
    home = folder / name
    home.mkdir(exist_ok=True)
    keys = pd.DataFrame({"plate": name, "well": np.repeat(list(wells), per_well)})
    keys["site"] = [str(i % 2) for i in range(len(keys))]
    table_files.write(keys, home / "cells.parquet", "cells")
    np.save(
        home / "embeddings.npy", np.stack([np.arange(len(keys)), np.full(len(keys), int(name[1:]))], 1).astype("f4")
    )
    return home / "cells.parquet", home / "embeddings.npy"


def known(*plates):
    table = pd.DataFrame([(p, well, name) for p in plates for well, name in TREATMENTS.items()],
                         columns=["plate", "well", "treatment"])  # fmt: skip
    table["control"] = np.where(table["treatment"] == "DMSO", "negative", "")
    return table[table["treatment"] != "c"].assign(batch="1", moa=table["treatment"].str.upper())


@pytest.fixture
def screen(tmp_path):
    """A function that samples cells of plates of a screen."""

    def drawn(*plates, order=1, **options):
        files = list(zip(*(plate(tmp_path, name) for name in plates), strict=True))
        _, wells = aggregated(tmp_path, *files, known(*plates), seed=3)
        return sample(wells, *(list(paths)[::order] for paths in files), **({"seed": 3} | options))

    return drawn


@pytest.mark.dag
def test_so_many_cells_of_every_treatment_are_drawn(screen):
    found = screen("P1", "P2", cells=15)
    assert found["Metadata_treatment"].value_counts().to_dict() == {"DMSO": 15, "a": 15, "b": 15}
    few = screen("P1", "P2", cells=25)["Metadata_treatment"].value_counts()
    assert few.to_dict() == {"DMSO": 25, "a": 25, "b": 20}  # all that there are of b; none of the unknown c
    assert not screen("P1", "P2", cells=25).duplicated().any()


def test_a_cell_has_its_embedding_and_the_columns_of_its_well(screen):
    found = screen("P1", "P2", cells=15)
    meta, X = tables.split(found)
    wells = list(TREATMENTS)
    assert [wells[int(row) // 10] for row in X[:, 0]] == meta["Metadata_Well"].tolist()
    assert [f"P{int(number)}" for number in X[:, 1]] == meta["Metadata_Plate"].tolist()
    assert [str(int(row) % 2) for row in X[:, 0]] == meta["Metadata_Site"].tolist()
    assert (meta["Metadata_treatment"] == meta["Metadata_Well"].map(TREATMENTS)).all()
    assert (meta["Metadata_moa"] == meta["Metadata_treatment"].str.upper()).all()
    assert set(meta["Metadata_control_use"]) == {"", "evaluate"}
    assert (meta["Metadata_Object_Count"] == 1).all()


@pytest.mark.dag
def test_the_draw_depends_on_the_seed_and_the_group_alone(screen):
    found = screen("P1", "P2", cells=5)
    pd.testing.assert_frame_equal(screen("P1", "P2", cells=5), found)
    assert not screen("P1", "P2", cells=5, seed=4).equals(found)
    turned = screen("P1", "P2", cells=5, order=-1)
    by = ["emb_0001", "emb_0000"]
    pd.testing.assert_frame_equal(turned.sort_values(by, ignore_index=True), found.sort_values(by, ignore_index=True))


def test_groups_may_be_of_several_columns(screen):
    found = screen("P1", "P2", cells=3, by=["treatment", "plate"])
    assert (found.groupby(["Metadata_treatment", "Metadata_Plate"]).size() == 3).all()
