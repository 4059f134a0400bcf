"""Which numbers of a file are the picture, and what they mean; everything else is refused with a cause and a cure."""

import gzip
import io

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from wellread.inputs import images
from wellread.inputs.formats import BadField

SHAPE = (40, 60)
rng = np.random.default_rng(0)
PLANE = rng.integers(0, 4096, SHAPE, dtype=np.uint16)
BYTES = rng.integers(0, 256, SHAPE, dtype=np.uint8)
STACK = rng.integers(0, 4096, (3, 2, *SHAPE), dtype=np.uint16)  # ZCYX


def refused(reference, status, words):
    with pytest.raises(BadField) as error:
        images.read(str(reference))
    assert error.value.status == status
    assert words in error.value.detail
    return error.value.detail


def same(reference, wanted, notes=None):
    found = images.read(str(reference), notes)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype
    assert found.flags["C_CONTIGUOUS"]
    assert images.read_shape(str(reference)) == wanted.shape


@pytest.mark.parametrize("name", ["a.tif", "a.TIF", "a.flex", "a", "a [x].tif"])
@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"ome": True}, {"compression": "zlib"}])
def test_single_planes_of_tiff(tmp_path, name, options):
    tifffile.imwrite(tmp_path / name, PLANE, **options)
    same(tmp_path / name, PLANE)


def test_other_formats(tmp_path):
    Image.fromarray(PLANE).save(tmp_path / "a.png")
    Image.fromarray(BYTES).save(tmp_path / "a.bmp")
    np.save(tmp_path / "a.npy", PLANE.astype(">u2"))
    np.savez_compressed(tmp_path / "a.npz", PLANE)
    zarr.save_array(str(tmp_path / "a.zarr"), PLANE)
    for name in ("a.png", "a.npy", "a.npz", "a.zarr"):
        same(tmp_path / name, PLANE)
    same(tmp_path / "a.bmp", BYTES)


def test_jpeg_is_read_and_told_to_be_lossy(tmp_path):
    ramp = np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1))
    Image.fromarray(ramp).save(tmp_path / "a.jpg", quality=95)
    tifffile.imwrite(tmp_path / "a.tif", ramp, compression="jpeg", compressionargs={"level": 95})
    tifffile.imwrite(tmp_path / "2.tif", np.stack([ramp] * 2), compression="jpeg", photometric="minisblack")
    for name in ("a.jpg", "a.tif", "2.tif [c=1]"):
        notes = set()
        found = images.read(f"{tmp_path / name}", notes)
        assert abs(found.astype(int) - ramp).max() < 8
        assert [note for note in notes if "JPEG, which is lossy" in note]


WRITERS = {
    "ome.tif": lambda path: tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZCYX"}),
    "imagej.tif": lambda path: tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZCYX"}),
    "zlib.flex": lambda path: tifffile.imwrite(path, STACK, metadata={"axes": "ZCYX"}, compression="zlib"),
    "a.zarr": lambda path: zarr.create_array(str(path), data=STACK, dimension_names=["z", "c", "y", "x"]),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_plane_of_a_stack(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    same(f"{path} [c=1, z=2]", STACK[2, 1])
    same(f"{path} [c=0, z=max]", STACK[:, 0].max(0))
    words = refused(path, "shape", "expected one grey image, found 3 z-planes (Z 3, C 2, Y 40, X 60): add [z=0]")
    assert "[z=max]" in words
    refused(f"{path} [z=0]", "shape", "found 2 channels (Z 3, C 2, Y 40, X 60): add [c=0]")
    refused(f"{path} [z=3, c=0]", "shape", "z must be below 3")
    refused(f"{path} [z=0, c=2]", "shape", "c must be below 2")


@pytest.mark.parametrize("name", ["a.tif", "a.flex", "a.npy"])
def test_axes_that_a_file_does_not_name(tmp_path, name):
    if name == "a.npy":
        np.save(tmp_path / name, STACK)
    else:
        tifffile.imwrite(tmp_path / name, STACK, photometric="minisblack")
    same(f"{tmp_path / name} [axes=ZCYX, c=1, z=2]", STACK[2, 1])
    same(f"{tmp_path / name} [axes=TCYX, c=1, t=2]", STACK[2, 1])
    same(f"{tmp_path / name} [item=2, c=1]", STACK[2, 1])
    refused(f"{tmp_path / name} [axes=CYX, c=1]", "shape", "3 axes named, the file has 4")
    refused(f"{tmp_path / name} [axes=ZCQX, c=1, z=0]", "shape", "expected one grey image (H, W)")


@pytest.mark.parametrize("key", ["c=1", "z=1", "t=1", "item=1"])
def test_pages_without_a_name_are_what_is_chosen_from(tmp_path, key):
    tifffile.imwrite(tmp_path / "a.tif", STACK[:, 0], photometric="minisblack", metadata=None)
    np.save(tmp_path / "a.npy", STACK[:, 0])
    for name in ("a.tif", "a.npy"):
        same(f"{tmp_path / name} [{key}]", STACK[1, 0])
        same(f"{tmp_path / name} [z=max]", STACK[:, 0].max(0))
        refused(tmp_path / name, "shape", "add [c=0], [z=max], [t=0] or [item=0], or all axes")


def test_a_single_plane_is_its_own_first_channel_and_projection(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    same(f"{tmp_path / 'a.tif'} [c=0]", PLANE)
    same(f"{tmp_path / 'a.tif'} [c=0, z=max]", PLANE)
    same(f"{tmp_path / 'a.tif'} [z=focus]", PLANE)


def test_a_channel_that_a_file_does_not_have_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    refused(f"{tmp_path / 'a.tif'} [c=1]", "shape", "c must be below 1")
    refused(f"{tmp_path / 'a.tif'} [z=2]", "shape", "z must be below 1")


def sharp_in_the_middle():
    from scipy.ndimage import gaussian_filter

    sharp = rng.integers(100, 4000, SHAPE).astype(float)
    return np.stack([gaussian_filter(sharp, sigma) for sigma in (3, 0.7, 2)]).astype(np.uint16)


def test_the_plane_in_focus(tmp_path):
    planes = sharp_in_the_middle()
    tifffile.imwrite(tmp_path / "a.tif", planes, ome=True, metadata={"axes": "ZYX"})
    same(f"{tmp_path / 'a.tif'} [z=focus]", planes[1])


def test_several_files_are_z_planes(tmp_path):
    planes = sharp_in_the_middle()
    for number, plane in enumerate(planes):
        tifffile.imwrite(tmp_path / f"z {number}.tif", plane)
    files = " | ".join(str(tmp_path / f"z {number}.tif") for number in range(3))
    same(f"{files} [z=max]", planes.max(0))
    same(f"{files} [z=focus]", planes[1])
    same(f"{files} [z=2]", planes[2])
    refused(files, "shape", "found 3 files of z-planes: add [z=0], [z=max] or [z=focus]")
    refused(f"{files} [z=3]", "shape", "found 3 files of z-planes")
    tifffile.imwrite(tmp_path / "z 1.tif", planes[1][:20])
    refused(f"{files} [z=max]", "shape", "z-planes of unlike shapes, (40, 60) and (20, 60)")
    (tmp_path / "z 1.tif").unlink()
    assert "z 1.tif" in refused(f"{files} [z=max]", "missing", "no file at")


def test_stacks_of_crops(tmp_path):
    crops = rng.integers(0, 256, (7, 20, 24, 3), dtype=np.uint8)
    np.save(tmp_path / "last.npy", crops)
    np.save(tmp_path / "first.npy", np.moveaxis(crops, 3, 1))
    np.savez(tmp_path / "two.npz", cells=crops, labels=np.arange(7))
    for name, keys in (("last.npy", ""), ("first.npy", ""), ("two.npz", ", name=cells")):
        same(f"{tmp_path / name} [c=2, item=5{keys}]", np.ascontiguousarray(crops[5, :, :, 2]))
    refused(f"{tmp_path / 'two.npz'} [c=2, item=5]", "shape", "2 arrays; say which")
    refused(f"{tmp_path / 'last.npy'} [c=2, item=7]", "shape", "item must be below 7")
    refused(f"{tmp_path / 'last.npy'} [c=2, z=max]", "shape", "found 7 items (I 7, Y 20, X 24, C 3): add [item=0]")


def test_a_tile_of_a_strip(tmp_path):
    Image.fromarray(BYTES).save(tmp_path / "a.png")
    same(f"{tmp_path / 'a.png'} [tile=2/5]", np.ascontiguousarray(BYTES[:, 24:36]))
    for tile in ("5/5", "2/7", "2", "a/b"):
        refused(f"{tmp_path / 'a.png'} [tile={tile}]", "shape", "tile must be like 2/5")


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr_is_read_at_its_finest_level(tmp_path, version):
    axes = [{"name": name} for name in "czyx"]
    said = {"multiscales": [{"axes": axes, "datasets": [{"path": "s0"}, {"path": "s1"}]}]}
    group = zarr.open_group(str(tmp_path / "a.zarr" / "B" / "03" / "0"), mode="w", zarr_format=version)
    group.attrs.update(said if version == 2 else {"ome": said})
    counts = np.moveaxis(STACK, 0, 1)
    group.create_array("s0", data=counts)
    group.create_array("s1", data=counts[:, :, ::2, ::2])
    same(f"{tmp_path / 'a.zarr' / 'B' / '03' / '0'} [c=1, z=max]", STACK[:, 1].max(0))
    same(f"{tmp_path / 'a.zarr' / 'B' / '03' / '0' / 's0'} [axes=CZYX, c=1, z=2]", STACK[2, 1])


def test_a_file_of_a_set_of_ome_is_the_plane_it_holds(tmp_path):
    names = ("B02 DNA.ome.tif", "B02 RNA.ome.tif")
    data = "".join(
        f'<TiffData FirstC="{c}" FirstT="0" FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="{name}">'
        f"urn:uuid:{c}</UUID></TiffData>"
        for c, name in enumerate(names)
    )
    for c, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{c}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="60" SizeY="40" SizeC="2" SizeZ="1" '
            f'SizeT="1">{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, STACK[0, c], description=xml, metadata=None)
    assert tifffile.imread(tmp_path / names[1]).shape == (2, *SHAPE)
    for c, name in enumerate(names):
        same(tmp_path / name, STACK[0, c])
    (tmp_path / names[0]).unlink()
    same(tmp_path / names[1], STACK[0, 1])


def test_one_page_of_full_size_is_the_picture(tmp_path):
    small = PLANE[::4, ::4]
    for number, pages in enumerate(([small, PLANE], [PLANE, small, PLANE[::2, ::2]])):
        with tifffile.TiffWriter(tmp_path / f"{number}.tif") as tiff:
            for page in pages:
                tiff.write(page, subfiletype=int(page.shape != SHAPE), metadata=None)
        same(tmp_path / f"{number}.tif", PLANE)
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as tiff:
        tiff.write(PLANE, subifds=1, metadata=None)
        tiff.write(small, subfiletype=1, metadata=None)
    same(tmp_path / "pyramid.tif", PLANE)


def test_pages_of_full_size_that_are_unlike_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(PLANE, metadata=None)
        tiff.write(BYTES, metadata=None)
    refused(tmp_path / "a.tif", "shape", "holds pictures of full size that are unlike: uint16 YX (40, 60) and uint8")


GREYS = np.roll(np.arange(256, dtype=np.uint8), 7)


def paletted(path, palette):
    if path.suffix == ".png":
        picture = Image.fromarray(BYTES, "P")
        picture.putpalette(palette.tobytes())
        picture.save(path)
    else:
        tifffile.imwrite(path, BYTES, photometric="palette", colormap=palette.T.astype(np.uint16) * 257)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_palettes(tmp_path, suffix):
    identity, shuffled = (np.repeat(greys[:, None], 3, 1) for greys in (np.arange(256, dtype=np.uint8), GREYS))
    green = np.zeros((256, 3), np.uint8)
    green[:, 1] = GREYS
    for name, palette in (("identity", identity), ("shuffled", shuffled), ("green", green)):
        paletted(tmp_path / f"{name}.{suffix}", palette)
    notes = set()
    same(tmp_path / f"identity.{suffix}", BYTES, notes)
    assert not notes
    same(tmp_path / f"shuffled.{suffix}", GREYS[BYTES], notes)
    assert [note for note in notes if "which was applied" in note]
    words = refused(tmp_path / f"green.{suffix}", "shape", "expected one grey image, found a table of colours")
    assert "[rgb=green]" in words
    same(f"{tmp_path / f'green.{suffix}'} [rgb=green]", GREYS[BYTES])


def test_a_palette_of_imagej_and_one_of_more_than_256_greys(tmp_path):
    for factor, wanted in ((256, BYTES), (200, BYTES.astype(np.uint16) * 200)):
        greys = np.tile(np.arange(256, dtype=np.uint16) * factor, (3, 1))
        tifffile.imwrite(tmp_path / "a.tif", BYTES, photometric="palette", colormap=greys)
        same(tmp_path / "a.tif", wanted)


COLOURS = np.stack([BYTES, BYTES // 2, BYTES // 3], axis=-1)
OPAQUE = np.full((*SHAPE, 1), 255, np.uint8)


def coloured(path, picture):
    if path.suffix == ".png":
        Image.fromarray(picture).save(path)
    else:
        tifffile.imwrite(path, picture, photometric="rgb", extrasamples=[2] * (picture.shape[-1] - 3))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_colours(tmp_path, suffix, alpha):
    path = tmp_path / f"a.{suffix}"
    more = [OPAQUE] * alpha
    coloured(path, np.concatenate([COLOURS, *more], axis=2))
    for number, name in enumerate(("red", "green", "blue")):
        same(f"{path} [rgb={name}]", np.ascontiguousarray(COLOURS[:, :, number]))
    same(f"{path} [c=1]", np.ascontiguousarray(COLOURS[:, :, 1]))
    refused(path, "shape", "found colours: add [rgb=red] or [rgb=green] or [rgb=blue]")
    refused(f"{path} [rgb=pink]", "shape", "rgb must be red, green or blue")
    coloured(path, np.concatenate([np.stack([BYTES] * 3, -1), *more], axis=2))
    notes = set()
    same(path, BYTES, notes)
    assert notes == {"colours that are all equal, read as grey"}
    coloured(path, np.concatenate([np.stack([BYTES] * 3, -1), OPAQUE // 2], axis=2))
    refused(path, "shape", "found 4 samples per pixel, not opaque")


def test_colours_plane_by_plane_and_of_16_bits(tmp_path):
    deep = COLOURS.astype(np.uint16) * 200
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(deep, 2, 0), photometric="rgb", planarconfig="separate")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    for name in ("a.tif", "a.png"):
        same(f"{tmp_path / name} [rgb=green]", np.ascontiguousarray(deep[:, :, 1]))
        refused(tmp_path / name, "shape", "found colours")


def test_samples_that_are_no_colours_are_channels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", COLOURS, photometric="minisblack", planarconfig="contig")
    refused(tmp_path / "a.tif", "shape", "found 3 samples per pixel: add [c=0]")
    same(f"{tmp_path / 'a.tif'} [c=2]", np.ascontiguousarray(COLOURS[:, :, 2]))


def test_grey_with_alpha(tmp_path):
    for alpha in (OPAQUE, OPAQUE // 2):
        Image.fromarray(np.dstack([BYTES[..., None], alpha])).save(tmp_path / "a.png")
        if alpha is OPAQUE:
            same(tmp_path / "a.png", BYTES)
        else:
            refused(tmp_path / "a.png", "shape", "not opaque")


def test_rgb_of_a_grey_image_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    refused(f"{tmp_path / 'a.tif'} [rgb=green]", "shape", "a grey image, without planes of colours: leave out rgb")


@pytest.mark.parametrize("plane", [PLANE, BYTES])
def test_0_as_white_is_inverted_and_told(tmp_path, plane):
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="miniswhite")
    notes = set()
    same(tmp_path / "a.tif", np.iinfo(plane.dtype).max - plane, notes)
    assert notes == {"0 is white by their header, so they were inverted"}


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "int64", "float32", "float64", ">u2", ">i4"])
def test_whole_counts_of_other_types_are_read(tmp_path, dtype):
    notes = set()
    np.save(tmp_path / "a.npy", PLANE.astype(dtype))
    same(tmp_path / "a.npy", PLANE, notes)
    assert notes == (set() if dtype == ">u2" else {f"{np.dtype(dtype)} of whole counts, read as uint16"})
    if dtype[0] != ">":
        tifffile.imwrite(tmp_path / "a.tif", PLANE.astype(dtype))
        same(tmp_path / "a.tif", PLANE)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (PLANE / 4096, "float64 from 0 to 0.99"),
        (PLANE.astype(np.float32) - 9, "float32 from -9 to"),
        (PLANE.astype(np.int32) * 100, "int32 from 0 to 409"),
        (np.where(PLANE > 9, PLANE, np.nan), "float64 from nan"),
        (np.where(PLANE > 9, PLANE, np.inf), "to inf"),
        (PLANE.astype(complex), "complex128"),
        (PLANE > 9, "one bit per pixel: a mask"),
    ],
)
def test_other_numbers_are_refused_with_their_range(tmp_path, values, words):
    np.save(tmp_path / "a.npy", values)
    refused(tmp_path / "a.npy", "unreadable", words)


def test_one_bit_is_a_mask(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", BYTES > 9)
    Image.fromarray(BYTES > 9).save(tmp_path / "a.png")
    for name in ("a.tif", "a.png"):
        refused(tmp_path / name, "unreadable", "one bit per pixel: a mask, not an image")


def encoded(writer, array=PLANE, **options) -> bytes:
    buffer = io.BytesIO()
    writer(buffer, array, **options)
    return buffer.getvalue()


TIFF = encoded(tifffile.imwrite)
NPY = encoded(np.save)
PNG = encoded(lambda buffer, array: Image.fromarray(array).save(buffer, "png"))
JPEG = encoded(lambda buffer, array: Image.fromarray(array).save(buffer, "jpeg"), BYTES)
ZLIB = encoded(tifffile.imwrite, compression="zlib")
PAGES = encoded(tifffile.imwrite, STACK[:, 0], photometric="minisblack", metadata=None)
DAMAGED = {
    "TIFF cut in its pixels": ("a.tif", TIFF[: len(TIFF) // 2], "unreadable", "truncated or damaged"),
    "TIFF cut in its header": ("a.tif", TIFF[:40], "unreadable", "truncated or damaged"),
    "TIFF of a magic only": ("a.tif", TIFF[:8], "unreadable", "truncated or damaged"),
    "TIFF cut by a byte": ("a.tif", TIFF[:-1], "unreadable", "truncated or damaged"),
    "compressed TIFF cut": ("a.tif", ZLIB[: len(ZLIB) * 2 // 3], "unreadable", "truncated or damaged"),
    "compressed TIFF garbled": ("a.tif", ZLIB[:-900] + b"\x99" * 900, "unreadable", "truncated or damaged"),
    "TIFF of pages cut": ("a.tif [z=max]", PAGES[: len(PAGES) // 2], "unreadable", "truncated or damaged"),
    "TIFF without its first bytes": ("a.tif", TIFF[4:], "unreadable", "does not begin as such a file does"),
    "TIFF of zeros": ("a.tif", bytes(len(TIFF)), "unreadable", "nothing but zeros"),
    "PNG cut": ("a.png", PNG[: len(PNG) // 2], "unreadable", "truncated or damaged"),
    "PNG cut in its header": ("a.png", PNG[:20], "unreadable", "truncated or damaged"),
    "PNG of a wrong checksum": ("a.png", PNG[:60] + b"\0\1\2\3" + PNG[64:], "unreadable", "truncated or damaged"),
    "JPEG cut": ("a.jpg", JPEG[: len(JPEG) // 2], "unreadable", "truncated or damaged"),
    "NPY cut": ("a.npy", NPY[: len(NPY) // 2], "unreadable", "truncated or damaged"),
    "NPY cut in its header": ("a.npy", NPY[:20], "unreadable", "truncated or damaged"),
    "NPZ cut": ("a.npz", encoded(np.savez)[:2000], "unreadable", "truncated or damaged"),
    "NPY of objects": ("a.npy", encoded(np.save, np.array([{}])), "unreadable", "no code of a file is run"),
    "empty": ("a.tif", b"", "unreadable", "empty (0 bytes)"),
    "gzip": ("a.tif.gz", gzip.compress(TIFF), "unreadable", "compressed with gzip"),
    "a web page": ("a.tif", b"<!doctype html><title>404", "unreadable", "a web page"),
    "a pointer of LFS": ("a.tif", b"version https://git-lfs.github.com/spec/v1", "unreadable", "git lfs pull"),
    "another format": ("a.czi", b"ZISRAWFILE", "unreadable", "Zeiss CZI, not read here"),
    "two pages cut to one": ("a.tif", PAGES[: 480 + 40 * 60 * 2], "unreadable", "truncated or damaged"),
    "no rows": ("a.npy", encoded(np.save, PLANE[:0]), "shape", "found shape (0, 60)"),
    "a list": ("a.npy", encoded(np.save, PLANE[0]), "shape", "expected one grey image (H, W), found shape (60,)"),
    "nothing": ("a.tif", None, "missing", "no file at"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_are_named_with_their_cause(tmp_path, kind):
    name, content, status, words = DAMAGED[kind]
    path = tmp_path / name.split(" ")[0]
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused(tmp_path / name, status, words)


def test_no_path_and_a_folder(tmp_path):
    refused("", "missing", "no file listed")
    refused(tmp_path, "unreadable", "a folder, not an image")
    assert images.read_shape("") is None
    assert images.read_shape(None) is None
    assert images.read_shape(tmp_path) is None


def test_a_damaged_chunk_of_zarr_is_told(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), data=PLANE, zarr_format=2)
    chunk = tmp_path / "a.zarr" / "0.0"
    chunk.write_bytes(chunk.read_bytes()[:50])
    refused(tmp_path / "a.zarr", "unreadable", "truncated or damaged")


def test_a_stack_has_one_shape(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PLANE)
    tifffile.imwrite(tmp_path / "b.tif", PLANE[:20])
    paths = [str(tmp_path / name) for name in ("a.tif", "b.tif")]
    np.testing.assert_array_equal(images.read_stack([paths[0]] * 2, SHAPE), [PLANE, PLANE])
    with pytest.raises(BadField, match=r"expected \(40, 60\) like most of the plate, found \(20, 60\)"):
        images.read_stack(paths, SHAPE)
