"""Recall of replicates among other wells, batches, sources and positions."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, undecided, values
from wellread.measure.retrieval import retrieval
from wellread.profiles import tables

pytestmark = pytest.mark.dag

EVERY = ["well", "plate", "batch", "source", "position", "row", "column"]


def screen(seed=0, moved=True, effect=1.5, shift=1.5):
    """Twelve treatments and two controls on six plates of three batches of two sources; positions change, or not."""
    rng = np.random.default_rng(seed)
    names = [f"t{i:02d}" for i in range(12)] + ["DMSO"] * 2
    rows = []
    for plate in range(6):
        order = rng.permutation(14) if moved else np.arange(14)
        wells = [f"{'BCD'[i // 5]}{i % 5 + 2:02d}" for i in order]
        rows += [
            (f"p{plate}", well, f"b{plate % 3}", f"s{plate // 3}", name)
            for well, name in zip(wells, names, strict=True)
        ]
    frame = pd.DataFrame(rows, columns=["plate", "well", "batch", "source", "treatment"])
    frame["control"] = np.where(frame["treatment"] == "DMSO", "negative", "")
    frame["moa"] = frame["treatment"].map({name: f"m{i % 4}" for i, name in enumerate(names)})
    code = frame["treatment"].astype("category").cat.codes
    places = rng.normal(size=(40, 10))[frame["well"].astype("category").cat.codes]
    X = effect * rng.normal(size=(13, 10))[code] + shift * rng.normal(size=(6, 10))[frame["plate"].str[1].astype(int)]
    return profiles(frame, X + places + rng.normal(size=X.shape))


def differs(level):
    """Whether two wells differ at a level, from their metadata."""

    def row(a, b):
        return a["Metadata_Well"][0] != b["Metadata_Well"][0]

    def column(a, b):
        return a["Metadata_Well"][1:] != b["Metadata_Well"][1:]

    def position(a, b):
        return a["Metadata_Well"] != b["Metadata_Well"]

    def well(a, b):
        return True

    own = {"row": row, "column": column, "position": position, "well": well}
    return own.get(level, lambda a, b: a[tables.column(level)] != b[tables.column(level)])


def by_hand(frame, level, k=1, same=lambda a, b: a["Metadata_treatment"] == b["Metadata_treatment"], also=()):
    """Recall at k, its chance, and the wells that could be asked, by a loop over all pairs."""
    meta, X = tables.split(frame[frame["Metadata_control"] == ""])
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    rows, rules = [row for _, row in meta.iterrows()], [differs(name) for name in (level, *also)]
    hits, chance = [], []
    for i, a in enumerate(rows):
        pool = [j for j, b in enumerate(rows) if j != i and all(rule(a, b) for rule in rules)]
        right = [j for j in pool if same(a, rows[j])]
        if right:
            top = sorted(pool, key=lambda j: -(U[i] @ U[j]))[:k]
            hits.append(any(j in right for j in top))
            chance.append(1 - comb(len(pool) - len(right), k) / comb(len(pool), k))
    return np.mean(hits), np.mean(chance), len(hits)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("level", EVERY)
def test_recall_is_that_of_a_loop(level, k):
    frame = screen()
    found = retrieval(frame, 0, strictness=[level], k=k)
    recall, chance, n = by_hand(frame, level, k)
    assert values(found, f"recall_{level}")[""] == pytest.approx(recall)
    assert values(found, f"recall_{level}_chance")[""] == pytest.approx(chance)
    assert found.set_index("metric").loc[f"recall_{level}_chance", "n"] == n
    assert 0.1 < recall < 1


def test_mechanisms_of_other_compounds_are_a_loop():
    frame = screen()
    frame["Metadata_moa"] += np.where(frame["Metadata_moa"] == "m1", "|m2", "")  # one in common is enough
    found = retrieval(frame, 0, sameby=["moa"], diffby=["treatment"], strictness=["batch"])

    def same(a, b):
        return bool(set(a["Metadata_moa"].split("|")) & set(b["Metadata_moa"].split("|")))

    recall, chance, _ = by_hand(frame, "batch", same=same, also=["treatment"])
    assert values(found, "recall_batch")[""] == pytest.approx(recall)
    assert values(found, "recall_batch_chance")[""] == pytest.approx(chance)


def test_the_order_of_rows_and_the_controls_change_nothing():
    frame = screen()
    found = retrieval(frame, 0)
    pd.testing.assert_frame_equal(retrieval(frame.sample(frac=1, random_state=3), 0), found)
    alone = retrieval(frame[frame["Metadata_control"] == ""], 0)
    assert values(alone, "recall_batch") == values(found, "recall_batch")
    assert values(found, "left_out")["negative controls"] == 12


def test_every_treatment_is_told():
    found = retrieval(screen(), 0, strictness=["well"])
    single = {item: value for item, value in values(found, "recall_well").items() if item}
    assert len(single) == 12
    assert values(found, "recall_well")[""] == pytest.approx(np.mean(list(single.values())))


def test_a_level_that_no_replicate_reaches_is_undecidable():
    fixed = retrieval(screen(moved=False), 0)
    assert undecided(fixed, "recall_position") == "no two profiles of one treatment differ in position"
    assert 0 < values(fixed, "recall_batch")[""] < 1
    frame = screen().drop(columns="Metadata_source").assign(Metadata_batch="1")
    found = retrieval(frame, 0)
    assert undecided(found, "recall_source") == "no column source in the wells table"
    assert undecided(found, "recall_batch") == "one batch in all 72 profiles"
    single = retrieval(frame[frame["Metadata_Plate"] == "p1"], 0, strictness=["well"])
    assert undecided(single, "recall_well") == "no two profiles of one treatment differ in well"
    assert "no profile" in undecided(
        retrieval(frame.assign(Metadata_treatment=""), 0, strictness=["well"]), "recall_well"
    )


def test_the_same_profiles_are_told_among_all_wells():
    """Only t03 changes its position: its wells alone are asked there, and the others at the level of wells."""
    frame = screen(moved=False)
    t03 = frame["Metadata_treatment"] == "t03"
    frame.loc[t03, "Metadata_Well"] = [f"H{i:02d}" for i in range(1, t03.sum() + 1)]
    found = retrieval(frame, 0, strictness=["well", "position"])
    anywhere, single = values(found, "recall_position_if_any_well"), values(found, "recall_well")
    assert anywhere == {"": single["t03"]}
    assert single["t03"] != single[""]
    assert "recall_well_if_any_well" not in set(found["metric"])


def test_wells_without_a_replicate_at_a_level_are_counted():
    frame = screen()
    frame = frame[(frame["Metadata_treatment"] != "t03") | (frame["Metadata_batch"] == "b1")]
    found = retrieval(frame, 0, strictness=["well", "batch"])
    left_out = values(found, "left_out")
    assert (left_out["well: no replicate to find"], left_out["batch: no replicate to find"]) == (0, 2)
    assert "t03" in values(found, "recall_well")
    assert "t03" not in values(found, "recall_batch")
