"""Masks as OME-TIFF: the labels of every field, in a file that says what they are."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import tifffile
from wellread.export.to_ome_tiff import file_names, to_ome_tiff
from wellread.runtime import table_files

OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


def written(folder, masks, pixel_size=0.65):
    tifffile.imwrite(folder / "masks.tif", masks, metadata={"axes": "FCYX"}, photometric="minisblack")
    fields = pd.DataFrame({"plate": "P é", "well": ["B02", "B02", "B10"], "site": ["1", "2", "1"]})
    table_files.write(fields, folder / "fields.parquet", "fields")
    to_ome_tiff(folder / "masks.tif", folder / "fields.parquet", folder / "masks", pixel_size)
    return folder / "masks"


@pytest.fixture
def masks():
    return np.random.default_rng(0).integers(0, 300, (3, 2, 20, 30)).astype(np.int32)


def test_every_field_is_a_file_of_two_named_channels(tmp_path, masks):
    folder = written(tmp_path, masks)
    assert sorted(path.name for path in folder.iterdir()) == ["B02_1.ome.tif", "B02_2.ome.tif", "B10_1.ome.tif"]
    with tifffile.TiffFile(folder / "B02_2.ome.tif") as file:
        assert file.series[0].axes == "CYX"
        assert file.series[0].dtype == np.uint16
        np.testing.assert_array_equal(file.asarray(), masks[1])
        image = ET.fromstring(file.ome_metadata).find(f"{OME}Image")
    pixels = image.find(f"{OME}Pixels")
    assert image.get("Name") == "P é B02 2"
    assert [channel.get("Name") for channel in pixels.iter(f"{OME}Channel")] == ["nucleus", "cell"]
    assert [pixels.get(f"PhysicalSize{key}") for key in ("X", "XUnit", "Y", "YUnit")] == ["0.65", "µm", "0.65", "µm"]


def test_an_unknown_pixel_size_is_not_told(tmp_path, masks):
    with tifffile.TiffFile(written(tmp_path, masks, 0.0) / "B10_1.ome.tif") as file:
        assert "PhysicalSize" not in file.ome_metadata


def test_more_labels_than_16_bits_have_stay_themselves(tmp_path, masks):
    masks[2, 1, 0, 0] = 70_000
    folder = written(tmp_path, masks)
    np.testing.assert_array_equal(tifffile.imread(folder / "B10_1.ome.tif"), masks[2])
    assert tifffile.imread(folder / "B02_1.ome.tif").dtype == np.uint16


def test_the_same_masks_give_the_same_bytes(tmp_path, masks):
    (tmp_path / "b").mkdir()
    first, second = written(tmp_path, masks), written(tmp_path / "b", masks)
    assert all((second / path.name).read_bytes() == path.read_bytes() for path in first.iterdir())


def test_names_are_those_of_files_and_differ_even_where_case_does_not_count():
    places = pd.DataFrame({"well": ["a01", "A01", "B 1"], "site": ["1", "1", "x/y"]})
    assert file_names(places) == ["a01_1_0.ome.tif", "A01_1_1.ome.tif", "B-1_x-y_2.ome.tif"]
    assert file_names(places[1:]) == ["A01_1.ome.tif", "B-1_x-y.ome.tif"]
