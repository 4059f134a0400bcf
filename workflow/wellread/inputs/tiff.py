"""Opening TIFF: OME, ImageJ, MetaMorph or plain, of one page or many, and what their metadata say."""

import logging
from functools import lru_cache, partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from wellread.inputs.description import MICROMETRES, Description, Opened, stamp
from wellread.inputs.formats import BadField


class _LostPages(logging.Handler):
    """Raises what tifffile only logs: that pages which a file should have are not there."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if any(words in text for words in ("page offset", "offset to page", "corrupted tag list", "circular")):
            raise ValueError(text.split("> ")[-1])


def open_tiff(path: Path) -> Opened:
    import tifffile

    tiff = tifffile.TiffFile(path, _multifile=False)
    page = tiff.pages[0]
    if tiff.pages.is_multipage or not _whole_in_a_page(page):
        tiff.close()
        return _open_pages(path, stamp(path))
    what = Description(
        "tiff", page.axes, page.shape, page.dtype, *_names_and_pixel_size(tiff), _meaning(page), _lossy(page)
    )
    return Opened(what, lambda index: page.asarray()[index], _colours(page), page.bitspersample, tiff.close)


def _whole_in_a_page(page) -> bool:
    """Whether the one page of a file is all of it: MetaMorph, and ImageJ above 4 GB, have one for many planes."""
    text = page.description
    return not (page.is_stk or "images=" in text or '"truncated"' in text or page.is_lsm)


@lru_cache(maxsize=4)
def _open_pages(path: Path, stamp: tuple) -> Opened:
    import tifffile

    tiff = tifffile.TiffFile(path, _multifile=False)
    if tiff.is_ome and (xml := _without_other_files(tiff)):
        tiff = tifffile.TiffFile(tiff.filehandle, omexml=xml, _multifile=False)
    series = _full_size(tiff)
    first = series[0]
    axes, shape, pages = _own_pages(first)
    axes = axes.replace("I", "Q")  # by tifffile: pages of no known meaning
    if len(series) > 1:
        axes, shape, pages = "Q" + axes, (len(series), *shape), [page for one in series for page in _own_pages(one)[2]]
    page = first.keyframe
    what = Description("tiff", axes, shape, first.dtype, *_names_and_pixel_size(tiff), _meaning(page), _lossy(page))
    whole = first.asarray if len(series) == 1 else None
    return Opened(what, partial(_read_page, tiff, pages, shape, page, whole), _colours(page), page.bitspersample)


def _without_other_files(tiff) -> str:
    """The OME-XML of one file of a set, without the planes in its other files; "" if it names no other files."""
    root, kept, others = _parsed(tiff.ome_metadata), [], 0
    for pixels in root.iter() if root is not None else ():
        for data in [node for node in pixels if node.tag.endswith("}TiffData")]:
            file = next(iter(data), None)
            if (
                file is None
                or file.text == root.get("UUID")
                or file.get("FileName", "").lower() == tiff.filename.lower()
            ):
                kept.append(root.get("UUID") if file is None else file.text)
            else:
                pixels.remove(data)
                others += 1
    if not kept or not others:
        return ""
    root.set("UUID", kept[0] or "")
    return ElementTree.tostring(root, encoding="unicode")


def _parsed(xml: str):
    """The root of an XML text, None if it is damaged: the pages of the file are there all the same."""
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None


def _full_size(tiff) -> list:
    """The series of pages that are pictures, not thumbnails or smaller copies: those of the largest rows x columns."""
    series = [one for one in tiff.series if not one.keyframe.is_reduced] or list(tiff.series)
    areas = [np.prod([size for axis, size in zip(one.axes, one.shape, strict=True) if axis in "YX"]) for one in series]
    full = [one for one, area in zip(series, areas, strict=True) if area == max(areas)]
    return full if len({(one.shape, one.axes, one.dtype) for one in full}) == 1 else _unlike(tiff, full)


def _unlike(tiff, series: list):
    kinds = " and ".join(dict.fromkeys(f"{one.dtype} {one.axes} {one.shape}" for one in series))
    raise BadField("shape", f"{tiff.filehandle.path}: holds pictures of full size that are unlike: {kinds}")


def _own_pages(series) -> tuple[str, tuple[int, ...], list]:
    """Axes, shape and pages of a series, without the planes that its OME-XML says lie in other files."""
    axes, shape, pages = series.axes, series.shape, list(series.pages)
    if all(page is not None for page in pages):
        return axes, shape, pages
    n = len(shape) - len(series.keyframe.shape)
    pages += [None] * (int(np.prod(shape[:n])) - len(pages))
    there = np.array([page is not None for page in pages]).reshape(shape[:n])
    kept = [np.flatnonzero(there.any(axis=tuple(set(range(n)) - {axis}))) for axis in range(n)]
    if not there[np.ix_(*kept)].all():
        present = [page for page in pages if page is not None]
        return "Q" + axes[n:], (len(present), *shape[n:]), present
    lengths = [len(numbers) for numbers in kept]
    own = [page for page in pages if page is not None]
    axes = "".join(name for name, size in zip(axes, lengths, strict=False) if size > 1) + axes[n:]
    return axes, (*(size for size in lengths if size > 1), *shape[n:]), own


def _read_page(tiff, pages: list, shape: tuple, keyframe, whole, index: tuple) -> np.ndarray:
    n = len(shape) - len(keyframe.shape)
    if len(pages) == np.prod(shape[:n], dtype=int) and not any(isinstance(number, slice) for number in index[:n]):
        number = int(np.ravel_multi_index(index[:n], shape[:n])) if n else 0
        return pages[number].asarray(maxworkers=1)[index[n:]]
    return whole()[index]


def _meaning(page) -> str:
    """What the numbers in a TIFF page are; see `Description`."""
    if page.bitspersample == 1:
        return "bits"
    names = {0: "white", 2: "colour", 3: "palette", 5: "colour", 6: "colour", 8: "colour"}
    return names.get(int(page.photometric), "counts")


def _lossy(page) -> bool:
    return page.compression in (6, 7, 33007, 34892)  # ways to say JPEG


def _colours(page) -> np.ndarray | None:
    return None if page.colormap is None or page.photometric != 3 else np.asarray(page.colormap).T


def _names_and_pixel_size(tiff) -> tuple[tuple[str, ...], float]:
    """The channels' names and the pixel size (micrometres) in the metadata of OME and ImageJ, (), 0 without any."""
    page = tiff.pages[0]
    if page.is_ome and tiff.ome_metadata:
        return _ome_names_and_pixel_size(tiff.ome_metadata)
    if page.is_imagej and "XResolution" in page.tags:
        turns, length = page.tags["XResolution"].value
        unit = MICROMETRES.get(str((tiff.imagej_metadata or {}).get("unit", "")), 0)
        return (), unit * length / turns if turns else 0.0
    return (), 0.0


def _ome_names_and_pixel_size(xml: str) -> tuple[tuple[str, ...], float]:
    root = _parsed(xml)
    pixels = next((node for node in root.iter() if node.tag.endswith("}Pixels")), None) if root is not None else None
    if pixels is None:
        return (), 0.0
    names = tuple(node.get("Name", "") for node in pixels if node.tag.endswith("}Channel"))
    unit = MICROMETRES.get(pixels.get("PhysicalSizeXUnit", "µm"), 0)
    return names if any(names) else (), float(pixels.get("PhysicalSizeX", 0)) * unit


logging.getLogger("tifffile").addHandler(_LostPages(logging.ERROR))
