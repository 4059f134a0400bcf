"""What stands still for print and for readers without scripts where the page else has an interactive plot."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from wellread.pictures import montage
from wellread.pictures.draw import saved_figure, scatter, shortened
from wellread.pictures.labels import NEGATIVE
from wellread.report import svg, wells
from wellread.report.run import Run
from wellread.runtime import table_files

SHOWN = ("number distance", "number cells")  # what the maps of plates show: the first that is known
MAP_WIDTH = 1200  # px


def printed_plates(run: Run, table: pd.DataFrame) -> dict:
    """Maps of some plates, one scale for all: of the distance to controls or else of the number of cells; or nothing.

    The scale is over percentiles 2 and 98 of all wells, as on screen.
    """
    name = next((name for name in SHOWN if name in table and table[name].notna().any()), "")
    if not name:
        return {}
    low, high = np.nanpercentile(table[name], [2, 98])
    values = {plate: own.set_index("well")[name].dropna().to_dict() for plate, own in table.groupby("plate")}
    maps = [(plate, svg.plate_map(values[plate], low, high)) for plate in run.pictured_plates if values.get(plate)]
    return {"title": wells.title(name), "low": low, "high": high, "maps": maps}


def printed_map(run: Run, pair: tuple[str, str]) -> dict:
    """The wells of a map as a data URI, coloured by mechanism or else by treatment, with a legend."""
    points = table_files.read(run.maps()[pair], "maps", ["plate", "well", "x", "y"], [("kind", "==", "well")])
    points = points.merge(run.once(wells.well_table), on=["plate", "well"], how="left").fillna({"item": ""})
    by = next(name for name in ("label moa", "label treatment", "item") if name in points and points[name].any())
    labels = shortened(points[by].fillna("").astype(str)).rename(by.removeprefix("label "))
    if "label control" in points:
        labels = labels.mask(points["label control"] == "negative", NEGATIVE)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.png"
        with saved_figure(path, (7, 5), 1, 1) as (_, ((axis,),)):
            scatter(axis, points[["x", "y"]].to_numpy(), labels)
        return {"uri": montage.picture_uri(path, MAP_WIDTH), "n": len(points), "pair": pair}
