"""Some fields of a plate, taken through the first steps of a run as far as crops, in a folder of their own."""

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from wellread.calibrate.calibrate import EVEN, calibrate
from wellread.calibrate.plate import Plate, open_plate
from wellread.crops.crop_size import size_of
from wellread.crops.crops import crops
from wellread.inputs import images
from wellread.inputs.bucket import Bucket
from wellread.inputs.gallery import PATIENCE, keys
from wellread.inputs.stage import stage
from wellread.plan.dag import Plan
from wellread.preview import pictures
from wellread.runtime import table_files
from wellread.runtime.parallel import ordered
from wellread.runtime.registry import chosen, pick
from wellread.segment.segment import segment

PLATES, FIELDS, PIXELS = 2, 3, 1_200_000  # plates looked at; fields of each, 2 if 3 have more pixels than that together
MORE = 9  # fields of a plate that are looked at if none of these can be used
STAGED = 2  # fields of a plate on a server, whose images are copied
PAINTED = 2  # fields of a painted plate, of which none may be there yet
SUFFIXES = {"calibration": ".npz", "masks": ".tif", "crops": ".npy", "outlines": ".npy"}  # other kinds are tables


@dataclass
class Sample:
    """Fields of one plate: the files made of them, and the seconds that every step took."""

    plate: str
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    side: int = 0  # px, of crops
    pictures: dict = field(default_factory=dict, repr=False)  # of its fields: see `pictures.of_sample`
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def path(self, kind: str) -> str:
        """Where the file of a kind lies, whether there is one or not."""
        return str(self.folder / f"{kind}{SUFFIXES.get(kind, '.parquet')}")

    def has(self, kind: str) -> bool:
        """Whether there is a file of a kind."""
        return Path(self.path(kind)).is_file()

    def table(self, kind: str) -> pd.DataFrame:
        """The table of a kind, empty if there is none; read once after every step."""
        if kind not in self._tables:
            self._tables[kind] = table_files.read(self.path(kind), kind) if self.has(kind) else pd.DataFrame()
        return self._tables[kind].copy()

    @property
    def usable(self) -> int:
        """How many of the fields can be used."""
        return int((self.table("fields")["status"] == "ok").sum())

    @property
    def opened(self) -> Plate:
        """The fields, to be read."""
        return open_plate(self.path("fields"), self.path("calibration"))

    def timed(self, step: str, function, *args, **options) -> None:
        """Call a function and note the seconds of CPU that it takes as those of a step."""
        start = process_time()
        function(*args, **options)
        self.seconds[step] = process_time() - start
        self._tables.clear()


def samples(plan: Plan, dataset: str, folder: Path) -> list[Sample]:
    """A sample of some plates of a dataset, spread over all, each in a folder of its plate's name below `folder`.

    InputError where a step refuses to go on. What is only looked at on the whole plate, such as illumination that is
    estimated, is left out.
    """
    with _quiet():
        return _samples(plan, dataset, folder)


@contextmanager
def _quiet():
    """Context in which steps log errors alone: what is worth a word becomes a finding."""
    log, level = logging.getLogger("wellread"), logging.getLogger("wellread").level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _samples(plan: Plan, dataset: str, folder: Path) -> list[Sample]:
    names = spread(plan.plates(dataset), PLATES if not _by_network(plan, dataset) else 1)
    made = list(ordered(partial(_segmented, plan, dataset, folder), names, len(names)))
    side = crop_side(plan, dataset, made)
    for one in made:
        if one.usable and (one.has("objects") or not plan.has_masks(dataset)):
            _crop(plan, dataset, one, side)
    return made


def _segmented(plan: Plan, dataset: str, folder: Path, plate: str) -> Sample:
    """The sample of a plate, calibrated and segmented, with pictures of it."""
    one = Sample(plate, folder / plate)
    one.folder.mkdir(parents=True)
    _calibrate(plan, dataset, one)
    if plan.has_masks(dataset) and one.usable:
        _segment(plan, dataset, one)
    if one.usable:
        one.pictures = pictures.of_sample(one)
    return one


def spread(items: list, n: int) -> list:
    """At most n of the items, spread evenly."""
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(len(items), n)).astype(int))]


def crop_side(plan: Plan, dataset: str, made: list[Sample]) -> int:
    """The side of crops that the config gives, or that is found from the cells of the samples."""
    size = plan.config["datasets"][dataset]["crops"]["size"]
    return suggested_side(plan, dataset, made) if size == "auto" else size


def suggested_side(plan: Plan, dataset: str, made: list[Sample]) -> int:
    """The side of crops that holds most of the cells of the samples, as a run would find it; 0 if there are none."""
    section = plan.config["datasets"][dataset]
    target, tables = section["crops"]["target_pixel_size"], [one.table("objects") for one in made if one.has("objects")]
    cells = pd.concat(tables) if tables else pd.DataFrame()
    return size_of(cells, section["pixel_size"] / target if target else 1.0) if len(cells) else 0


def rows_of(plan: Plan, dataset: str, one: Sample):
    """The rows of the images table of the fields in a sample, then of MORE fields, where there are some.

    Images are painted or staged if they are not there yet, then there are no more.
    """
    rows, channels = plan.rows(dataset, one.plate), plan.config["datasets"][dataset]["channels"]
    if plan.is_made(dataset) and not Path(rows[channels[0]].iloc[0]).is_file():
        yield _painted(plan, dataset, one) if plan.is_painted(dataset) else _staged(plan, dataset, one, rows)
        return
    shape = next(filter(None, map(images.read_shape, rows[channels[0]].head(FIELDS))), (1, 1))
    few = 1 if _by_network(plan, dataset) else int(np.clip(PIXELS // np.prod(shape), 2, FIELDS))
    for n in (few, MORE) if len(rows) > few else (few,):
        some = rows.head(n) if _numbered(plan, dataset) else rows.iloc[spread(range(len(rows)), n)]
        yield some.reset_index(drop=True)


def _painted(plan: Plan, dataset: str, one: Sample) -> pd.DataFrame:
    """A few fields, painted by the painter of the dataset, and their rows of the images table."""
    section = plan.config["datasets"][dataset]
    ((source, options),) = section["images"].items()
    few = options | {"wells": min(options.get("wells", PAINTED), PAINTED), "fields": 1}
    painter = {source: {key: value for key, value in few.items() if key != "plates"}}
    one.timed("paint", pick("paint", painter), one.plate, one.folder / "painted")
    few |= {"plates": int(one.plate.removeprefix("P"))}
    rows = pick("images", {source: few})(section["channels"], one.folder / "painted", f"datasets.{dataset}.images")
    return rows[rows["plate"] == one.plate].reset_index(drop=True)


def _staged(plan: Plan, dataset: str, one: Sample, rows: pd.DataFrame) -> pd.DataFrame:
    """A few of the rows, with the paths of copies of their images, which are made in the folder of the sample."""
    section, there = plan.config["datasets"][dataset], plan.made_images(dataset, one.plate)
    channels, few = section["channels"], rows.iloc[spread(range(len(rows)), STAGED)].reset_index(drop=True)
    options, here = section["images"]["gallery"], one.folder / "staged"
    server = {"endpoint": options["endpoint"], "region": options["region"], "patience": PATIENCE}
    bucket = Bucket(options["bucket"], f"datasets.{dataset}.images.gallery", **server)
    stage(keys(few[channels].to_numpy().ravel(), there, bucket.name), here, bucket, options["connections"])
    few[channels] = few[channels].apply(lambda paths: paths.str.replace(f"{there}/", f"{here}/", regex=False))
    return few


def _by_network(plan: Plan, dataset: str) -> bool:
    return plan.has_masks(dataset) and plan.segments_by_network(dataset)


def _numbered(plan: Plan, dataset: str) -> bool:
    """Whether given masks are named by the number of their field, which only the first fields of a plate keep."""
    return "{field" in str(plan.config["datasets"][dataset]["segment"]) and plan.has_masks(dataset)


def _calibrate(plan: Plan, dataset: str, one: Sample) -> None:
    section = plan.config["datasets"][dataset]
    options = section["calibrate"] | {"max_failed_fields": 1.0}
    if chosen("illumination", options["illumination"]).samples:
        options["illumination"] = EVEN
    files = section["channels"], one.path("calibration"), one.path("fields")
    for rows in rows_of(plan, dataset, one):
        one.timed("calibrate", calibrate, rows, *files, **options)
        if one.usable:
            return


def _segment(plan: Plan, dataset: str, one: Sample) -> None:
    section = plan.config["datasets"][dataset]
    outputs = {kind: one.path(kind) for kind in ("masks", "objects")}
    files = one.path("fields"), one.path("calibration"), outputs, section["segment"]
    one.timed("segment", segment, *files, pixel_size=section["pixel_size"], device=plan.config["device"])


def _crop(plan: Plan, dataset: str, one: Sample, side: int) -> None:
    section = plan.config["datasets"][dataset]
    options = section["crops"] | {"size": side, "max_per_well": 0}
    found = [one.path(kind) if one.has(kind) else None for kind in ("fields", "calibration", "masks", "objects")]
    outputs = {kind: one.path(kind) for kind in ("crops", "outlines", "cells", "lost")}
    one.side = side
    one.timed("crops", crops, *found, outputs, plan.config["seed"], 1, section["pixel_size"], **options)
