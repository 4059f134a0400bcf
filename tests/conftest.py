"""A small painted plate, made once for all tests that need real pictures."""

import gc
import os
import shutil

import pytest
from wellread.calibrate.calibrate import calibrate
from wellread.crops.crops import crops
from wellread.painted import layout
from wellread.painted.paint import paint
from wellread.segment.segment import segment

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
LONGEST = {"workflow", "train", "system", "report", "plan"}
PLATE = ("fields.parquet", "calibration.npz", "masks.tif", "objects.parquet")
SMALL = {"wells": 6, "fields": 2, "size": 192, "cells": 9.0, "seed": 3}


def pytest_collection_modifyitems(items):
    """Files of tests that take minutes begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_collection_finish():
    """What was imported and collected stays, and need not be looked through by every collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def painted(tmp_path_factory):
    """(folder, rows of the images table) of plate P1, 12 fields of 192 px."""
    folder = tmp_path_factory.mktemp("painted")
    paint("P1", folder, **SMALL)
    return folder, layout.images(folder, plates=1, **SMALL)


@pytest.fixture(scope="session")
def plate(painted, tmp_path_factory):
    """The painted plate, calibrated, segmented and cut: a folder with every file of the plate."""
    folder = tmp_path_factory.mktemp("plate")
    fields, calibration, masks, objects = (str(folder / name) for name in PLATE)
    calibrate(painted[1], list(layout.CHANNELS), calibration, fields)
    found = {"masks": masks, "objects": objects}
    segment(fields, calibration, found, {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}})
    crops(fields, calibration, masks, objects, outputs(folder), seed=0, size=40)
    return folder


def outputs(folder):
    """Where crops() is to write below a folder."""
    names = {
        "crops": "crops.npy",
        "outlines": "outlines.npy",
        "cells": "cells.parquet",
        "lost": "lost.parquet",
    }
    return {key: str(folder / name) for key, name in names.items()}


@pytest.fixture
def own_rows(painted, tmp_path):
    """The painted rows over a copy of the images, for tests that damage some."""
    folder, rows = painted
    shutil.copytree(folder, tmp_path / "painted")
    return rows.replace({c: {str(folder): str(tmp_path / "painted")} for c in layout.CHANNELS}, regex=True)
