"""Pictures of fields of view with outlines of nuclei and cells: random ones, in best and worst focus, flagged.

What was rejected as no nucleus is in boxes, coloured by reason.
"""

import numpy as np
import pandas as pd

from wellread.inputs.images import BadField
from wellread.look import contact_sheet
from wellread.look.plate_files import PlateFiles
from wellread.pictures import montage
from wellread.runtime.counted import counted
from wellread.runtime.registry import choice
from wellread.segment.objects import BOX


@choice("look")
def fields(plates: list[PlateFiles], seed: int, out_png, *, each: int = 3, width: int = 480) -> pd.DataFrame:
    """`each` fields drawn at random, in best focus, in worst focus, and flagged, out of all plates; `width` px wide.

    And `each` fields in which most was rejected as no nucleus, in boxes, if any was.
    Returns the table of the fields in the figure. Their focus is the mean over the channels of the rank within the
    plate, 0 to 1. Channels are false colours, outlines of cells white, those of nuclei cyan.
    """
    table = pd.concat([_with_focus(files, i) for i, files in enumerate(plates)], ignore_index=True)
    by_focus = table.sort_values("focus", kind="stable")
    random = table.iloc[np.random.default_rng(seed).permutation(len(table))[:each]]
    flagged = by_focus[by_focus["flags"] != ""]
    chosen = {"drawn at random": random, "best focus": by_focus[::-1], "worst focus": by_focus, "flagged": flagged}
    if len(table) == 1:  # which is best, worst and random at once
        chosen = {"the only field": table}
    if table["rejected"].any():
        reasons = montage.reason_colours([reason for files in plates for reason in files.rejected["reason"]])
        most = table[table["rejected"] > 0].sort_values("rejected", ascending=False, kind="stable")
        chosen[f"most rejected: {reasons}"] = most
    sorts = {sort: rows.head(each).sort_index() for sort, rows in chosen.items()}
    contact_sheet.write(out_png, [(sort, _pictures(plates, rows, width)) for sort, rows in sorts.items()])
    return pd.concat([rows.assign(sort=sort) for sort, rows in sorts.items()]).drop(columns="plate_number")


def _with_focus(files: PlateFiles, number: int) -> pd.DataFrame:
    """The good fields of a plate with their focus, number of cells and flags."""
    table = files.plate.fields.loc[files.plate.good]
    measures = [f"focus_{channel}" for channel in files.plate.channels]
    cells = files.cells["field"].value_counts().reindex(table.index, fill_value=0)
    rejected = files.rejected["field"].value_counts().reindex(table.index, fill_value=0)
    columns = table[["plate", "well", "site", "field", "flags"]]
    focus = table[measures].rank(pct=True).mean(axis=1)
    return columns.assign(focus=focus, cells=cells, rejected=rejected, plate_number=number)


def _pictures(plates: list[PlateFiles], rows: pd.DataFrame, width: int) -> list[tuple[str, np.ndarray]]:
    """(caption, picture) of every row; a grey bar for fields whose images have been moved or damaged."""
    pictures = []
    for row in rows.itertuples():
        files = plates[row.plate_number]
        caption = f"{row.plate} {row.well} site {row.site}: {counted(row.cells, 'cell')} {row.flags.replace('|', ', ')}"
        try:
            picture = montage.field_with_outlines(files.plate, row.field, files.masks(row.field), width)
            rejected = files.rejected[files.rejected["field"] == row.field]
            boxes = rejected[BOX].to_numpy(float) * width / files.plate.shape[1]
            montage.draw_boxes(picture, boxes, list(rejected["reason"]))
            pictures.append((caption, picture))
        except BadField as error:
            pictures.append((f"{caption}: {error}", np.full((60, width, 3), 235, np.uint8)))
    return pictures
