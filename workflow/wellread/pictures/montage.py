"""Small pictures for the report, channels as colours: rows of cells, fields with outlines, as WebP data URIs."""

import base64
import io

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from wellread.calibrate.plate import Plate

PALETTE = ("#3d6bff", "#2fd06b", "#ff4a3d", "#f2c230", "#d24bff", "#35d8e8", "#ff8f2e", "#b8b8b8")
CELL, NUCLEUS = (255, 255, 255), (120, 240, 255)  # colours of their outlines


def colours(channels: list[str]) -> dict[str, str]:
    """A colour for every channel, in their order."""
    return {channel: PALETTE[i % len(PALETTE)] for i, channel in enumerate(channels)}


def blend(planes: np.ndarray) -> np.ndarray:
    """Channels (C, H, W), 0..1, as one picture (H, W, 3) uint8.

    A pixel has the colours of its strongest channels and the brightness of the strongest; adding up five lights
    would leave little but grey.
    """
    lights = np.array([_rgb(colour) for colour in colours(range(len(planes))).values()])  # (C, 3)
    strength = planes**2.5
    hue = np.tensordot(strength / np.maximum(strength.sum(axis=0), 1e-9), lights, axes=(0, 0))  # (H, W, 3)
    picture = 1.2 * hue * planes.max(axis=0)[..., None] ** 0.85
    return np.round(255 * np.minimum(picture, 1)).astype(np.uint8)


def row_of_cells(crops: np.ndarray, side: int) -> str:
    """Crops (n, C, S, S) uint8 side by side, each `side` px wide."""
    return _tiles([blend(crop / 255) for crop in crops], side)


def channels_of_cell(crop: np.ndarray, side: int) -> str:
    """Every channel of one crop (C, S, S) uint8 in grey, then all as colours."""
    greys = [np.repeat(plane[..., None], 3, axis=2) for plane in crop]
    return _tiles([*greys, blend(crop / 255)], side)


def outlined(plate: Plate, field: int, masks: np.ndarray | None, width: int) -> np.ndarray:
    """A calibrated field as colours (H, width, 3) uint8, with the outlines of cells (white) and nuclei (cyan)."""
    planes = plate.read(field)
    shape = (width, round(width * planes.shape[1] / planes.shape[2]))
    small = [Image.fromarray(plane).resize(shape, Image.Resampling.BILINEAR) for plane in planes]
    picture = blend(np.stack(small))
    for plane, colour in ((1, CELL), (0, NUCLEUS)) if masks is not None else ():
        nearest = [np.arange(n) * m // n for n, m in zip(picture.shape, masks.shape[1:], strict=False)]
        picture[find_boundaries(masks[plane][np.ix_(*nearest)], mode="inner")] = colour
    return picture


def shrunk(path, width: int) -> str:
    """The picture in a file, at most `width` px wide."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    picture.thumbnail((width, 4 * width), Image.Resampling.LANCZOS)
    return uri(picture, quality=82)


def uri(picture: Image.Image, quality: int = 72) -> str:
    """A picture as a WebP data URI: a page that holds it needs no other file."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=6)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _tiles(pictures: list[np.ndarray], side: int, gap: int = 3) -> str:
    """Square pictures in a row on a white ground."""
    row = Image.new("RGB", (len(pictures) * (side + gap) - gap, side), "white")
    for i, picture in enumerate(pictures):
        tile = Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)
        row.paste(tile, (i * (side + gap), 0))
    return uri(row)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
