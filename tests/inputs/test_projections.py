"""Planes and times in separate files become one image per channel of a field."""

import pandas as pd
import pytest
from wellread.inputs import projections
from wellread.runtime.errors import InputError


def files(*rows):
    frame = pd.DataFrame(rows, columns=["channel", "z", "path"])
    return frame.assign(plate="P", well="A01", site="1")


MIXED = files(
    ("w1", None, "mip1"), ("w1", "10", "z10"), ("w1", "2", "z2"), ("w3", None, "mip3"), ("w4", "1", "only")
)  # fmt: skip


@pytest.mark.parametrize(
    ("z", "paths"),
    [
        ("", {"w1": "mip1", "w3": "mip3", "w4": "only"}),
        ("max", {"w1": "z2 | z10 [z=max]", "w3": "mip3", "w4": "only"}),
        ("focus", {"w1": "z2 | z10 [z=focus]", "w3": "mip3", "w4": "only"}),
        (10, {"w1": "z10", "w3": "mip3", "w4": "only"}),
        ("2", {"w1": "z2", "w3": "mip3", "w4": "only"}),
    ],
)
def test_planes_and_projections(z, paths):
    frame = projections.in_one_image(MIXED, z, "k")
    assert dict(zip(frame["channel"], frame["path"], strict=True)) == paths


@pytest.mark.parametrize(
    ("z", "rows", "told"),
    [
        ("", MIXED, "the projection that the microscope saved (2 images), the only one (1 image)"),
        ("focus", MIXED, "the projection that the microscope saved (1 image), the sharpest of 2 planes (1 image), "
                         "the only one (1 image)"),
        ("", MIXED[MIXED["z"].notna()], "the maximum of 2 planes (1 image), the only one (1 image)"),
        ("", MIXED[MIXED["path"] == "only"], ""),
        (2, MIXED, ""),
    ],
)  # fmt: skip
def test_what_is_taken_of_planes_is_told(z, rows, told):
    said = []
    projections.in_one_image(rows, z, "k", said.append)
    assert said == ([f"k.z: taken of z-planes: {told}; max, focus or a number takes another"] if told else [])


def test_planes_are_projected_where_no_projection_was_saved():
    frame = projections.in_one_image(MIXED[MIXED["path"] != "mip1"], "", "k")
    assert frame.set_index("channel")["path"]["w1"] == "z2 | z10 [z=max]"


def test_a_plane_that_a_channel_lacks_is_refused():
    with pytest.raises(InputError, match=r"a plane 3 of every channel\n.*w1: planes 2, 10"):
        projections.in_one_image(MIXED, 3, "k")


def test_the_same_plane_twice_stays_twice():
    twice = files(("w1", "1", "a"), ("w1", "1", "b"), ("w1", "2", "c"))
    assert sorted(projections.in_one_image(twice, "", "k")["path"]) == ["a", "b", "c"]


def test_without_planes_nothing_changes():
    frame = MIXED.drop(columns="z")
    assert projections.in_one_image(frame, "", "k") is frame


def test_times():
    frame = MIXED.assign(t=["1", "1", "01", "2", "2"])
    assert projections.at_time(frame, 1, "k")["path"].tolist() == ["mip1", "z10", "z2"]
    assert projections.at_time(frame.assign(t="0003"), "", "k")["path"].tolist() == MIXED["path"].tolist()
    assert projections.at_time(MIXED, 4, "k") is MIXED
    with pytest.raises(InputError, match=r"2 times: 1, 2\n.*\n.*time: 1"):
        projections.at_time(frame, "", "k")
    with pytest.raises(InputError, match=r"files of time 7\n.*times 1, 2"):
        projections.at_time(frame, 7, "k")
