"""From fields and masks to rows: one uint8 crop, one outline and one line of a table for every cell."""

import logging
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import tifffile
from skimage import measure, transform

from wellread.files import Rows, whole
from wellread.parallel import ordered
from wellread.plate import open_plate
from wellread.progress import progress

log = logging.getLogger("wellread")
OTHER, CELL, NUCLEUS = 1, 2, 3  # values of an outline, besides 0 for nothing
PAD = {"drop": "constant", "zero": "constant", "reflect": "reflect"}
MEASURED = ("label", "centroid", "area", "eccentricity")


@dataclass(frozen=True)
class Cutter:
    """What a worker needs to cut one well."""

    fields: str
    calibration: str
    masks: str | None
    seed: int
    size: int
    edge: str
    fit: str
    most: int

    def __call__(self, rows: list[int]) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """Cut the fields of one well: crops (n, C, S, S), outlines (n, S, S) and a table of all its objects."""
        plate = open_plate(self.fields, self.calibration)
        labels = {field: self._labels(plate, field) for field in rows}
        objects = pd.concat([_objects(plate.fields.loc[f], labels[f]) for f in rows], ignore_index=True)
        objects["reason"] = self._reasons(objects, plate.shape)
        kept = objects[objects["reason"] == ""]
        pieces = [self._cut(plate.read(f), labels[f], cells) for f, cells in kept.groupby("field")]
        empty = np.zeros((0, len(plate.channels) + 1, self.size, self.size), np.uint8)
        both = np.concatenate([empty, *pieces])  # (n, C + 1, S, S), the outline last
        return both[:, :-1], both[:, -1], objects

    def _labels(self, plate, field: int) -> np.ndarray:
        """Nucleus and cell labels (2, H, W); without masks the whole image is one cell."""
        if self.masks is None:
            return np.stack([np.zeros(plate.shape, np.int32), np.ones(plate.shape, np.int32)])
        return np.stack([tifffile.imread(self.masks, key=2 * field + plane) for plane in (0, 1)])

    def _reasons(self, objects: pd.DataFrame, shape: tuple[int, int]) -> np.ndarray:
        """Why an object gets no crop; empty for those that do."""
        reasons = np.full(len(objects), "", object)
        if self.masks is not None and self.edge == "drop":
            start = self._corners(objects)
            reasons[((start < 0) | (start + self.size > shape)).any(axis=1)] = "edge"
        inside = np.flatnonzero(reasons == "")
        if self.most and len(inside) > self.most:
            name = f"{objects['plate'].iloc[0]}/{objects['well'].iloc[0]}"
            rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
            reasons[rng.permutation(inside)[self.most :]] = "max_per_well"
        return reasons

    def _corners(self, objects: pd.DataFrame) -> np.ndarray:
        return objects[["y", "x"]].round().to_numpy(int).reshape(-1, 2) - self.size // 2

    def _cut(self, field: np.ndarray, labels: np.ndarray, cells: pd.DataFrame) -> np.ndarray:
        """Crops of one field with their outlines as last channel: (n, C + 1, S, S) uint8."""
        pixels = np.round(field * 255).astype(np.uint8)
        if self.masks is None and self.fit == "resize":
            return np.concatenate([_resize(pixels, self.size), np.full((1, self.size, self.size), CELL, np.uint8)])[
                None
            ]
        margin = ((0, 0), (self.size, self.size), (self.size, self.size))
        pixels, labels = np.pad(pixels, margin, PAD[self.edge]), np.pad(labels, margin)
        windows = [np.s_[:, y : y + self.size, x : x + self.size] for y, x in self._corners(cells) + self.size]
        outlines = [_outline(labels[w], label) for w, label in zip(windows, cells["label"], strict=True)]
        return np.stack([np.concatenate([pixels[w], o[None]]) for w, o in zip(windows, outlines, strict=True)])


def crops(
    fields,
    calibration,
    masks,
    outputs: dict,
    seed: int,
    threads: int = 1,
    *,
    size=160,
    edge="drop",
    fit="centre",
    max_per_well=0,
) -> None:
    """Cut the cells of a plate; without `masks` every image is one object (whole fields, ready-made crops).

    Writes outputs["crops"] (N, C, S, S) uint8, ["outlines"] (N, S, S) uint8, ["cells"] (row i is crop i) and
    ["lost"] (a row for every object without a crop, with the reason). One pass, a well at a time, memory flat.
    """
    plate = open_plate(fields, calibration)
    cutter = Cutter(fields, calibration, masks, seed, size, edge, fit, max_per_well)
    wells = [part.index.tolist() for _, part in plate.fields.loc[plate.good].groupby("well", sort=False)]
    tables = []
    with whole(outputs["crops"]) as crop_part, whole(outputs["outlines"]) as outline_part:
        with (
            Rows(crop_part, (len(plate.channels), size, size)) as pixels,
            Rows(outline_part, (size, size)) as outlines,
        ):
            for crop, outline, table in progress(ordered(cutter, wells, threads), "crops", len(wells), "wells"):
                pixels.append(crop)
                outlines.append(outline)
                tables.append(table)
        _write_tables(pd.concat(tables, ignore_index=True), outputs)


def _write_tables(objects: pd.DataFrame, outputs: dict) -> None:
    kept = objects["reason"] == ""
    log.info("%d crops, %d objects without one", kept.sum(), (~kept).sum())
    with whole(outputs["cells"]) as part:
        objects[kept].drop(columns="reason").to_parquet(part, index=False)
    with whole(outputs["lost"]) as part:
        objects.loc[~kept, ["plate", "well", "site", "field", "label", "reason"]].to_parquet(part, index=False)


def _objects(field: pd.Series, labels: np.ndarray) -> pd.DataFrame:
    """One row per cell of a field: where its nucleus lies and how large both are (px)."""
    nuclei, cells = labels
    whole_image = not nuclei.any() and cells.any()
    table = pd.DataFrame(measure.regionprops_table(cells if whole_image else nuclei, properties=MEASURED))
    table = table.rename(columns={"centroid-0": "y", "centroid-1": "x", "area": "nucleus_area"})
    table["area"] = np.bincount(cells.ravel(), minlength=1 + table["label"].max() if len(table) else 1)[
        table["label"].astype(int)
    ]
    if whole_image:
        table["nucleus_area"] = 0.0
    place = {
        "plate": field["plate"],
        "well": field["well"],
        "site": field["site"],
        "field": int(field["field"]),
    }
    table = table.assign(**place)[[*place, "label", "y", "x", "area", "nucleus_area", "eccentricity"]]
    return table.astype({"field": int, "label": int, "area": float, "nucleus_area": float, "eccentricity": float})


def _outline(labels: np.ndarray, label: int) -> np.ndarray:
    nuclei, cells = labels
    outline = np.where(cells > 0, OTHER, 0)
    outline[cells == label] = CELL
    outline[nuclei == label] = NUCLEUS
    return outline.astype(np.uint8)


def _resize(pixels: np.ndarray, size: int) -> np.ndarray:
    shape = (len(pixels), size, size)
    return np.round(transform.resize(pixels, shape, preserve_range=True, anti_aliasing=True)).astype(np.uint8)
