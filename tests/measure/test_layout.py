"""Where treatments lie, and what their places explain: against loops, and where it is known."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen, undecided, values
from wellread.measure.layout import layout
from wellread.profiles import controls, tables

ROWS, COLUMNS = "ABCDEFGH", range(1, 13)


def plates(seed=0, n=3, fixed=True, **strength):
    """Plates of 96 wells, every third one DMSO; rows, columns, the rim, positions and plates move profiles."""
    rng, places = np.random.default_rng(seed), [(r, c) for r in ROWS for c in COLUMNS]
    effect = {
        name: rng.normal(size=(96, 4)) * strength.get(name, 0) for name in ("row", "column", "rim", "at", "plate")
    }
    names, rows, X = ["DMSO" if i % 3 == 0 else f"t{i:02d}" for i in range(96)], [], []
    for plate in range(n):
        order = np.arange(96) if fixed else rng.permutation(96)
        for i, (r, c) in enumerate(places):
            name, rim = names[order[i]], r in "AH" or c in (1, 12)
            rows.append((f"p{plate}", f"{r}{c:02d}", f"b{plate % 2}", name, "negative" if name == "DMSO" else ""))
            moved = effect["row"][ROWS.index(r)] + effect["column"][c] + rim * effect["rim"][0]
            X.append(rng.normal(size=4) + moved + effect["at"][i] + effect["plate"][plate])
    wells = pd.DataFrame(rows, columns=["plate", "well", "batch", "treatment", "control"])
    return profiles(wells, np.array(X) * [1, 10, 0.1, 5])


def by_hand(frame, kind, group, within):
    """The share of the sum of squares that is between groups, feature by feature, in loops."""
    kept = controls.is_evaluation(frame) if kind == "controls" else ~controls.is_fitting(frame)
    meta, X = tables.split(frame[kept])
    X = X.copy()
    if within:
        for plate in set(meta["Metadata_Plate"]):
            here = (meta["Metadata_Plate"] == plate).to_numpy()
            X[here] -= X[here].mean(axis=0)
    names = [group(plate, well, batch) for plate, well, batch in meta.iloc[:, :3].to_numpy()]
    shares = []
    for x in X.T:
        total = sum((v - x.mean()) ** 2 for v in x)
        groups = [[v for v, name in zip(x, names, strict=True) if name == one] for one in set(names)]
        shares.append(sum(len(own) * (np.mean(own) - x.mean()) ** 2 for own in groups) / total)
    return np.mean(shares)


GROUPS = {
    "row": lambda plate, well, batch: well[0],
    "column": lambda plate, well, batch: well[1:],
    "rim": lambda plate, well, batch: well[0] in "AH" or well[1:] in ("01", "12"),
    "position": lambda plate, well, batch: well,
    "plate": lambda plate, well, batch: plate,
    "batch": lambda plate, well, batch: batch,
}


@pytest.mark.dag
@pytest.mark.parametrize("kind", ["controls", "wells"])
@pytest.mark.parametrize("what", GROUPS)
def test_the_share_of_variance_is_that_of_loops(what, kind):
    frame = plates(row=1, column=0.5, rim=1, at=0.5, plate=1)
    found = values(layout(frame, 0), f"{what}_of_{kind}")[""]
    assert found == pytest.approx(by_hand(frame, kind, GROUPS[what], what not in ("plate", "batch")), rel=1e-5)
    assert 0.01 < found < 0.99


@pytest.mark.parametrize("what", ["row", "column", "rim", "position", "plate"])
def test_what_moves_profiles_explains_them_and_nothing_else_does_beyond_chance(what):
    found = layout(plates(1, **{"at" if what == "position" else what: 1.0}), 0)
    nothing = layout(plates(1), 0)
    for table, expected in ((found, True), (nothing, False)):
        chance = table.loc[table["metric"] == f"{what}_of_wells_chance", "value"]
        above = values(table, f"{what}_of_wells")[""] > chance.mean() + 5 * chance.std()
        assert above == expected


def test_one_plate_is_shuffled_within_itself():
    """Plates far apart: were wells to change plates, their rows would explain less by chance than rows of noise do."""
    far, near = (layout(plates(plate=strength), 0) for strength in (50, 0))
    chance = [t.loc[t["metric"] == "row_of_wells_chance", "value"].mean() for t in (far, near)]
    assert chance[0] == pytest.approx(chance[1], rel=1e-3)


def test_treatments_that_keep_their_positions_are_told_from_those_that_do_not():
    fixed, moved = layout(plates(fixed=True), 0), layout(plates(fixed=False), 0)
    assert values(fixed, "at_one_position")[""] == values(fixed, "repeated_positions")[""] == 1
    assert set(values(fixed, "at_one_position")) == {"", *(f"t{i:02d}" for i in range(96) if i % 3)}
    assert values(moved, "at_one_position")[""] < 0.1
    assert values(moved, "repeated_positions")[""] < 0.2
    assert values(fixed, "control_positions")[""] == values(fixed, "control_positions_everywhere")[""] == 32
    assert values(moved, "control_positions")[""] > 50


def test_treatments_of_the_same_positions_on_some_plates_only_share_positions():
    frame = plates(n=4)
    there = (frame["Metadata_treatment"] == "t01") & (frame["Metadata_Plate"] == "p3")
    beside = (frame["Metadata_treatment"] == "t02") & (frame["Metadata_Plate"] == "p3")
    frame.loc[there, "Metadata_treatment"], frame.loc[beside, "Metadata_treatment"] = "t02", "t01"
    found = layout(frame, 0)
    assert [name for name, value in values(found, "at_one_position").items() if value == 0] == ["t01", "t02"]
    assert values(found, "sharing_positions")[""] == 1
    assert values(found, "repeated_positions")[""] == pytest.approx(94 / 96)


def test_what_a_layout_cannot_tell_is_undecidable():
    frame = plates(n=1)
    found = layout(frame, 0)
    assert undecided(found, "at_one_position") == "no treatment on two plates"
    assert undecided(found, "plate_of_wells").startswith("one plate in")
    assert undecided(found, "position_of_wells").startswith("80 of position in 80 wells")
    found = layout(screen(), 0)
    assert undecided(found, "row_of_controls") == "wells are not named by row and column"
    inner = frame[~frame["Metadata_Well"].str[0].isin(["A", "H"]) & ~frame["Metadata_Well"].str[1:].isin(["01", "12"])]
    assert undecided(layout(inner, 0), "rim_of_wells") == "all wells are at the rim, or none is"
