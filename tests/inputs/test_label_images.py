"""Label images from elsewhere: every format and kind, and refusals that name the file."""

import gzip
import lzma
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.segmentation import find_boundaries
from wellread.inputs import label_images, references
from wellread.runtime.errors import InputError
from wellread.segment import precomputed as segmenter
from wellread.segment.scene import Scene

PLACE = {"plate": "P1", "well": "B03", "site": "2", "field": 1, "stem": "B03_2_DNA"}
SHAPE = (40, 60)


@pytest.fixture
def labels():
    image = np.zeros(SHAPE, np.int32)
    for i in range(6):
        y, x = divmod(i, 3)
        image[4 + 18 * y : 16 + 18 * y, 4 + 19 * x : 16 + 19 * x] = 7 * (i + 1)
    image[22:34, 42:54] = 300  # more than a byte holds
    return image


def zarr_array(path, array):
    import zarr

    zarr.save_array(str(path), array)


WRITERS = {
    "labels.tif": tifffile.imwrite,
    "labels.TIF": tifffile.imwrite,
    "labels.png": lambda path, array: Image.fromarray(array.astype(np.uint16)).save(path),
    "labels.npy": np.save,
    "labels.zarr": zarr_array,
    "labels.flex": tifffile.imwrite,
    "labels": lambda path, array: Image.fromarray(array.astype(np.uint16)).save(path, "png"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format(tmp_path, labels, name):
    (tmp_path / "P1").mkdir()
    WRITERS[name](tmp_path / "P1" / f"B03_2_{name}", labels)
    found = label_images.read(str(tmp_path / "{plate}" / "{well}_{site}_") + name, PLACE, SHAPE)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, labels)


def test_zarr_within_a_group(tmp_path, labels):
    import zarr

    zarr.open_group(str(tmp_path / "B03.zarr"), mode="w").create_array("labels/nuclei", data=labels)
    found = label_images.read(str(tmp_path / "{well}.zarr" / "labels" / "nuclei"), PLACE, SHAPE)
    np.testing.assert_array_equal(found, labels)


@pytest.mark.parametrize("name", ["masks.tif", "masks.npy", "masks.zarr"])
def test_files_of_several_planes_and_fields(tmp_path, labels, name):
    stack = np.stack([[labels * 0, labels * 0], [labels, labels * 2]])  # FCYX
    WRITERS[f"labels{name[5:]}"](tmp_path / name, stack)
    for plane in (0, 1):
        np.testing.assert_array_equal(
            label_images.read(str(tmp_path / name), PLACE, SHAPE, plane=plane), labels * (plane + 1)
        )


def test_binary_masks_and_outlines(tmp_path, labels):
    np.save(tmp_path / "binary.npy", labels > 0)
    np.save(tmp_path / "outlines.npy", find_boundaries(labels, mode="inner"))
    for kind in ("binary", "outlines"):
        found = label_images.read(str(tmp_path / f"{kind}.npy"), PLACE, SHAPE, kind)
        assert found.max() == 6
        assert len(np.unique(np.stack([found, labels])[:, labels > 0], axis=1).T) == 6
        np.testing.assert_array_equal(found > 0, labels > 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no file at"),
        (b"", r"empty \(0 bytes\)"),
        (b"\x93NUMPY\x01", "truncated or damaged"),
        (np.full(SHAPE, np.nan), "whole numbers from 0"),
        (np.full(SHAPE, np.inf), "whole numbers from 0"),
        (np.zeros((9, 9), np.int32), r"labels of shape \(40, 60\)"),
        (np.full(SHAPE, -1), "whole numbers from 0"),
        (np.full(SHAPE, 0.5), "whole numbers from 0"),
    ],
)
def test_what_is_no_label_image_is_refused(tmp_path, content, words):
    path = tmp_path / "labels.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(InputError, match=words) as error:
        label_images.read(str(path), PLACE, SHAPE)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("dtype", [np.uint32, np.int64, np.uint64, np.float64])
@pytest.mark.parametrize("plus", [500_000, 3_000_000_000, 2**40])
def test_large_label_numbers_are_renumbered(tmp_path, labels, plus, dtype):
    large = np.where(labels > 0, labels.astype(np.int64) + plus, 0)
    if large.max() > (np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 2**53):
        pytest.skip("more than the type holds")
    np.save(tmp_path / "large.npy", large.astype(dtype))
    found = label_images.read(str(tmp_path / "large.npy"), PLACE, SHAPE)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.searchsorted(np.unique(labels), labels))
    np.save(tmp_path / "large.npy", (large + (large == 0) * (plus - 1)).astype(dtype))  # no 0 at all
    assert np.unique(label_images.read(str(tmp_path / "large.npy"), PLACE, SHAPE)).tolist() == list(range(1, 8))


def test_labels_up_to_65535_stay_as_they_are(tmp_path, labels):
    labels[0, 0] = 65535
    np.save(tmp_path / "a.npy", labels)
    np.testing.assert_array_equal(label_images.read(str(tmp_path / "a.npy"), PLACE, SHAPE), labels)


@pytest.mark.parametrize("value", [1, 255])
def test_a_binary_mask_taken_for_labels_is_refused(tmp_path, labels, value):
    np.save(tmp_path / "m.npy", np.where(labels > 0, value, 0).astype(np.uint8))
    with pytest.raises(InputError, match=rf"only {value}, in 6 pieces[^$]*kind: binary"):
        label_images.read(str(tmp_path / "m.npy"), PLACE, SHAPE)


def test_a_field_of_one_object_and_some_crumbs_is_read(tmp_path, labels):
    one = (labels == labels.max()).astype(np.uint8)
    one[:2, ::4] = 1
    np.save(tmp_path / "m.npy", one)
    assert label_images.read(str(tmp_path / "m.npy"), PLACE, SHAPE).max() == 1


def test_pieces_that_touch_at_corners_are_one_object(tmp_path):
    stairs = np.kron(np.eye(6), np.ones((4, 4))).astype(np.uint8)
    np.save(tmp_path / "m.npy", stairs)
    for kind in ("labels", "binary"):
        np.testing.assert_array_equal(label_images.read(str(tmp_path / "m.npy"), PLACE, stairs.shape, kind), stairs)


def test_palettes_white_and_single_bits_say_nothing_of_labels(tmp_path, labels):
    small = (labels % 251).astype(np.uint8)
    picture = Image.fromarray(small, "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    picture.save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", small, photometric="miniswhite")
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(label_images.read(str(tmp_path / name), PLACE, SHAPE), small)
    Image.fromarray(small > 0).save(tmp_path / "b.png")
    tifffile.imwrite(tmp_path / "b.tif", small > 0)
    for name in ("b.png", "b.tif"):
        assert label_images.read(str(tmp_path / name), PLACE, SHAPE, "binary").max() == 6


class Mine:
    """Its pickle would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def cellpose(path, labels):
    np.save(path, {"masks": labels, "own": Mine(path.parent / "made")}, allow_pickle=True)


def as_bytes(labels):
    return Image.fromarray(labels.astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "writer", "words"),
    [
        ("a_seg.npy", cellpose, "masks of Cellpose: save them as TIFF or PNG"),
        ("a.npy", cellpose, "objects of Python"),
        ("a.tif.gz", lambda path, labels: path.write_bytes(gzip.compress(labels.tobytes())), "compressed with gzip"),
        ("a.npy", lambda path, labels: path.write_bytes(lzma.compress(labels.tobytes())), "compressed with xz"),
        ("a.jpg", lambda path, labels: as_bytes(labels).save(path), "JPEG, which changes numbers"),
        ("a.png", lambda path, labels: as_bytes(np.dstack([labels] * 3)).save(path), "colours, not label numbers"),
        ("a.npy", lambda path, labels: np.save(path, labels[None]), r"shape \(1, 40, 60\), without plane 1"),
        ("a.npy", lambda path, labels: np.save(path, labels[None, None, None]), "without plane 1 of field 1"),
        ("a.zip", lambda path, labels: zipfile.ZipFile(path, "w").writestr("a.roi", b"x"), "compressed with ZIP"),
        ("a.npy", lambda path, labels: path.mkdir(), "a folder, not an image"),
    ],
)  # fmt: skip
def test_the_true_cause_is_told_and_no_code_of_a_file_is_run(tmp_path, labels, name, writer, words):
    writer(tmp_path / name, labels)
    with pytest.raises(InputError, match=words) as error:
        label_images.read(str(tmp_path / name), PLACE, SHAPE, plane=1)
    assert "damaged" not in str(error.value)
    assert str(tmp_path / name) in str(error.value)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("pattern", ["{plat}.png", "{}.png", "{plate.png"])
def test_a_pattern_with_other_fields_is_refused(pattern):
    with pytest.raises(InputError, match=r"\{plate\}, \{well\}, \{site\}"):
        references.path_of(pattern, PLACE)


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "labels.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(InputError, match=r"(?s)a label image \(TIFF, PNG, .*OLE container .* not read here"):
        label_images.read(str(tmp_path / "labels.doc"), PLACE, SHAPE)


FIELD = {"DNA": np.zeros(SHAPE, np.float32)}


def precomputed(pixel_size=0.0, **options):
    return segmenter.precomputed(Scene(pixel_size=pixel_size), **options)(FIELD, PLACE)


def test_nuclei_alone_get_cells_within_reach(tmp_path, labels):
    np.save(tmp_path / "n.npy", labels)
    nuclei, cells = precomputed(nucleus=str(tmp_path / "n.npy"), reach=2)
    np.testing.assert_array_equal(nuclei, labels)
    np.testing.assert_array_equal(np.unique(cells), np.unique(labels))
    assert (cells[4:16, 2:18] == 7).all()
    finer = precomputed(pixel_size=0.5, nucleus=str(tmp_path / "n.npy"), reach=1)[1]
    np.testing.assert_array_equal(finer, cells)


def test_cells_alone_have_no_nuclei(tmp_path, labels):
    np.save(tmp_path / "c.npy", labels)
    nuclei, cells = precomputed(cell=str(tmp_path / "c.npy"))
    assert not nuclei.any()
    np.testing.assert_array_equal(cells, labels)


def test_nuclei_and_cells_of_other_numbers_are_paired(tmp_path, labels):
    cells = np.zeros_like(labels)
    for new, old in enumerate(np.unique(labels)[:0:-1], start=1):
        cells[np.maximum.reduce([np.roll(labels == old, step, axis) for step in (-1, 0, 1) for axis in (0, 1)])] = new
    np.save(tmp_path / "n.npy", labels)
    np.save(tmp_path / "c.npy", cells)
    nuclei, found = precomputed(nucleus=str(tmp_path / "n.npy"), cell=str(tmp_path / "c.npy"))
    assert np.unique(nuclei).tolist() == np.unique(found).tolist() == list(range(7))
    assert (found[nuclei > 0] == nuclei[nuclei > 0]).all()


def test_no_pattern_is_refused():
    with pytest.raises(InputError, match="give `nucleus`, `cell`, or both"):
        segmenter.precomputed(Scene())


def outlined(tmp_path, line):
    np.save(tmp_path / "line.npy", np.asarray(line, bool))
    return label_images.read(str(tmp_path / "line.npy"), PLACE, np.shape(line), "outlines")


def test_outlines_hold_even_where_their_pixels_touch_at_corners_only(tmp_path):
    y, x = np.mgrid[:15, :15]
    away = abs(y - 7) + abs(x - 7)
    np.testing.assert_array_equal(outlined(tmp_path, away == 4), (away <= 4).astype(int))


def test_what_touches_any_border_lies_outside_of_outlines(tmp_path):
    """A cross parts the field in four, each of which touches two borders; a ring lies within one of them."""
    line = np.zeros((21, 25), bool)
    line[10], line[:, 12] = True, True
    np.testing.assert_array_equal(outlined(tmp_path, line), 0)
    for rows, columns in ((slice(0, 1), slice(3, 8)), (slice(20, 21), slice(3, 8)), (slice(3, 8), slice(0, 1)),
                          (slice(3, 8), slice(24, 25))):  # fmt: skip
        open_ring = np.zeros((21, 25), bool)
        top, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
        open_ring[top : rows.stop + 1, left : columns.stop + 1] = True
        open_ring[rows, columns] = False  # a region of one px width that only this border has
        np.testing.assert_array_equal(outlined(tmp_path, open_ring), 0)


def test_a_line_between_two_cells_goes_to_the_nearer(tmp_path):
    line = np.zeros((9, 13), bool)
    line[1:8, 1:12] = True
    line[2:7, 2:5] = line[2:7, 6:11] = False  # two rooms, one wall of 1 px between them
    found = outlined(tmp_path, line)
    assert found.max() == 2
    assert (found[1:8, 1:5] == found[3, 3]).all()
    assert (found[1:8, 6:12] == found[3, 8]).all()
    assert not found[0].any()
    assert not found[:, 12].any()
