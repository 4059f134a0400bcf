"""A contact sheet: rows of pictures with a title above each row and a caption below each picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wellread.runtime.files import whole

GAP, TITLE, CAPTION = 8, 32, 24  # heights, px
TITLE_FONT, CAPTION_FONT = 22, 16  # px
TEXT_COLOUR = (112, 117, 124)  # to be read on white and on black: the sheet is transparent


def write(out_png, rows: list[tuple[str, list[tuple[str, np.ndarray]]]]) -> None:
    """Write rows of (title, [(caption, picture (H, W, 3) uint8)]) as one PNG."""
    images = [_row(title, pictures) for title, pictures in rows if pictures]
    images = images or [_row("nothing to show", [("", np.zeros((1, 200, 3), np.uint8))])]
    width, height = max(s.width for s in images) + 2 * GAP, sum(s.height for s in images) + GAP
    sheet, top = Image.new("RGBA", (width, height)), GAP
    for image in images:
        sheet.paste(image, (GAP, top))
        top += image.height
    with whole(out_png) as part:
        sheet.save(part, "PNG")


def _row(title: str, pictures: list[tuple[str, np.ndarray]]) -> Image.Image:
    """One row: the title above, the pictures, their captions below."""
    below = CAPTION if any(caption for caption, _ in pictures) else 0
    tall, wide = max(p.shape[0] for _, p in pictures), sum(p.shape[1] + GAP for _, p in pictures)
    wide = max(wide, int(_font(TITLE_FONT).getlength(title)) + GAP)
    row = Image.new("RGBA", (wide, TITLE + tall + below + GAP))
    pen, left = ImageDraw.Draw(row), 0
    pen.text((0, 2), title, TEXT_COLOUR, _font(TITLE_FONT))
    for caption, picture in pictures:
        row.paste(Image.fromarray(picture), (left, TITLE))
        pen.text(
            (left, TITLE + picture.shape[0] + 1),
            _truncated(caption, picture.shape[1]),
            TEXT_COLOUR,
            _font(CAPTION_FONT),
        )
        left += picture.shape[1] + GAP
    return row


def _truncated(text: str, width: int) -> str:
    """As much of a caption as fits into `width` px."""
    while text and _font(CAPTION_FONT).getlength(text) > width:
        text = text[:-2].rstrip() + "…" if len(text) > 2 else ""
    return text


def _font(size: int):
    return ImageFont.load_default(size)
