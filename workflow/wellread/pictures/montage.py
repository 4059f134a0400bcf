"""Small pictures for figures and report: channels as colours, rows of cells, fields with outlines, WebP data URIs."""

import base64
import io

import numpy as np
import tifffile
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from wellread.calibrate.plate import Plate
from wellread.inputs.channels import FLUOROPHORES, STAINS, kind

BLUE, GREEN, RED, YELLOW, MAGENTA, CYAN, ORANGE, GREY = (
    "#3d6bff", "#2fd06b", "#ff4a3d", "#f2c230", "#d24bff", "#35d8e8", "#ff8f2e", "#b8b8b8",
)  # fmt: skip
PALETTE = (GREEN, RED, YELLOW, MAGENTA, CYAN, ORANGE, BLUE, GREY)  # for channels that say nothing of themselves
USUAL = {  # what a channel is: the colours in which people draw it
    "DNA": (BLUE,),
    "RNA": (CYAN, YELLOW),
    "ER": (GREEN,),
    "AGP": (ORANGE, RED),
    "Actin": (RED, ORANGE),
    "Golgi": (YELLOW, ORANGE),
    "Membrane": (YELLOW, ORANGE),
    "Mito": (MAGENTA, RED),
    "Tubulin": (YELLOW, GREEN),
    "Lysosome": (CYAN, YELLOW),
    "Brightfield": (GREY,),
    "GFP": (GREEN, CYAN),
    "RFP": (RED, ORANGE),
    "FarRed": (MAGENTA, YELLOW),
}
BEHIND = 0.4  # of its brightness, brightfield behind other channels
CELL_OUTLINE, NUCLEUS_OUTLINE = (255, 255, 255), (120, 240, 255)  # RGB: white, cyan
REJECTED = {
    "debris": ("orange", (255, 143, 46)),
    "fibre": ("yellow", (255, 240, 80)),
    "haze": ("pink", (255, 120, 220)),
}
OTHER_REASON = ("red", (255, 74, 61))


def colours(channels: list[str]) -> dict[str, str]:
    """{channel: colour as #rrggbb}, in the order of the channels: what its name says it is, and no two alike.

    From the ninth channel on colours come again. A channel alone that says nothing of itself is grey.
    """
    given = {}
    if len(channels) == 1 and not kind(channels[0]):
        return {channels[0]: GREY}
    order = [*STAINS, *FLUOROPHORES, ""]  # a stain comes before a colour of light, and both before other names
    for channel in sorted(channels, key=lambda name: order.index(kind(name))):
        free = [colour for colour in (*USUAL.get(kind(channel), ()), *PALETTE) if colour not in given.values()]
        given[channel] = (free or PALETTE[len(given) % len(PALETTE) :])[0]
    return {channel: given[channel] for channel in channels}


def composite(planes: np.ndarray, channels: list[str]) -> np.ndarray:
    """The `channels` (C, H, W), 0..1, as one false-colour picture (H, W, 3) uint8.

    A pixel has the colours of its strongest channels and the brightness of the strongest; adding up the colours of
    five channels would leave little but grey. Brightfield, bright everywhere, is a faint ground for the others.
    """
    ground = [BEHIND if kind(name) == "Brightfield" and len(channels) > 1 else 1 for name in channels]
    planes = planes.astype(np.float32) * np.array(ground, np.float32)[:, None, None]
    channel_colours = np.array([_rgb(colour) for colour in colours(channels).values()], np.float32)  # (C, 3)
    strength = planes * planes * np.sqrt(planes)
    hue = np.tensordot(strength / np.maximum(strength.sum(axis=0), 1e-9), channel_colours, axes=(0, 0))  # (H, W, 3)
    picture = 1.2 * hue * planes.max(axis=0)[..., None] ** 0.85
    return np.round(255 * np.minimum(picture, 1)).astype(np.uint8)


def row_of_cells(crops: np.ndarray, channels: list[str], side: int) -> str:
    """Crops (n, C, S, S) uint8 as false colours side by side, each `side` px wide: a data URI."""
    return _row_of_tiles([composite(crop / 255, channels) for crop in crops], side)


def channels_of_cell(crop: np.ndarray, channels: list[str], side: int) -> str:
    """Every channel of one crop (C, S, S) uint8 in grey, then all together in false colours: a data URI."""
    greys = [np.repeat(plane[..., None], 3, axis=2) for plane in crop]
    return _row_of_tiles([*greys, composite(crop / 255, channels)], side)


def read_masks(path, field: int) -> np.ndarray:
    """Nucleus and cell labels (2, H, W) of one field of a plate's masks.tif."""
    return np.stack([tifffile.imread(path, key=2 * field + plane) for plane in (0, 1)])


def draw_outlines(picture: np.ndarray, masks: np.ndarray) -> None:
    """Draw the outlines of cells (white) and nuclei (cyan), masks (2, H, W), into a picture (H, W, 3)."""
    for plane, colour in ((1, CELL_OUTLINE), (0, NUCLEUS_OUTLINE)):
        picture[find_boundaries(masks[plane], mode="inner")] = colour


def draw_boxes(picture: np.ndarray, boxes: np.ndarray, reasons: list[str]) -> None:
    """Draw boxes (n, 4) of top, left, bottom, right (px, ends excluded), coloured by reason, about what is in them."""
    pen = ImageDraw.Draw(image := Image.fromarray(picture))
    for (top, left, bottom, right), reason in zip(np.round(boxes).astype(int).tolist(), reasons, strict=True):
        _, colour = REJECTED.get(reason, OTHER_REASON)
        pen.rectangle((left - 1, top - 1, max(right, left), max(bottom, top)), outline=colour)
    picture[:] = np.asarray(image)


def reason_colours(reasons: list[str]) -> str:
    """In words, what colour the boxes of reasons have: `debris orange, haze pink`."""
    return ", ".join(f"{reason} {REJECTED.get(reason, OTHER_REASON)[0]}" for reason in sorted(set(reasons)))


def field_with_outlines(plate: Plate, field: int, masks: np.ndarray | None, width: int) -> np.ndarray:
    """A calibrated field in false colours (h, width, 3) uint8, with the outlines of its `masks` (2, H, W) if given."""
    planes = plate.read(field)
    shape = (width, round(width * planes.shape[1] / planes.shape[2]))
    resized = [Image.fromarray(plane).resize(shape, Image.Resampling.BILINEAR) for plane in planes]
    picture = composite(np.stack(resized), plate.channels)
    if masks is not None:
        nearest = [np.arange(n) * m // n for n, m in zip(picture.shape, masks.shape[1:], strict=False)]
        draw_outlines(picture, masks[np.ix_((0, 1), *nearest)])
    return picture


def picture_uri(path, width: int) -> str:
    """The picture in a file, at most `width` px wide, as a data URI."""
    with Image.open(path) as file:
        picture = file.convert("RGBA" if file.has_transparency_data else "RGB")
    picture.thumbnail((width, 4 * width), Image.Resampling.LANCZOS)
    return webp_uri(picture, quality=82)


def webp_uri(picture: Image.Image, quality: int = 72, effort: int = 4, lossless: bool = False) -> str:
    """A picture as a WebP data URI: a page with it needs no other file.

    `effort`: 0 to 6; 6 takes twice the time of 4 and saves 1 % of the bytes.
    """
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=effort, lossless=lossless)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _row_of_tiles(pictures: list[np.ndarray], side: int, gap: int = 3) -> str:
    """Pictures, each scaled to `side` px squared, in a row on nothing: a data URI."""
    row = Image.new("RGBA", (len(pictures) * (side + gap) - gap, side))
    for i, picture in enumerate(pictures):
        tile = Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)
        row.paste(tile, (i * (side + gap), 0))
    return webp_uri(row)


def _rgb(colour: str) -> np.ndarray:
    """#rrggbb as (3,), 0..1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
