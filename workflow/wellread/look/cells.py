"""Cells that are kept, that came close to being flagged, and that were flagged or lost, by reason."""

import numpy as np
import pandas as pd
from PIL import Image

from wellread.calibrate.flags import robust_z
from wellread.inputs.images import BadField
from wellread.look import sheet
from wellread.look.shown import Shown
from wellread.pictures import montage
from wellread.runtime.registry import choice

RULED = ("area", "nucleus_area", "eccentricity")  # what "close to being flagged" looks at
AROUND = 1.6  # side of a picture, in medians of the longer side of the cells' boxes


@choice("look", masks=True)
def cells(shown: list[Shown], seed: int, out_png, *, each: int = 12, side: int = 80) -> pd.DataFrame:
    """Up to `each` cells of every sort, drawn at random (close ones: the closest); returns the table of those shown.

    All pictures have the same scale; the outline of the cell is white, that of its nucleus cyan.
    """
    table = pd.concat([_told(one, i) for i, one in enumerate(shown)], ignore_index=True)
    rng, sorts = np.random.default_rng(seed), {}
    for sort in sorted(table["sort"].unique(), key=lambda sort: (sort != "kept", sort)):
        of_sort = table[table["sort"] == sort]
        sorts[sort] = of_sort.iloc[rng.permutation(len(of_sort))[:each]].sort_index()
        if sort == "kept":
            close = of_sort.sort_values("extremity", ascending=False, kind="stable")
            sorts["kept, close to being flagged"] = close.head(each).sort_index()
    totals = table["sort"].value_counts()
    extent = int(AROUND * table[["height", "width"]].max(axis=1).median()) if len(table) else side
    rows = [(_title(sort, totals), _pictures(shown, rows, extent, side)) for sort, rows in sorts.items()]
    sheet.write(out_png, rows)
    told = [rows.assign(sort=sort) for sort, rows in sorts.items()]
    return pd.concat(told).drop(columns="plate_number") if told else table


def _told(one: Shown, number: int) -> pd.DataFrame:
    """All objects of a plate with their sort, and how far they are from the middle in the measures of the rules."""
    table = one.cells.reset_index(drop=True)
    flags, reason = table["flags"].str.replace("|", ", "), table["reason"]
    sort = np.where(flags != "", "flagged: " + flags, "kept")
    sort = np.where(reason == "flagged", sort + ", dropped", np.where(reason != "", "no crop: " + reason, sort))
    far = pd.DataFrame({name: robust_z(table[name], log=name != "eccentricity").abs() for name in RULED}).max(axis=1)
    size = {"height": table["bottom"] - table["top"], "width": table["right"] - table["left"]}
    wanted = table[["plate", "well", "site", "field", "label", "y", "x", "area", "nucleus_area", "eccentricity"]]
    return wanted.assign(**size, sort=sort, extremity=far, plate_number=number)


def _title(sort: str, totals: pd.Series) -> str:
    return f"{sort} ({totals[sort]:,})" if sort in totals else sort


def _pictures(shown: list[Shown], rows: pd.DataFrame, extent: int, side: int) -> list[tuple[str, np.ndarray]]:
    pictures = []
    for row in rows.itertuples():
        try:
            pictures.append(("", _cut(shown[row.plate_number], row, extent, side)))
        except BadField:
            pictures.append(("gone", np.full((side, side, 3), 235, np.uint8)))
    return pictures


def _cut(one: Shown, row, extent: int, side: int) -> np.ndarray:
    """The cell in the middle of `extent` px, black beyond the field, enlarged or shrunk to `side` px."""
    top, left = round(row.y), round(row.x)  # of the window in the padded field
    margin = ((0, 0), (extent // 2, extent), (extent // 2, extent))
    window = np.s_[:, top : top + extent, left : left + extent]
    planes, masks = np.pad(one.plate.read(row.field), margin)[window], np.pad(one.masks(row.field), margin)[window]
    picture = np.asarray(
        Image.fromarray(montage.composite(planes)).resize((side, side), Image.Resampling.BILINEAR)
    ).copy()
    own = [Image.fromarray(plane == row.label).resize((side, side), Image.Resampling.NEAREST) for plane in masks]
    montage.draw_outlines(picture, np.stack(own))
    return picture
