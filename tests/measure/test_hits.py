"""Hits: planted treatments are found, others are not, and a row tells all that is known of a treatment."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen, values, with_positions
from scipy.stats import false_discovery_control
from wellread.measure.average_precision import average_precision
from wellread.measure.hits import hits
from wellread.measure.three_tests import TESTS, ThreeTests
from wellread.profiles import controls, tables
from wellread.profiles.consensus import consensus

pytestmark = pytest.mark.dag

NUMBERS = [f"{name}{end}" for name in TESTS for end in ("_p", "_q")]


def found(frame, **options):
    return hits(frame, controls.swapped(frame), 0, **{"null_size": 300} | options)


def planted(active, effect, positions=0.0, **options):
    """A screen in which only the first `active` treatments do something."""
    frame = screen(effect=effect, **options)
    inert = screen(effect=0.0, **options)
    numbers = frame["Metadata_treatment"].str[1:].where(frame["Metadata_control"] == "", "999").astype(int)
    assert list(frame["Metadata_Well"]) == list(inert["Metadata_Well"])
    frame = pd.concat([frame[numbers < active], inert[numbers >= active]]).sort_index()
    return with_positions(frame, positions)


@pytest.mark.parametrize("fixed", [False, True])
def test_planted_treatments_are_found_and_others_are_not(fixed):
    """By each of the tests; where treatments keep their positions, positions do something, too."""
    options = {"plates": 4, "treatments": 30, "controls": 48, "D": 24, "fixed": fixed}
    table = found(planted(8, 1.6, 0.3 if fixed else 0.0, **options)).set_index("treatment")
    acts = table.index.str[1:].astype(int) < 8
    for name in TESTS:
        assert table.loc[acts, f"{name}_active"].mean() > 0.8
        assert table.loc[~acts, f"{name}_active"].mean() <= 0.1
    assert set(table.index[:6]) <= set(table.index[acts])
    assert (table["active"] == table[[f"{name}_active" for name in TESTS]].sum(axis=1)).all()
    assert (table["agree"] == table["active"].isin([0, 3])).all()
    assert (table["reason"] == "").all()


def test_permuting_wells_calls_positions_treatments_and_permuting_positions_does_not():
    frame = with_positions(screen(plates=4, treatments=40, controls=48, D=16, fixed=True), 0.7)
    by_wells, by_positions = found(frame, permute="wells"), found(frame)
    for name in TESTS:
        assert by_wells[f"{name}_active"].mean() > 0.1
        assert by_positions[f"{name}_active"].mean() <= 0.05


def test_average_precision_is_that_of_the_measure():
    frame = screen(plates=4, treatments=12, controls=24, effect=0.4)
    measured = average_precision(frame, 0, controls.swapped(frame), null_size=300)
    table = found(frame).set_index("treatment")
    for column, metric in (("map", "mean_average_precision"), ("map_p", "p_value"), ("map_q", "q_value")):
        assert table[column].to_dict() == pytest.approx({k: v for k, v in values(measured, metric).items() if k})
    assert (table["map_active"] == table["map_q"].lt(0.05)).all()


def test_q_values_are_those_of_all_treatments_and_intervals_hold_the_value():
    table = found(screen(plates=6, treatments=12, controls=24, effect=0.3)).dropna(subset="active")
    assert len(table) > 4
    for name in TESTS:
        assert table[f"{name}_q"].to_numpy() == pytest.approx(false_discovery_control(table[f"{name}_p"]))
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[f"{name}_high"] > table[name]).all()
        assert (table[f"{name}_p"] >= table[f"{name}_floor"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
def test_p_values_of_nothing_are_no_smaller_than_chance_makes_them(fixed):
    """P(p <= a) <= a + 2 standard errors, of one treatment in each of 200 screens."""
    p = {name: [] for name in TESTS}
    for seed in range(200):
        frame = screen(seed, plates=3, treatments=1, controls=24 if fixed else 12, D=8, fixed=fixed)
        frame = with_positions(frame, 0.7, seed) if fixed else frame
        tests = ThreeTests.of([frame, controls.swapped(frame)], ["treatment"], "auto", 200, 0.05, seed)
        row = tests.of_treatment("t000")
        for name in TESTS:
            p[name].append(row[f"{name}_p"])
    for name, own in p.items():
        for a in (0.01, 0.05, 0.1):
            assert np.mean(np.array(own) <= a) <= a + 2 * np.sqrt(a * (1 - a) / 200), (name, a)
        assert np.mean(np.array(own) <= 0.5) > 0.25, name


def test_distance_is_in_standard_deviations_of_control_wells():
    """Every feature of t000, whatever its scale, is moved by 3 standard deviations."""
    frame = screen(plates=4, treatments=3, controls=60, D=16)
    features = [name for name in frame if name.startswith("emb_")]
    frame.loc[frame["Metadata_treatment"] == "t000", features] += (3 * np.geomspace(0.1, 10, 16)).astype(np.float32)
    table = found(frame).set_index("treatment")
    assert table.loc["t000", "distance"] == pytest.approx(3, rel=0.15)
    assert (table["distance"].drop("t000") < 1).all()


def test_the_nearest_are_other_treatments_by_cosine_of_means():
    frame = dosed(screen(plates=4, treatments=6, controls=24, effect=2.0))
    means = consensus(frame[frame["Metadata_control"] == ""])
    meta, X = tables.split(means)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    names = tables.row_names(meta, ["treatment", "dose"])
    table = found(frame, neighbours=2)
    for row in table.itertuples():
        cosines = np.where(
            meta["Metadata_treatment"] == row.treatment, -2, U @ U[list(names).index(f"{row.treatment} @ {row.dose:g}")]
        )
        best = np.argsort(-cosines)[:2]
        assert [row.nearest_1, row.nearest_2] == list(names[best])
        assert [row.nearest_1_cosine, row.nearest_2_cosine] == pytest.approx(cosines[best])
    assert len(table) == len(names)
    assert list(found(screen(plates=2, treatments=1, controls=24), neighbours=2)["nearest_1"]) == [""]


def dosed(frame):
    """Treatments become doses of others: t000 and t001 those of t000."""
    numbers = frame["Metadata_treatment"].str[1:].where(frame["Metadata_control"] == "", "0").astype(int)
    names = ("t" + (numbers // 2).astype(str)).where(frame["Metadata_control"] == "", "DMSO")
    dose = (0.5 + numbers % 2).where(frame["Metadata_control"] == "")
    frame = frame.assign(Metadata_treatment=names)
    frame.insert(4, "Metadata_dose", dose)
    return frame


def test_every_dose_has_a_row():
    table = found(dosed(screen(plates=4, treatments=6, controls=24, effect=2.0)))
    assert sorted(zip(table["treatment"], table["dose"], strict=True)) == [
        (f"t{i}", dose) for i in range(3) for dose in (0.5, 1.5)
    ]
    assert (table["wells"] == 4).all()
    assert (table["cells"] == 400).all()
    assert not any(near.startswith(name) for name, near in zip(table["treatment"], table["nearest_1"], strict=True))


def test_fewer_than_20_control_positions_decide_nothing():
    frame = screen(plates=4, treatments=5, controls=19, effect=2.0, fixed=True)
    table = found(frame)
    assert table["reason"].str.startswith("undecidable: 19 control positions, 20 are needed").all()
    assert table[NUMBERS].isna().all(axis=None)
    assert table[["active", "agree"]].isna().all(axis=None)
    assert (table["mahalanobis"] > 0).all()
    enough = found(screen(plates=4, treatments=5, controls=20, effect=2.0, fixed=True))
    assert enough[NUMBERS].notna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"controls": 0}, "no negative control on its plates"),
        ({"controls": 2, "plates": 1}, "fewer than 2 negative controls to fit on"),
        ({"controls": 6, "plates": 1}, "energy distance undecidable: too few wells for a p-value below 0.05"),
    ],
)
def test_what_cannot_be_decided_has_the_reason_and_no_number(options, reason):
    table = found(screen(treatments=3, **options))
    assert table["reason"].str.contains(reason).all()
    assert len(table) == 3
    assert table[["mahalanobis_p", "mahalanobis_q", "energy_p", "energy_q"]].isna().all(axis=None)


def test_treatments_of_one_well_have_distances_and_no_average_precision():
    table = found(screen(plates=1, treatments=4, controls=60, effect=3.0))
    assert set(table["reason"]) == {"mean average precision undecidable: one well, no replicate"}
    assert table[["map", "map_p", "map_q", "mahalanobis_low"]].isna().all(axis=None)
    assert (table["mahalanobis_q"] < 0.05).all()
    assert (table["active"] == 2).all()
    assert table["agree"].isna().all()


def test_a_treatment_may_be_missing_on_some_plates_and_plates_may_lack_controls():
    frame = screen(plates=5, treatments=6, controls=30, effect=1.0)
    gone = (frame["Metadata_treatment"] == "t002") & frame["Metadata_Plate"].isin(["p0", "p1"])
    bare = (frame["Metadata_control"] == "negative") & (frame["Metadata_Plate"] == "p4")
    table = found(frame[~gone & ~bare]).set_index("treatment")
    assert table["wells"].to_dict() == {f"t{i:03d}": 3 if i == 2 else 5 for i in range(6)}
    assert table[NUMBERS].notna().all(axis=None)


def test_the_order_of_rows_and_other_treatments_change_nothing():
    frame = screen(plates=3, treatments=8, controls=24, effect=0.6)
    pd.testing.assert_frame_equal(found(frame), found(frame.sample(frac=1, random_state=1)))
    less = frame[frame["Metadata_treatment"] != "t003"]
    alike = [name for name in found(frame) if name.startswith(tuple(TESTS)) and not name.endswith(("_q", "_active"))]
    columns = ["treatment", *alike]
    both = [
        found(one)[columns].set_index("treatment").drop("t003", errors="ignore").sort_index() for one in (frame, less)
    ]
    pd.testing.assert_frame_equal(*both)


def test_labels_follow_and_do_not_hide_other_columns():
    frame = screen(plates=4, treatments=4, controls=24, positives=2)
    code = frame["Metadata_treatment"].where(frame["Metadata_control"] == "", "")
    frame.insert(3, "Metadata_moa", code.map(lambda name: f"moa of {name}" if name else np.nan))
    frame.insert(3, "Metadata_distance", "far")
    table = found(frame, model="m", correction="c").set_index("treatment")
    assert table.loc["t001", "moa"] == "moa of t001"
    assert table.loc["boost", "control"] == "positive"
    assert "DMSO" not in table.index
    assert set(table["label_distance"]) == {"far"}
    assert set(table["model"] + table["correction"]) == {"mc"}
    assert not table.columns.duplicated().any()


def test_a_screen_without_labels_or_treatments():
    frame = screen(plates=4, treatments=4, controls=24).drop(columns="Metadata_batch")
    assert list(found(frame))[-1] == "control"
    nothing = found(frame[frame["Metadata_control"] == "negative"])
    assert len(nothing) == 0
    assert list(nothing) == list(found(frame))


HOSTILE = ['<script>alert("x")</script>', "a, b; c", "=cmd()", "β @ 1", "  x", "nan"]


def test_names_are_kept_as_they_are(tmp_path):
    frame = screen(plates=3, treatments=6, controls=24, effect=1.0)
    names = {f"t{i:03d}": name for i, name in enumerate(HOSTILE)}
    frame = frame.assign(Metadata_treatment=frame["Metadata_treatment"].replace(names))
    table = found(frame)
    assert set(table["treatment"]) == set(HOSTILE)
    assert set(table["nearest_1"]) <= set(HOSTILE)
    table.to_csv(tmp_path / "hits.csv", index=False)
    again = pd.read_csv(tmp_path / "hits.csv", keep_default_na=False)
    assert list(again["treatment"]) == list(table["treatment"])


def test_corrections_change_nothing_for_the_half_that_judges():
    """The halves change places: both orders give the same distances."""
    frame = screen(plates=3, treatments=5, controls=24, effect=0.5)
    one, two = hits(frame, controls.swapped(frame), 0), hits(controls.swapped(frame), frame, 0)
    columns = ["distance", "mahalanobis", "energy"]
    one, two = (table.set_index("treatment")[columns].sort_index() for table in (one, two))
    pd.testing.assert_frame_equal(one, two)
