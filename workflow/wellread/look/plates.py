"""Maps of the wells of every plate: number of cells, share without a crop, focus, intensity and other measures."""

import numpy as np
import pandas as pd

from wellread.look.plate_files import PlateFiles
from wellread.pictures.draw import saved_figure
from wellread.pictures.plate_layout import plate_layout, row_letters
from wellread.runtime.registry import choice

MAX_PLATES = 12  # that are drawn; the returned table has all
TITLES = {
    "cells": "cells found per field",
    "lost": "share of cells without a crop",
    "focus": "focus (1: the plate's median)",
    "saturated": "share of saturated pixels, worst channel",
    "background": "background (1: the plate's median)",
    "signal": "signal (1: the plate's median)",
    "area": "median area of nuclei, px²",
    "intensity": "intensity of cells (1: the plate's median)",
}


@choice("look")
def plates(
    plates: list[PlateFiles], seed: int, out_png, *, show=("cells", "lost", "focus", "background")
) -> pd.DataFrame:
    """A row of maps per plate, one map for each measure in `show` (the keys of TITLES); `seed` is not used.

    Of more than MAX_PLATES plates some are drawn, spread evenly over the list. Returns a table of plate, well, measure,
    value. Colours span percentiles 2 to 98 of a measure over all wells.
    """
    numbers = pd.concat([_well_values(files, show) for files in plates], ignore_index=True)
    names = [files.name for files in plates]
    spread = np.linspace(0, len(names) - 1, min(len(names), MAX_PLATES)).round().astype(int)
    drawn = [names[i] for i in np.unique(spread)]
    with saved_figure(out_png, (3.1 * len(show), 2.3 * len(drawn)), len(drawn), len(show)) as (figure, axes):
        for column, measure in enumerate(show):
            values = numbers[numbers["measure"] == measure]
            low, high = np.nanpercentile(values["value"], [2, 98]) if values["value"].notna().any() else (0, 1)
            for row, plate in enumerate(drawn):
                picture = _draw_map(axes[row][column], values[values["plate"] == plate], low, high)
                axes[row][column].set_title(f"{TITLES[measure]}\n{plate}" if row == 0 else plate, fontsize=7)
                figure.colorbar(picture, ax=axes[row][column], shrink=0.7)
    return numbers


def _well_values(files: PlateFiles, show) -> pd.DataFrame:
    """The measures `show` of every well of a plate: plate, well, measure, value."""
    fields, objects = files.plate.fields, files.cells
    good, by_well = fields.loc[files.plate.good], objects.groupby("well")
    values = {
        "cells": by_well.size().reindex(good["well"].unique(), fill_value=0) / good.groupby("well").size(),
        "lost": (objects["reason"] != "").groupby(objects["well"]).mean(),
        "saturated": _measure_by_channel(good, "saturated", files).max(axis=1).groupby(good["well"]).max(),
        "area": by_well["nucleus_area"].median(),
        "intensity": _relative_to_median(
            _measure_by_channel(objects, "intensity", files).groupby(objects["well"]).mean()
        ),
    }
    values |= {
        m: _relative_to_median(_measure_by_channel(good, m, files).groupby(good["well"]).median())
        for m in ("focus", "background", "signal")
    }
    tables = [values[m].rename("value").rename_axis("well").reset_index().assign(measure=m) for m in show]
    return pd.concat(tables).assign(plate=files.name)[["plate", "well", "measure", "value"]]


def _measure_by_channel(table: pd.DataFrame, measure: str, files: PlateFiles) -> pd.DataFrame:
    return table[[name for channel in files.plate.channels if (name := f"{measure}_{channel}") in table]]


def _relative_to_median(values: pd.DataFrame) -> pd.Series:
    """Mean over the channels (columns) of value / median."""
    return (values / values.median().replace(0, np.nan)).mean(axis=1)


def _draw_map(axis, values: pd.DataFrame, low: float, high: float):
    """Draw the wells of one plate as squares; returns the image, for the colour bar."""
    places, rows, columns = plate_layout(values["well"])
    places = {well: where for well, where in places.items() if where[0] < rows and where[1] < columns}
    grid = np.full((rows, columns), np.nan)
    for well, value in zip(values["well"], values["value"], strict=True):
        if well in places:
            grid[places[well]] = value
    axis.set(xticks=range(0, columns, max(columns // 6, 1)), yticks=range(0, rows, max(rows // 6, 1)))
    axis.set_xticklabels([tick + 1 for tick in axis.get_xticks()])
    axis.set_yticklabels([row_letters(tick) for tick in axis.get_yticks()])
    axis.set_facecolor("#eeeeee")
    axis.tick_params(length=0, labelsize=6)
    return axis.imshow(grid, cmap="viridis", vmin=low, vmax=high if high > low else low + 1)
