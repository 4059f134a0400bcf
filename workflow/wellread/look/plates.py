"""Maps of the wells of every plate: how many cells, how many of them lost, how sharp and how bright."""

import numpy as np
import pandas as pd

from wellread.look.shown import Shown
from wellread.pictures.draw import saved_figure
from wellread.runtime.registry import choice
from wellread.pictures.plate_layout import plate_layout, row_letters

MOST = 12  # plates that are drawn; the numbers are of all
MEANING = {
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
def plates(shown: list[Shown], seed: int, out_png, *, show=("cells", "lost", "focus", "background")) -> pd.DataFrame:
    """A row of maps per plate (spread over the list, if there are many), one map per measure; `seed` changes nothing.

    Returns plate, well, measure, value. Colours span the 2nd to the 98th percentile of a measure over all wells.
    """
    numbers = pd.concat([_of_plate(one, show) for one in shown], ignore_index=True)
    names = [one.name for one in shown]
    drawn = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST)).round().astype(int))]
    with saved_figure(out_png, (3.1 * len(show), 2.3 * len(drawn)), len(drawn), len(show)) as (figure, axes):
        for column, measure in enumerate(show):
            values = numbers[numbers["measure"] == measure]
            low, high = np.nanpercentile(values["value"], [2, 98]) if values["value"].notna().any() else (0, 1)
            for row, plate in enumerate(drawn):
                picture = _map(axes[row][column], values[values["plate"] == plate], low, high)
                axes[row][column].set_title(f"{MEANING[measure]}\n{plate}" if row == 0 else plate, fontsize=7)
                figure.colorbar(picture, ax=axes[row][column], shrink=0.7)
    return numbers


def _of_plate(one: Shown, show) -> pd.DataFrame:
    """The measures of every well of a plate, tidy."""
    fields, found = one.plate.fields, one.cells
    good, by_well = fields.loc[one.plate.good], found.groupby("well")
    values = {
        "cells": by_well.size().reindex(good["well"].unique(), fill_value=0) / good.groupby("well").size(),
        "lost": (found["reason"] != "").groupby(found["well"]).mean(),
        "saturated": _columns(good, "saturated", one).max(axis=1).groupby(good["well"]).max(),
        "area": by_well["nucleus_area"].median(),
        "intensity": _relative(_columns(found, "intensity", one).groupby(found["well"]).mean()),
    }
    values |= {
        m: _relative(_columns(good, m, one).groupby(good["well"]).median()) for m in ("focus", "background", "signal")
    }
    parts = [values[m].rename("value").rename_axis("well").reset_index().assign(measure=m) for m in show]
    return pd.concat(parts).assign(plate=one.name)[["plate", "well", "measure", "value"]]


def _columns(table: pd.DataFrame, measure: str, one: Shown) -> pd.DataFrame:
    return table[[name for channel in one.plate.channels if (name := f"{measure}_{channel}") in table]]


def _relative(values: pd.DataFrame) -> pd.Series:
    """Mean over the channels of the value over its median."""
    return (values / values.median().replace(0, np.nan)).mean(axis=1)


def _map(axis, values: pd.DataFrame, low: float, high: float):
    """The wells of one plate as squares."""
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
