"""A sheet of pictures: titled rows, each picture with a line below it."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wellread.runtime.files import whole

GAP, TITLE, CAPTION = 8, 32, 24  # px
LARGE, SMALL = 22, 16  # letters, px
INK = (40, 40, 40)


def write(out_png, rows: list[tuple[str, list[tuple[str, np.ndarray]]]]) -> None:
    """Write rows of (title, [(caption, picture (H, W, 3) uint8)]) as one PNG; same pictures, same bytes."""
    strips = [_strip(title, pictures) for title, pictures in rows if pictures]
    strips = strips or [_strip("nothing to show", [("", np.full((40, 200, 3), 255, np.uint8))])]
    width, height = max(s.width for s in strips) + 2 * GAP, sum(s.height for s in strips) + GAP
    sheet, top = Image.new("RGB", (width, height), "white"), GAP
    for strip in strips:
        sheet.paste(strip, (GAP, top))
        top += strip.height
    with whole(out_png) as part:
        sheet.save(part, "PNG", optimize=True)


def _strip(title: str, pictures: list[tuple[str, np.ndarray]]) -> Image.Image:
    """One row: its title above, captions below."""
    below = CAPTION if any(caption for caption, _ in pictures) else 0
    tall, wide = max(p.shape[0] for _, p in pictures), sum(p.shape[1] + GAP for _, p in pictures)
    wide = max(wide, int(_font(LARGE).getlength(title)) + GAP)
    strip = Image.new("RGB", (wide, TITLE + tall + below + GAP), "white")
    pen, left = ImageDraw.Draw(strip), 0
    pen.text((0, 2), title, INK, _font(LARGE))
    for caption, picture in pictures:
        strip.paste(Image.fromarray(picture), (left, TITLE))
        pen.text((left, TITLE + picture.shape[0] + 1), _fitting(caption, picture.shape[1]), INK, _font(SMALL))
        left += picture.shape[1] + GAP
    return strip


def _fitting(text: str, width: int) -> str:
    """As much of a text as fits into `width` px."""
    while text and _font(SMALL).getlength(text) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text


def _font(size: int):
    return ImageFont.load_default(size)
