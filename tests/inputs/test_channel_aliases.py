"""Channels that files, tables and headers call by another name of the same stain are read, and it is said."""

import pandas as pd
import pytest
import tifffile
from numpy import zeros
from wellread.inputs import sources
from wellread.plan.names import unknown
from wellread.runtime.errors import InputError

CHANNELS = ["DNA", "GFP"]
SAID = "channels are read by what their names mean: "


def planned(images, channels=CHANNELS):
    """The images table, and what was said."""
    lines = []
    return sources.fields({"images": images, "channels": channels}, "d", lines.append), lines


def test_names_of_files(tmp_path):
    for channel in ("Hoechst 33342", "FITC"):
        (tmp_path / f"A01_{channel}.tif").touch()
    frame, lines = planned({"pattern": {"folder": str(tmp_path), "files": "{well}_{channel}.tif"}})
    assert frame.loc[0, CHANNELS].tolist() == [str(tmp_path / f"A01_{c}.tif") for c in ("Hoechst 33342", "FITC")]
    assert lines == [f"datasets.d.images.pattern: {SAID}Hoechst 33342 as DNA, FITC as GFP"]


def test_names_that_the_config_gives_come_first(tmp_path):
    for channel in ("DAPI", "FITC"):
        (tmp_path / f"A01_{channel}.tif").touch()
    options = {"folder": str(tmp_path), "files": "{well}_{channel}.tif", "names": {"FITC": "DNA", "DAPI": "GFP"}}
    frame, lines = planned({"pattern": options})
    assert frame.loc[0, CHANNELS].tolist() == [str(tmp_path / f"A01_{c}.tif") for c in ("FITC", "DAPI")]
    assert lines == []


def test_two_candidates_are_refused(tmp_path):
    for channel in ("DAPI", "Hoechst", "GFP"):
        (tmp_path / f"A01_{channel}.tif").touch()
    with pytest.raises(InputError, match="none of DNA; the files have DAPI, GFP, Hoechst"):
        planned({"pattern": {"folder": str(tmp_path), "files": "{well}_{channel}.tif"}})


def test_columns_of_an_images_table(tmp_path):
    table = {"plate": ["P"], "well": ["A1"], "dapi": ["a.tif"], "eGFP": ["b.tif"], "note": ["x"]}
    pd.DataFrame(table).to_csv(tmp_path / "images.csv", index=False)
    frame, lines = planned({"table": {"path": str(tmp_path / "images.csv")}})
    assert frame.loc[0, CHANNELS].tolist() == ["a.tif", "b.tif"]
    assert lines == [f"datasets.d.images.table: {SAID}dapi as DNA, eGFP as GFP"]


def test_columns_of_a_load_data_table(tmp_path):
    row = {"Metadata_Plate": "P", "Metadata_Well": "A01", "Metadata_Site": 1}
    for channel in ("DAPI", "GFP"):
        row |= {f"FileName_Orig{channel}": f"{channel}.tif", f"PathName_Orig{channel}": "/d"}
    pd.DataFrame([row]).to_csv(tmp_path / "load_data.csv", index=False)
    frame, lines = planned({"load_data": {"path": str(tmp_path / "load_data.csv")}})
    assert frame.loc[0, CHANNELS].tolist() == ["/d/DAPI.tif", "/d/GFP.tif"]
    assert lines == [f"datasets.d.images.load_data: {SAID}DAPI as DNA"]


def test_names_inside_of_files(tmp_path):
    names = {"axes": "CYX", "Channel": {"Name": ["FITC", "Hoechst"]}}
    tifffile.imwrite(tmp_path / "A01.ome.tif", zeros((2, 8, 9), "uint8"), metadata=names)
    frame, lines = planned({"pattern": {"folder": str(tmp_path), "files": "{well}.ome.tif"}})
    assert frame.loc[0, CHANNELS].tolist() == [f"{tmp_path}/A01.ome.tif [c={c}]" for c in (1, 0)]
    assert lines == [f"datasets.d.images.pattern: {SAID}Hoechst as DNA, FITC as GFP"]


def test_a_channel_that_is_asked_for_by_another_name_is_suggested():
    error = unknown("DNA", ["Hoechst 33342", "GFP"], "datasets.d.segment.otsu_watershed.nucleus")
    assert "did you mean Hoechst 33342?" in str(error)
