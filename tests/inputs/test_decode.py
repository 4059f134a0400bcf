"""What a file says of itself: axes, shape, channels, pixel size, from its header alone and without heavy imports."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr
from paths import ROOT
from PIL import Image
from wellread.inputs.decode import describe
from wellread.inputs.formats import BadField


def zeros(*shape, dtype=np.uint16):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("shape", "options", "axes"),
    [
        ((40, 60), {}, "YX"),
        ((40, 60), {"bigtiff": True, "byteorder": ">"}, "YX"),
        ((3, 40, 60), {"photometric": "minisblack", "metadata": None}, "QYX"),
        ((3, 40, 60), {"photometric": "minisblack", "truncate": True}, "QYX"),
        ((3, 40, 60), {"photometric": "minisblack", "metadata": {"axes": "ZYX"}}, "ZYX"),
        ((3, 2, 40, 60), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "ZCYX"),
        ((3, 2, 40, 60), {"ome": True, "metadata": {"axes": "ZCYX"}, "compression": "zlib"}, "ZCYX"),
        ((40, 60, 3), {"photometric": "rgb"}, "YXS"),
        ((3, 40, 60), {"photometric": "rgb", "planarconfig": "separate"}, "SYX"),
    ],
)
def test_axes_of_tiff(tmp_path, shape, options, axes):
    tifffile.imwrite(tmp_path / "a.tif", zeros(*shape), **options)
    found = describe(tmp_path / "a.tif")
    assert (found.kind, found.axes, found.shape, found.dtype) == ("tiff", axes, shape, np.uint16)
    assert found.sizes == dict(zip(axes, shape, strict=True))


def test_names_of_channels_and_the_pixel_size_of_ome_and_imagej(tmp_path):
    said = {"axes": "CYX", "Channel": {"Name": ["DNA", "ER"]}, "PhysicalSizeX": 650, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.tif", zeros(2, 40, 60), ome=True, metadata=said)
    found = describe(tmp_path / "a.tif")
    assert found.channels == ("DNA", "ER")
    assert found.pixel_size == pytest.approx(0.65)
    tifffile.imwrite(tmp_path / "b.tif", zeros(40, 60), imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    assert describe(tmp_path / "b.tif").pixel_size == pytest.approx(0.25)
    tifffile.imwrite(tmp_path / "c.tif", zeros(40, 60), resolution=(72, 72), resolutionunit=2)
    assert (describe(tmp_path / "c.tif").channels, describe(tmp_path / "c.tif").pixel_size) == ((), 0)


OME = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">'
PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="60" SizeY="40" '
    'SizeC="2" SizeZ="3" SizeT="1">{planes}</Pixels></Image></OME>'
)
PLANE = (
    '<TiffData FirstC="{c}" FirstZ="{z}" FirstT="0" IFD="{z}" PlaneCount="1"><UUID FileName="{c}.ome.tif">'
    "urn:uuid:{c}</UUID></TiffData>"
)


def test_a_file_of_a_set_of_ome_is_what_it_holds(tmp_path):
    """Two channels in two files, each of three z-planes; the XML of both names all."""
    planes = "".join(PLANE.format(c=c, z=z) for c in (0, 1) for z in range(3))
    for c in (0, 1):
        stack = np.stack([np.full((40, 60), 10 * c + z, np.uint16) for z in range(3)])
        xml = OME.format(own=c) + PIXELS.format(planes=planes)
        tifffile.imwrite(tmp_path / f"{c}.ome.tif", stack, description=xml, metadata=None, photometric="minisblack")
    assert tifffile.imread(tmp_path / "1.ome.tif").shape == (2, 3, 40, 60)
    found = describe(tmp_path / "1.ome.tif")
    assert (found.axes, found.shape) == ("ZYX", (3, 40, 60))


def test_thumbnails_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(zeros(10, 15), subfiletype=1)
        tiff.write(zeros(40, 60))
        tiff.write(zeros(20, 30), subfiletype=1)
    assert (describe(tmp_path / "a.tif").axes, describe(tmp_path / "a.tif").shape) == ("YX", (40, 60))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((40, 60), "YX"),
        ((40, 60, 3), "IYXC"[1:]),
        ((9, 40, 60), "QYX"),
        ((9, 3, 40, 60), "ICYX"),
        ((9, 40, 60, 3), "IYXC"),
        ((2, 9, 3, 40, 60), "QQQYX"),
    ],
)
def test_axes_of_numpy_arrays(tmp_path, shape, axes):
    np.save(tmp_path / "a.npy", zeros(*shape))
    np.savez(tmp_path / "a.npz", zeros(*shape))
    expected = "Q" + axes[1:] if axes == "QYX" else axes
    for name in ("npy", "npz"):
        found = describe(tmp_path / f"a.{name}")
        assert (found.kind, found.axes, found.shape) == (name, expected, shape)


def test_pictures(tmp_path):
    Image.fromarray(zeros(40, 60)).save(tmp_path / "a.png")
    Image.fromarray(zeros(40, 60, 3, dtype=np.uint8)).save(tmp_path / "a.jpg")
    Image.fromarray(zeros(40, 60, dtype=np.uint8)).convert("P").save(tmp_path / "p.png")
    png, jpeg, palette = (describe(tmp_path / name) for name in ("a.png", "a.jpg", "p.png"))
    assert (png.kind, png.axes, png.shape, png.dtype, png.meaning) == ("png", "YX", (40, 60), np.uint16, "counts")
    assert (jpeg.kind, jpeg.axes, jpeg.shape, jpeg.meaning) == ("jpeg", "YXS", (40, 60, 3), "colour")
    assert palette.meaning == "palette"


def ome_zarr(folder, version):
    axes = [{"name": name, "type": kind} for name, kind in (("c", "channel"), ("z", "space"))]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    levels = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 0.5 * 2**n, 0.5 * 2**n]}]}
        for n in (0, 1)
    ]
    said = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
    said |= {"omero": {"channels": [{"label": "DNA"}, {"label": "ER"}]}}
    group = zarr.open_group(str(folder), mode="w", zarr_format=version)
    group.attrs.update(said if version == 2 else {"ome": said})
    counts = np.arange(2 * 3 * 40 * 60, dtype=np.uint16).reshape(2, 3, 40, 60)
    group.create_array("0", data=counts)
    group.create_array("1", data=counts[:, :, ::2, ::2])
    return counts


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(tmp_path, version):
    ome_zarr(tmp_path / "p.zarr", version)
    found = describe(tmp_path / "p.zarr")
    assert (found.kind, found.axes, found.shape, found.dtype) == ("zarr", "CZYX", (2, 3, 40, 60), np.uint16)
    assert (found.channels, found.pixel_size) == (("DNA", "ER"), 0.5)
    assert describe(tmp_path / "p.zarr" / "1").shape == (2, 3, 20, 30)


@pytest.mark.parametrize("what", ["plate", "well"])
def test_a_plate_of_zarr_is_no_image(tmp_path, what):
    zarr.open_group(str(tmp_path / "p.zarr"), mode="w", zarr_format=2).attrs[what] = {}
    with pytest.raises(BadField, match=f"a {what} of Zarr, not an image"):
        describe(tmp_path / "p.zarr")


def test_no_code_of_a_file_is_run(tmp_path):
    np.save(tmp_path / "a_seg.npy", {"masks": zeros(4, 4)}, allow_pickle=True)
    with pytest.raises(BadField, match=r"objects of Python, not numbers \(masks of Cellpose: save them as TIFF or PNG"):
        describe(tmp_path / "a_seg.npy")
    np.savez(tmp_path / "a.npz", np.array([{}], object))
    with pytest.raises(BadField, match="objects of Python"):
        describe(tmp_path / "a.npz")


def test_several_arrays_in_an_npz_need_a_name(tmp_path):
    np.savez(tmp_path / "a.npz", one=zeros(4, 4), two=zeros(5, 5))
    with pytest.raises(BadField, match=r"2 arrays; say which: \[name=one\] or \[name=two\]"):
        describe(tmp_path / "a.npz")


def test_describing_imports_neither_torch_nor_skimage_nor_zarr(tmp_path):
    ome_zarr(tmp_path / "p.zarr", 2)
    tifffile.imwrite(tmp_path / "a.tif", zeros(4, 4))
    code = f"""import sys; from wellread.inputs.decode import describe
heavy = [m for m in ("tifffile", "PIL", "zarr") if m in sys.modules]
describe({str(tmp_path / "p.zarr")!r}); describe({str(tmp_path / "a.tif")!r})
print(heavy, [m for m in ("torch", "skimage", "zarr", "scipy") if m in sys.modules])"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "workflow", capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "[] []"


def test_a_replaced_file_is_described_anew(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", zeros(3, 40, 60), photometric="minisblack", metadata=None)
    assert describe(tmp_path / "a.tif").shape == (3, 40, 60)
    tifffile.imwrite(tmp_path / "a.tif", zeros(5, 40, 60), photometric="minisblack", metadata=None)
    assert describe(tmp_path / "a.tif").shape == (5, 40, 60)
