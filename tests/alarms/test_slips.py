"""Slips that people make, on a painted plate: what comes out looks like a result, and an alarm says that it is none."""

import pytest
from alarms.test_alarms import HOW, LIMITS, sounded
from conftest import outputs
from wellread.crops.crops import crops
from wellread.painted import layout
from wellread.segment.segment import segment

pytestmark = pytest.mark.dag
RIGHT = {"nucleus": "DNA", "cell": "RNA"}


def made(plate, folder, size=48, pixel_size=0.0, **channels):
    """The alarms of the painted plate, segmented and cut with a slip: {code: what was found}."""
    home = folder / "P1"
    home.mkdir()
    files = [str(plate / name) for name in ("fields.parquet", "calibration.npz")]
    found = {"masks": str(home / "masks.tif"), "objects": str(home / "objects.parquet")}
    section = {"otsu_watershed": RIGHT | channels}
    segment(*files, found, section, pixel_size=pixel_size)
    crops(*files, *found.values(), outputs(home), seed=0, size=size, pixel_size=pixel_size)
    for name in ("fields.parquet", "calibration.npz"):
        (home / name).symlink_to(plate / name)
    inputs = {kind: [str(home / f"{kind}.parquet")] for kind in ("fields", "objects", "cells")}
    inputs["masks"] = [found["masks"]]
    inputs["calibration"] = [str(home / "calibration.npz")]
    dataset = {"channels": list(layout.CHANNELS), "pixel_size": pixel_size, "segment": section}
    return sounded(inputs, HOW | {"dataset": dataset}, LIMITS)


SLOW = pytest.mark.slow  # a second or more each; that of its like beside it is quick enough


@pytest.mark.parametrize(
    "slip", [{}, pytest.param({"pixel_size": 0.65}, marks=SLOW), pytest.param({"size": 40}, marks=SLOW)], ids=str
)
def test_what_is_right_is_silent(plate, tmp_path, slip):
    assert made(plate, tmp_path, **slip) == {}


@pytest.mark.parametrize(
    ("slip", "codes"),
    [
        ({"pixel_size": 650.0}, {"pixel_size"}),
        pytest.param({"pixel_size": 0.065}, {"nucleus_diameter"}, marks=SLOW),
        ({"size": 12}, {"crop_per_nucleus"}),
        ({"nucleus": "RNA", "cell": "DNA"}, {"nuclei_as_cells"}),
        pytest.param({"nucleus": "RNA"}, {"nuclei_as_cells"}, marks=SLOW),
        pytest.param({"nucleus": "ER"}, {"nuclei_as_cells"}, marks=SLOW),
        pytest.param({"nucleus": "Mito"}, {"nuclei_channel"}, marks=SLOW),
        pytest.param({"nucleus": "AGP"}, {"nucleus_area"}, marks=SLOW),
    ],
    ids=str,
)
def test_a_slip_sounds(plate, tmp_path, slip, codes):
    assert set(made(plate, tmp_path, **slip)) >= codes
