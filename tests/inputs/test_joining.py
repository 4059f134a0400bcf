"""Images and wells table are counted against each other, plate by plate, before anything runs."""

import pandas as pd
import pytest
from wellread.inputs import joining
from wellread.runtime.errors import InputError


def table(**plates):
    """A table of plates and their wells, in words."""
    pairs = [(plate, well) for plate, wells in plates.items() for well in wells.split()]
    return pd.DataFrame(pairs, columns=["plate", "well"])


def said(images, wells, least=0.5):
    lines = []
    joining.check(images, wells, "datasets.d", least, lines.append)
    return lines


def refused(images, wells, least=0.5):
    with pytest.raises(InputError) as error:
        said(images, wells, least)
    return str(error.value)


def test_both_sides_are_counted_in_one_line():
    images = pd.concat([table(P1="A01 A02", P2="A01")] * 2)  # two fields a well
    assert said(images, table(P1="A01 A02", P2="A01")) == [
        "datasets.d: 3 wells with images on 2 plates; 3 wells in the wells table on 2 plates; 3 in both"
    ]


def test_below_a_share_the_plate_is_refused_with_examples_of_both_sides():
    images, wells = table(P1="A01 A02 A03 A04", P2="A01"), table(P1="A01 r1 r2", P2="A01")
    message = refused(images, wells)
    assert "plate P1: 1 of 4 wells with images (such as 'A02', 'A03', 'A04') are among the 3 of" in message
    assert "(such as 'r1', 'r2')" in message
    assert "plate P2" not in message
    assert "at least 50%" in message
    assert "datasets.d.min_joined" in message


@pytest.mark.parametrize(("least", "passes"), [(0.5, True), (0.51, False), (0, True), (1, False)])
def test_the_share_is_a_setting(least, passes):
    images, wells = table(P1="A01 A02"), table(P1="A01")
    if passes:
        assert said(images, wells, least)[1].startswith("datasets.d: plate P1: 1 of 2 wells with images are not in")
        assert "'A02'" in said(images, wells, least)[1]
    else:
        refused(images, wells, least)


def test_wells_without_images_refuse_nothing():
    lines = said(table(P1="A01"), table(P1="A01 A02 A03"))
    assert lines == ["datasets.d: 1 well with images on 1 plate; 3 wells in the wells table on 1 plate; 1 in both"]


@pytest.mark.parametrize(
    ("plate", "other"),
    [("P01", "P1"), ("p1", "P1"), ("P-1", "P1"), ("P_1", "P 1"), ("000123", "123"), ("Day2_P03", "day2-p3")],
)
def test_plates_called_almost_alike_are_asked_about(plate, other):
    images, wells = table(**{plate: "A01", "Q": "A01"}), table(**{other: "A01", "Q": "A01"})
    assert f"did you mean {plate} -> {other}?" in refused(images, wells)


def test_no_plate_in_common_is_refused_whatever_the_share():
    message = refused(table(P1="A01"), table(X="A01", Y="A01"), least=0)
    assert "the same plate names" in message
    assert "plate P1: not in the wells table, which has 'X', 'Y'" in message


def test_plates_of_one_side_are_said():
    images, wells = table(P1="A01", Other="A01"), table(P1="A01", Q7="A01", Q8="A01")
    assert "plate Other: not in the wells table, which has 'P1', 'Q7', 'Q8'" in refused(images, wells)
    lines = said(images, wells, least=0)
    assert lines[1:] == [
        "datasets.d: 1 plate not in the wells table, without profiles: 'Other'",
        "datasets.d: 2 plates only in the wells table, without images: 'Q7', 'Q8'",
    ]


def test_many_plates_are_counted_not_listed():
    names = [f"N{i}" for i in range(9)]
    message = refused(table(**dict.fromkeys(names, "A01 A02")), table(**dict.fromkeys(names, "B01")))
    assert "and 4 other plates" in message
    lines = said(table(**dict.fromkeys(names, "A01 A02")), table(**dict.fromkeys(names, "A01")))
    assert len(lines) == 7
    assert lines[-1] == "datasets.d: so are wells of 4 other plates"
