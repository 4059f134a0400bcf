"""Channels have the colours that people know them by, and no two of a picture share one."""

import numpy as np
import pytest
from wellread.pictures import montage
from wellread.pictures.montage import BLUE, CYAN, GREEN, GREY, MAGENTA, ORANGE, PALETTE, RED, YELLOW, colours, composite


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("DNA RNA ER AGP Mito", [BLUE, CYAN, GREEN, ORANGE, MAGENTA]),
        ("GFP DNA", [GREEN, BLUE]),
        ("DAPI GFP RFP", [BLUE, GREEN, RED]),
        ("Brightfield Hoechst FITC", [GREY, BLUE, GREEN]),
        ("Hoechst ERSyto ERSytoBleed Ph_golgi Mito", [BLUE, GREEN, RED, ORANGE, MAGENTA]),
        ("DAPI Hoechst", [BLUE, GREEN]),
        ("actin phalloidin", [RED, ORANGE]),
        ("tubulin GFP ER", [YELLOW, CYAN, GREEN]),
        ("protein", [GREY]),
        ("protein w2", [GREEN, RED]),
    ],
)
def test_colours_are_the_usual_ones_and_differ(channels, expected):
    found = colours(channels.split())
    assert list(found) == channels.split()
    assert list(found.values()) == expected


def test_eight_channels_differ_and_a_ninth_has_one_too():
    names = [f"w{i}" for i in range(9)]
    assert len(set(list(colours(names).values())[:8])) == 8
    assert colours(names)["w8"] in PALETTE


def test_a_pixel_has_the_colour_of_its_channel():
    planes = np.eye(2, dtype=np.float32)[:, :, None]  # GFP above, DNA below
    picture = composite(planes, ["GFP", "DNA"])[:, 0].astype(int)
    assert picture[0].argmax() == 1
    assert picture[1].argmax() == 2


def test_brightfield_does_not_hide_the_others():
    planes = np.stack([np.ones((1, 2)), [[1.0, 0.0]]]).astype(np.float32)
    stained, ground = composite(planes, ["BF", "DAPI"])[0].astype(int)
    assert stained[2] > 250
    assert ground.max() < 128
    assert composite(planes[:1], ["BF"]).max() > 200


def test_a_box_lies_about_what_is_in_it():
    picture, expected = np.zeros((10, 16, 3), np.uint8), np.zeros((10, 16), bool)
    expected[1:7, 4:13] = True
    expected[2:6, 5:12] = False
    montage.draw_boxes(picture, np.array([(2, 5, 6, 12)]), ["haze"])
    np.testing.assert_array_equal((picture == montage.REJECTED["haze"][1]).all(axis=-1), expected)
    assert (picture[~expected] == 0).all()


def test_outlines_are_the_pixels_of_an_object_with_a_side_outside_of_it():
    """Also where two objects touch; at a corner that points inwards the line is no wider."""
    picture, masks = np.zeros((8, 12, 3), np.uint8), np.zeros((2, 8, 12), int)
    masks[1, 1:7, 1:11], masks[1, 1:3, 1:4], masks[1, 1:7, 8:11] = 1, 0, 2
    expected = masks[1] > 0
    expected[2:6, 5:7] = expected[4:6, 2:7] = expected[3, 4] = expected[2:6, 9] = False
    montage.draw_outlines(picture, masks)
    np.testing.assert_array_equal((picture == montage.CELL_OUTLINE).all(axis=-1), expected)
    assert (picture[~expected] == 0).all()
