"""What Zarr says of itself, in formats 2 and 3."""

import json

import pytest
import zarr
from wellread.inputs import zarr_metadata
from wellread.runtime.errors import InputError


@pytest.mark.parametrize("version", [2, 3])
def test_both_formats(tmp_path, version):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=version)
    said = {"plate": {"name": "x"}}
    group.attrs.update(said if version == 2 else {"ome": said})
    assert zarr_metadata.attributes(tmp_path / "x.zarr") == said


def test_nothing_and_half_a_file(tmp_path):
    assert zarr_metadata.attributes(tmp_path) == {}
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {"ome": {}}})[:-3])
    with pytest.raises(InputError, match="copy the folder again"):
        zarr_metadata.attributes(tmp_path)
