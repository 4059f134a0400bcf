"""Small pictures of some cells, many in a WebP sheet: those that hover over the map and stand beside hits."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from wellread.crops.reader import Crops
from wellread.pictures import montage
from wellread.report.run import Run
from wellread.report.wells import is_flagged, item_names, well_table
from wellread.runtime import table_files

MOST, SIDE, ACROSS, PER_SHEET = 2000, 48, 20, 400  # cells; px of a cell; cells in a row and in a sheet
PER_TREATMENT = 6  # cells of a treatment, and controls of a plate, that come first
FIRST = 0.8  # share of all cells that those of treatments may be


@dataclass(frozen=True)
class Sprites:
    """The pictured cells, a row each in the order of the pictures: plate, well, row, item; and the sheets as URIs."""

    cells: pd.DataFrame
    sheets: list[str]


def sprites(run: Run) -> Sprites:
    """Pictures of up to MOST cells: some of every hit, strongest first, of every plate's controls and of wells with
    a warning of quality; then of others.

    They are drawn at random from the cells on the first map with cells, or from all without one. Of plates whose
    crops were not kept there are none.
    """
    cells = _ranked(run, _candidates(run))
    cells = cells.head(MOST).sort_values(["plate", "row"], ignore_index=True)
    crops = run.by_folder("crops")
    tiles = [
        _tile(crop, run)
        for plate, own in cells.groupby("plate")
        for crop in Crops([crops[plate]])[own["row"].to_numpy()]
    ]
    return Sprites(cells, [_sheet(tiles[i : i + PER_SHEET]) for i in range(0, len(tiles), PER_SHEET)])


def place(number: int) -> tuple[int, str]:
    """The sheet of a picture, and where it lies there, as CSS has it."""
    row, column = divmod(number % PER_SHEET, ACROSS)
    return number // PER_SHEET, f"-{SIDE * column}px -{SIDE * row}px"


def strips(run: Run, items: list[str], each: int = PER_TREATMENT) -> dict[str, dict[str, list[tuple[int, str]]]]:
    """{item: {own, controls}}: the places of pictures of its cells, and of controls of the same plates."""
    cells = run.once(sprites).cells.reset_index()
    plates = cells.groupby("item")["plate"].unique().to_dict()
    by_item = cells.groupby("item")["index"].apply(list).to_dict()
    controls = cells[cells["control"]].groupby("plate")["index"].apply(list).to_dict()
    found = {}
    for item in set(items) & set(by_item):
        beside = [i for layer in zip(*(controls.get(p, []) for p in plates[item]), strict=False) for i in layer]
        found[item] = {"own": [place(i) for i in by_item[item][:each]], "controls": [place(i) for i in beside[:each]]}
    return found


def _candidates(run: Run) -> pd.DataFrame:
    """The cells that may be pictured: plate, well, row in the plate's crops."""
    crops = run.by_folder("crops")
    for path in run.maps().values():
        cells = table_files.read(path, "maps", ["plate", "well", "row"], [("kind", "==", "cell")])
        if len(cells):
            return cells[cells["plate"].isin(list(crops))].reset_index(drop=True)
    parts = [
        table_files.read(path, "cells", ["plate", "well"])
        for plate, path in run.by_folder("cells").items()
        if plate in crops
    ]
    parts = [part.assign(row=np.arange(len(part))) for part in parts]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["plate", "well", "row"])


def _ranked(run: Run, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells in the order in which they are pictured, with their item and whether they are negative controls."""
    wells = run.once(well_table)
    known = wells[["plate", "well", "item"]].assign(control=wells.get("label control", "") == "negative")
    known["flagged"] = is_flagged(wells)
    cells = cells.merge(known, on=["plate", "well"], how="left").fillna(
        {"item": "", "control": False, "flagged": False}
    )
    cells = cells.astype({"control": bool, "flagged": bool})
    cells = cells.iloc[np.random.default_rng(run.config["seed"]).permutation(len(cells))]
    order = {name: i for path in run.paths("hits") for i, name in enumerate(item_names(table_files.read(path, "hits")))}
    rank = cells["item"].map(order)
    hit = (cells.groupby("item").cumcount() < PER_TREATMENT) & (rank < FIRST * MOST / PER_TREATMENT)
    first = [
        cells[kind] & (cells.groupby(["plate", kind]).cumcount() < PER_TREATMENT) for kind in ("control", "flagged")
    ]
    return cells.assign(later=~(hit | first[0] | first[1])).sort_values("later", kind="stable")


def _tile(crop: np.ndarray, run: Run) -> Image.Image:
    picture = Image.fromarray(montage.composite(crop / 255, run.settings["channels"]))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _sheet(tiles: list[Image.Image]) -> str:
    sheet = Image.new("RGB", (SIDE * ACROSS, SIDE * -(-len(tiles) // ACROSS)))
    for i, tile in enumerate(tiles):
        row, column = divmod(i, ACROSS)
        sheet.paste(tile, (SIDE * column, SIDE * row))
    return montage.webp_uri(sheet)
