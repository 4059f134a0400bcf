"""A plate is the same whatever files its planes lie in, and is read by the same code."""

import numpy as np
import pytest
import tifffile
import zarr
from wellread.calibrate.calibrate import calibrate
from wellread.calibrate.plate import open_plate

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]


def as_ome(stack, stem):
    tifffile.imwrite(f"{stem}.ome.tif", stack, ome=True, metadata={"axes": "CYX"})
    return [f"{stem}.ome.tif [c={c}]" for c in range(len(stack))]


def as_zarr(stack, stem):
    group = zarr.open_group(f"{stem}.zarr", mode="w", zarr_format=2)
    group.attrs["multiscales"] = [{"axes": [{"name": n} for n in "cyx"], "datasets": [{"path": "0"}]}]
    group.create_array("0", data=stack)
    return [f"{stem}.zarr [c={c}]" for c in range(len(stack))]


def as_z_stacks(stack, stem):
    """Files of one plane each, the brightest pixels alternately in one or the other."""
    odd = np.indices(stack.shape[1:]).sum(0) % 2
    for z in (0, 1):
        for c, plane in enumerate(stack):
            tifffile.imwrite(f"{stem}_c{c}_z{z}.tif", np.where(odd == z, plane, 0))
    return [f"{stem}_c{c}_z0.tif | {stem}_c{c}_z1.tif [z=max]" for c in range(len(stack))]


def opened(rows, folder):
    paths = [str(folder / name) for name in ("calibration.npz", "fields.parquet")]
    calibrate(rows, CHANNELS, *paths)
    return open_plate(*reversed(paths))


@pytest.mark.dag
@pytest.mark.parametrize("saved", [as_ome, as_zarr, as_z_stacks])
def test_a_plate_is_the_same_in_other_files(painted, plate, tmp_path, saved):
    rows = painted[1].copy()
    for number, row in rows.iterrows():
        stack = np.stack([tifffile.imread(row[channel]) for channel in CHANNELS])
        rows.loc[number, CHANNELS] = saved(stack, tmp_path / f"{row['well']}_{row['site']}")
    (tmp_path / "out").mkdir()
    found = opened(rows, tmp_path / "out")
    before = open_plate(str(plate / "fields.parquet"), str(plate / "calibration.npz"))
    np.testing.assert_array_equal(found.limits, before.limits)
    measured = [column for column in before.fields if not column.startswith("path_")]
    assert found.fields[measured].equals(before.fields[measured])
    np.testing.assert_array_equal(found.read(3), before.read(3))
    assert found.shape == before.shape
    stem = f"{rows['well'][3]}_{rows['site'][3]}"
    assert found.metadata(3)["stem"] == {as_ome: f"{stem}.ome", as_zarr: stem, as_z_stacks: f"{stem}_c0_z0"}[saved]
