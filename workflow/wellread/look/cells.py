"""Pictures of cells that are kept, that are close to being flagged, and that were flagged or left out, by reason."""

import numpy as np
import pandas as pd
from PIL import Image

from wellread.calibrate.flags import robust_z
from wellread.inputs.images import BadField
from wellread.look import contact_sheet
from wellread.look.plate_files import PlateFiles
from wellread.pictures import montage
from wellread.runtime.registry import choice

FLAGGED_BY = ("area", "nucleus_area", "eccentricity")  # the measures that say how close a cell is to being flagged
WINDOW = 1.6  # side of a picture, in medians of the longer side of the cells' bounding boxes


@choice("look", masks=True)
def cells(plates: list[PlateFiles], seed: int, out_png, *, each: int = 12, side: int = 80) -> pd.DataFrame:
    """Up to `each` cells of every sort, drawn at random or, of those close to being flagged, the closest.

    Returns the table of the cells in the figure. Every picture is `side` px wide and of the same scale; the outline of
    the cell is white, that of its nucleus cyan.
    """
    table = pd.concat([_classified(files, i) for i, files in enumerate(plates)], ignore_index=True)
    rng, sorts = np.random.default_rng(seed), {}
    for sort in sorted(table["sort"].unique(), key=lambda sort: (sort != "kept", sort)):
        of_sort = table[table["sort"] == sort]
        sorts[sort] = of_sort.iloc[rng.permutation(len(of_sort))[:each]].sort_index()
        if sort == "kept":
            close = of_sort.sort_values("extremity", ascending=False, kind="stable")
            sorts["kept, close to being flagged"] = close.head(each).sort_index()
    totals = table["sort"].value_counts()
    extent = int(WINDOW * table[["height", "width"]].max(axis=1).median()) if len(table) else side
    rows = [(_title(sort, totals), _pictures(plates, rows, extent, side)) for sort, rows in sorts.items()]
    contact_sheet.write(out_png, rows)
    drawn = [rows.assign(sort=sort) for sort, rows in sorts.items()]
    return pd.concat(drawn).drop(columns="plate_number") if drawn else table


def _classified(files: PlateFiles, number: int) -> pd.DataFrame:
    """All objects of a plate with their sort, and their largest robust z-score (absolute) as `extremity`."""
    table = files.cells.reset_index(drop=True)
    flags, reason = table["flags"].str.replace("|", ", "), table["reason"]
    sort = np.where(flags != "", "flagged: " + flags, "kept")
    sort = np.where(reason == "flagged", sort + ", dropped", np.where(reason != "", "no crop: " + reason, sort))
    extremity = pd.DataFrame(
        {name: robust_z(table[name], log=name != "eccentricity").abs() for name in FLAGGED_BY}
    ).max(axis=1)
    size = {"height": table["bottom"] - table["top"], "width": table["right"] - table["left"]}
    columns = table[["plate", "well", "site", "field", "label", "y", "x", "area", "nucleus_area", "eccentricity"]]
    return columns.assign(**size, sort=sort, extremity=extremity, plate_number=number)


def _title(sort: str, totals: pd.Series) -> str:
    return f"{sort} ({totals[sort]:,})" if sort in totals else sort


def _pictures(plates: list[PlateFiles], rows: pd.DataFrame, extent: int, side: int) -> list[tuple[str, np.ndarray]]:
    pictures = []
    for row in rows.itertuples():
        try:
            pictures.append(("", _cell_picture(plates[row.plate_number], row, extent, side)))
        except BadField:
            pictures.append(("gone", np.full((side, side, 3), 235, np.uint8)))
    return pictures


def _cell_picture(files: PlateFiles, row, extent: int, side: int) -> np.ndarray:
    """The cell in a window of `extent` px, black beyond the field, scaled to (side, side, 3)."""
    top, left = round(row.y), round(row.x)  # of the window in the padded field
    margin = ((0, 0), (extent // 2, extent), (extent // 2, extent))
    window = np.s_[:, top : top + extent, left : left + extent]
    planes, masks = np.pad(files.plate.read(row.field), margin)[window], np.pad(files.masks(row.field), margin)[window]
    picture = Image.fromarray(montage.composite(planes, files.plate.channels)).resize(
        (side, side), Image.Resampling.BILINEAR
    )
    picture = np.array(picture)
    own = [Image.fromarray(plane == row.label).resize((side, side), Image.Resampling.NEAREST) for plane in masks]
    montage.draw_outlines(picture, np.stack(own))
    return picture
