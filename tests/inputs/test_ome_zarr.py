"""Plates of OME-Zarr become images tables."""

import numpy as np
import pytest
import zarr
from wellread.inputs import sources
from wellread.runtime.errors import InputError

LABELS = ("Hoechst", "GFP")


def write_plate(path, version=2, wells=("A/1", "B/03"), fields=("0", "1"), planes=1, labels=LABELS, acquisitions=None):
    """A plate as the specification of OME-Zarr 0.4 (format 2) or 0.5 (format 3) has it."""
    plate = zarr.open_group(path, mode="w", zarr_format=version)
    said = {"wells": [{"path": w, "rowIndex": 0, "columnIndex": 0} for w in wells], "rows": [], "columns": []}
    say(plate, {"plate": said}, version)
    ids = acquisitions or [0] * len(fields)
    for well in wells:
        group = plate.require_group(well)
        say(
            group,
            {"well": {"images": [{"path": f, "acquisition": a} for f, a in zip(fields, ids, strict=True)]}},
            version,
        )
        for field in fields:
            image = group.require_group(field)
            data = np.zeros((1, len(labels), planes, 16, 18), np.uint16)
            image.create_array("0", shape=data.shape, dtype=data.dtype)[:] = data
            axes = [{"name": name, "type": "space"} for name in "tczyx"]
            multiscales = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}], "version": "0.4"}]}
            say(image, multiscales | {"omero": {"channels": [{"label": label} for label in labels]}}, version)
    return path


def say(group, said, version):
    group.attrs.update(said if version == 2 else {"ome": said | {"version": "0.5"}})


def fields(path, channels=("DNA", "GFP"), **options):
    section = {"path": str(path), "names": {"Hoechst": "DNA"}} | options
    return sources.fields({"images": {"ome_zarr": section}, "channels": list(channels)}, "d")


@pytest.mark.parametrize("version", [2, 3])
def test_a_plate(tmp_path, version):
    path = write_plate(tmp_path / "my plate.ome.zarr", version)
    frame = fields(path)
    assert frame[["plate", "well", "site"]].values.tolist() == [
        ["my_plate", w, s] for w in ("A01", "B03") for s in "01"
    ]
    assert frame.loc[3, ["DNA", "GFP"]].tolist() == [f"{path}/B/03/1 [c=0]", f"{path}/B/03/1 [c=1]"]


def test_a_folder_of_plates_with_planes(tmp_path):
    for plate in ("P2.zarr", "P1.zarr"):
        write_plate(tmp_path / plate, fields=["0"], planes=3)
    (tmp_path / "notes").mkdir()
    frame = fields(tmp_path)
    assert frame["plate"].tolist() == ["P1", "P1", "P2", "P2"]
    assert frame["DNA"][0] == f"{tmp_path}/P1.zarr/A/1/0 [c=0, z=max]"
    assert fields(tmp_path, z="focus")["GFP"][0] == f"{tmp_path}/P1.zarr/A/1/0 [c=1, z=focus]"


def test_one_of_several_acquisitions(tmp_path):
    path = write_plate(tmp_path / "P.zarr", wells=["A/1"], fields=["a", "b", "c"], acquisitions=[3, 7, 7])
    with pytest.raises(InputError, match=r"acquisitions 3, 7 in .*\n.*\n.*acquisition: 3"):
        fields(path)
    assert fields(path, acquisition=7)["site"].tolist() == ["b", "c"]
    with pytest.raises(InputError, match="an acquisition 4"):
        fields(path, acquisition=4)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Q.zarr", "did you mean"),
        ("P.zarr/A/1", "a single well in"),
        ("P.zarr/A/1/0", "a single image in"),
        ("P.zarr/A/1/0/0", "no metadata of a plate in"),
    ],
)
def test_what_is_no_plate_is_called_by_its_name(tmp_path, path, words):
    write_plate(tmp_path / "P.zarr")
    with pytest.raises(InputError, match=words):
        fields(tmp_path / path)


def test_a_well_that_is_not_there_is_refused(tmp_path):
    path = write_plate(tmp_path / "P.zarr")
    (path / "B/03/.zattrs").unlink()
    with pytest.raises(InputError, match=r"no metadata of a well in .*B/03"):
        fields(path)
