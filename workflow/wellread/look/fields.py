"""Fields of view with the outlines of their nuclei and cells: some drawn at random, the best and the worst."""

import numpy as np
import pandas as pd

from wellread.inputs.images import BadField
from wellread.look import sheet
from wellread.look.shown import Shown
from wellread.pictures import montage
from wellread.runtime.registry import choice


@choice("look")
def fields(shown: list[Shown], seed: int, out_png, *, each: int = 3, width: int = 480) -> pd.DataFrame:
    """`each` fields of all plates, drawn at random, in best and worst focus, and flagged; returns those that are shown.

    Focus is the mean rank within the plate over the channels, 0 to 1. Channels as colours, cells outlined in white,
    nuclei in cyan.
    """
    table = pd.concat([_ranked(one, i) for i, one in enumerate(shown)], ignore_index=True)
    by_focus = table.sort_values("focus", kind="stable")
    some = table.iloc[np.random.default_rng(seed).permutation(len(table))[:each]]
    flagged = by_focus[by_focus["flags"] != ""]
    chosen = {"drawn at random": some, "best focus": by_focus[::-1], "worst focus": by_focus, "flagged": flagged}
    sorts = {sort: rows.head(each).sort_index() for sort, rows in chosen.items()}
    sheet.write(out_png, [(sort, _pictures(shown, rows, width)) for sort, rows in sorts.items()])
    return pd.concat([rows.assign(sort=sort) for sort, rows in sorts.items()]).drop(columns="plate_number")


def _ranked(one: Shown, number: int) -> pd.DataFrame:
    """The good fields of a plate: their focus, number of cells and flags."""
    table = one.plate.fields.loc[one.plate.good]
    measures = [f"focus_{channel}" for channel in one.plate.channels]
    cells = one.cells["field"].value_counts().reindex(table.index, fill_value=0)
    place = table[["plate", "well", "site", "field", "flags"]]
    return place.assign(focus=table[measures].rank(pct=True).mean(axis=1), cells=cells, plate_number=number)


def _pictures(shown: list[Shown], rows: pd.DataFrame, width: int) -> list[tuple[str, np.ndarray]]:
    pictures = []
    for row in rows.itertuples():
        caption = f"{row.plate} {row.well} site {row.site}: {row.cells} cells {row.flags.replace('|', ', ')}"
        try:
            pictures.append(
                (
                    caption,
                    montage.field_with_outlines(shown[row.plate_number].plate, row.field, _masks(shown, row), width),
                )
            )
        except BadField as gone:
            pictures.append((f"{caption}: {gone}", np.full((60, width, 3), 235, np.uint8)))
    return pictures


def _masks(shown: list[Shown], row) -> np.ndarray | None:
    return shown[row.plate_number].masks(row.field)
