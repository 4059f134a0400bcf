"""The ledger counts everything, and refuses to write what does not add up."""

import made_run
import numpy as np
import pandas as pd
import pytest
from wellread.profiles.ledger import UNITS, build_ledger, check_ledger, plate_files, profile_files
from wellread.runtime import table_files
from wellread.runtime.errors import InputError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run.write(tmp_path_factory.mktemp("run"), figures=False)


@pytest.fixture
def account(run):
    return build_ledger(run.images, run.plates, run.wells, run.profiles)


def count(account, plate, stage, reason="kept", model=""):
    rows = account[(account[["plate", "stage", "reason", "model"]] == [plate, stage, reason, model]).all(axis=1)]
    return rows["n"].sum()


@pytest.mark.dag
def test_lists_of_paths_are_sorted_by_plate_and_model(run):
    files = {kind: [run.plates[plate][kind] for plate in run.plates] for kind in ("fields", "cells", "lost", "objects")}
    embeddings = [path for plate in run.plates.values() for path in plate["embeddings"].values()]
    assert plate_files(**files, embeddings=embeddings) == run.plates
    assert profile_files(run.profiles.values()) == run.profiles


def test_counts_of_a_known_plate(account):
    # P1: 12 wells x 2 fields; 10 full wells of 4 objects a field, one cell in a sparse well, none in an empty one.
    assert count(account, "P1", "images") == count(account, "P1", "fields") == 24
    assert count(account, "P1", "objects") == 10 * 2 * 4 + 1
    assert count(account, "P1", "crops") == 10 * 2 * 3 + 1
    assert count(account, "P1", "crops", "edge") == 20
    for model in ("tiny", "other"):
        assert count(account, "P1", "embeddings", model=model) == 61
        assert count(account, "P1", "profiles", model=model) == 9 * 6
        assert count(account, "P1", "profiles", "not in wells table", model) == 6
        assert count(account, "P1", "profiles", "below min_cells", model) == 1
        assert count(account, "P1", "wells", model=model) == 9
        for reason in ("no cells", "below min_cells", "not in wells table", "no images"):
            assert count(account, "P1", "wells", reason, model) == 1


def test_lost_fields_have_their_stage_and_reason(account):
    assert count(account, "P2", "images", "missing") == 1
    assert count(account, "P2", "images") == 23
    assert count(account, "P2", "fields", "blank") == 1
    assert count(account, "P2", "fields") == 22


def test_it_adds_up_and_is_ordered(account):
    check_ledger(account)
    assert list(account.columns) == ["plate", "stage", "model", "reason", "n"]
    stages = account["stage"].map(list(UNITS).index)
    assert account.assign(stage=stages)[["plate", "stage", "model"]].apply(tuple, axis=1).is_monotonic_increasing


def test_any_wrong_number_of_a_chain_is_found(account):
    chained = account[account["stage"].isin(["fields", "crops", "embeddings", "profiles"])]
    for row in chained.index:
        wrong = account.copy()
        wrong.loc[row, "n"] += 1
        with pytest.raises(InputError, match=f"plate {wrong.plate[row]}, stage"):
            check_ledger(wrong)


def test_embeddings_of_other_crops_are_named(run, tmp_path):
    short = tmp_path / "short.npy"
    np.save(short, np.load(run.plates["P2"]["embeddings"]["tiny"])[:-2])
    plates = run.plates | {"P2": run.plates["P2"] | {"embeddings": {"tiny": short}}}
    account = build_ledger(run.images, plates, run.wells, {"tiny": run.profiles["tiny"]})
    with pytest.raises(InputError, match="plate P2, stage embeddings, model tiny") as caught:
        check_ledger(account)
    assert "P1" not in str(caught.value)


def test_fields_missing_from_the_plates_table_are_found(run, tmp_path):
    shorter = tmp_path / "fields.parquet"
    table_files.write(pd.read_parquet(run.plates["P1"]["fields"]).iloc[1:], shorter, "fields")
    plates = run.plates | {"P1": run.plates["P1"] | {"fields": shorter}}
    with pytest.raises(InputError, match="plate P1, stage fields"):
        check_ledger(build_ledger(run.images, plates, run.wells, run.profiles))


def test_objects_that_became_neither_rows_nor_lost_are_found(run, tmp_path):
    more = tmp_path / "objects.parquet"
    objects = pd.read_parquet(run.plates["P1"]["objects"])
    table_files.write(pd.concat([objects, objects.iloc[:1].assign(label=99)]), more, "objects")
    plates = run.plates | {"P1": run.plates["P1"] | {"objects": more}}
    with pytest.raises(InputError, match="plate P1, stage crops"):
        check_ledger(build_ledger(run.images, plates, run.wells, run.profiles))


def test_what_is_flagged_is_counted_kept_or_dropped(run, tmp_path):
    own = dict(run.plates["P1"])
    fields = pd.read_parquet(own["fields"])
    fields.loc[[0, 1], "flags"] = ["focus|saturated", "focus"]
    cells, lost = (pd.read_parquet(own[kind]) for kind in ("cells", "lost"))
    cells.loc[:2, "flags"] = "area"
    lost.loc[:3, ["flags", "reason"]] = ["area", "flagged"]
    lost.loc[4, "flags"] = "area"  # its window left the field first
    for kind, table in {"fields": fields, "cells": cells, "lost": lost}.items():
        own[kind] = tmp_path / f"{kind}.parquet"
        table_files.write(table, own[kind], kind)
    account = build_ledger(run.images, run.plates | {"P1": own}, run.wells, run.profiles)
    check_ledger(account)
    assert count(account, "P1", "fields") == 22
    assert count(account, "P1", "fields", "kept, flagged: focus, saturated") == 1
    assert count(account, "P1", "fields", "kept, flagged: focus") == 1
    assert count(account, "P1", "crops", "kept, flagged: area") == 3
    assert count(account, "P1", "crops", "flagged: area") == 4
    assert count(account, "P1", "crops", "edge") == 16


def test_a_plate_without_cells(run, tmp_path):
    none = {kind: tmp_path / f"{kind}.parquet" for kind in ("cells", "lost", "objects")}
    for kind, path in none.items():
        table_files.write(pd.read_parquet(run.plates["P1"][kind]).iloc[:0], path, kind)
    np.save(tmp_path / "none.npy", np.zeros((0, 6), np.float32))
    others = pd.read_parquet(run.profiles["tiny"]).query("Metadata_Plate == 'P2'")
    table_files.write(others, tmp_path / "well.parquet", "profiles")
    plates = {"P1": run.plates["P1"] | none | {"embeddings": {"tiny": tmp_path / "none.npy"}}}
    account = build_ledger(run.images, plates, run.wells, {"tiny": tmp_path / "well.parquet"})
    check_ledger(account)
    assert count(account, "P1", "objects") == 0
    assert count(account, "P1", "wells", "no cells", "tiny") == 11


def test_a_plate_that_only_the_wells_table_has_is_lost_with_a_reason(run):
    more = pd.DataFrame({"plate": ["P8", "P8", "P9"], "well": ["A01", "A02", "A01"]})
    account = build_ledger(run.images, run.plates, pd.concat([run.wells, more]), run.profiles)
    check_ledger(account)
    for model in ("tiny", "other"):
        assert count(account, "P8", "wells", "no images of this plate", model) == 2
        assert count(account, "P9", "wells", "no images of this plate", model) == 1
        assert count(account, "P8", "wells", model=model) == 0
    assert set(account.loc[account["plate"] == "P8", "stage"]) == {"wells"}
    rest = account[~account["plate"].isin(["P8", "P9"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, build_ledger(run.images, run.plates, run.wells, run.profiles))


def test_what_segmentation_rejected_is_counted_by_reason(run, tmp_path):
    rejected = pd.DataFrame({"reason": ["fibre", "debris", "fibre"]})
    table_files.write(rejected, tmp_path / "rejected.parquet", "rejected")
    plates = run.plates | {"P1": run.plates["P1"] | {"rejected": tmp_path / "rejected.parquet"}}
    account = build_ledger(run.images, plates, run.wells, run.profiles)
    check_ledger(account)
    assert [count(account, "P1", "objects", why) for why in ("fibre", "debris")] == [2, 1]
    assert count(account, "P1", "objects") == len(pd.read_parquet(run.plates["P1"]["objects"]))
