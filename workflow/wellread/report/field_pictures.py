"""Pictures of fields for a click on a well: every channel and all together, and outlines to lay over them."""

from functools import lru_cache

import numpy as np
from PIL import Image

from wellread.calibrate.plate import Plate, open_plate, to_levels
from wellread.inputs.images import BadField
from wellread.pictures import montage
from wellread.report.run import Run
from wellread.report.wells import is_flagged, item_names, well_table
from wellread.runtime import table_files

WIDTH = 280  # px of a picture
ROOM = 4_500_000  # bytes that they may have altogether
QUALITY, EFFORT = 60, 3  # of WebP
OPEN = 4  # plates at a time, which hold their illumination
MAX_GONE = 20  # wells without a picture, then no more are looked for: the images have been moved


def field_pictures(run: Run, room: int) -> dict[int, dict]:
    """{number of a well in `well_table`: its picture}, as many as fit into `room` bytes, at most ROOM.

    Of a well of every hit, strongest first, a control and a well with a warning of quality of every plate in turn; then
    of others, drawn at random.
    Each is of the first usable field: `uri` has all channels together and then each alone, side by side, `outlines` is
    to be laid over one of them, `width` is that of the field in px of the camera.
    """
    found, left, gone = {}, min(room, ROOM), 0
    opened = lru_cache(OPEN)(
        lambda plate: open_plate(*(run.by_folder(kind)[plate] for kind in ("fields", "calibration")))
    )
    for number, plate, well in _order(run):
        picture = _picture(run, opened(plate), plate, well)
        gone += picture is None
        left -= sum(map(len, (picture["uri"], picture["outlines"]))) if picture else 0
        if left < 0 or gone > MAX_GONE:
            break
        found |= {number: picture} if picture else {}
    return found


def _order(run: Run) -> list[tuple[int, str, str]]:
    """The wells of plates with images in the order in which they are pictured: (number, plate, well)."""
    wells = run.once(well_table)
    wells = wells[wells["plate"].isin(list(run.by_folder("fields")))]
    wells = wells.iloc[np.random.default_rng(run.config["seed"]).permutation(len(wells))]
    order = {name: i for path in run.paths("hits") for i, name in enumerate(item_names(table_files.read(path, "hits")))}
    rank = wells["item"].map(order).astype(float) + len(order) * wells.groupby("item").cumcount()
    control = wells.get("label control", wells["item"]) == "negative"
    for kind in (control, is_flagged(wells)):
        among = kind.groupby(wells["plate"]).cumsum() - 1  # the first of every plate, then the second ones
        rank = rank.mask(kind, np.minimum(rank.fillna(np.inf), 2 * among + wells["plate"].rank(method="dense") / 1e3))
    ordered = wells.loc[rank.fillna(np.inf).sort_values(kind="stable").index]
    return list(ordered[["plate", "well"]].itertuples(name=None))


def _picture(run: Run, plate: Plate, name: str, well: str) -> dict | None:
    """The picture of the first usable field of a well; None without one, or where its images have been moved."""
    fields = plate.fields.loc[plate.good]
    try:
        field = fields.index[fields["well"] == well][0]
        planes = plate.read(field)
    except (IndexError, BadField):
        return None
    width = min(WIDTH, planes.shape[2])
    shape = (width, round(width * planes.shape[1] / planes.shape[2]))
    small = np.stack([np.asarray(Image.fromarray(p).resize(shape, Image.Resampling.BILINEAR)) for p in planes])
    alone = [np.repeat(plane[..., None], 3, axis=2) for plane in to_levels(small)]
    tiles = np.concatenate([montage.composite(small, plate.channels), *alone], axis=1)
    uri = montage.webp_uri(Image.fromarray(tiles), QUALITY, EFFORT)
    facts = {"site": str(fields.loc[field, "site"]), "width": planes.shape[2], "aspect": shape[0] / shape[1]}
    return facts | {"uri": uri, "outlines": _outlines(run, name, field, shape)}


def _outlines(run: Run, plate: str, field: int, shape: tuple[int, int]) -> str:
    """The outlines of cells and nuclei on nothing, as a data URI; "" without masks."""
    if plate not in (masks := run.by_folder("masks")):
        return ""
    labels = montage.read_masks(masks[plate], field)
    nearest = [np.arange(n) * m // n for n, m in zip(shape[::-1], labels.shape[1:], strict=True)]
    picture = np.zeros((*shape[::-1], 3), np.uint8)
    montage.draw_outlines(picture, labels[np.ix_((0, 1), *nearest)])
    with_alpha = np.dstack([picture, 255 * picture.any(axis=2).astype(np.uint8)])
    return montage.webp_uri(Image.fromarray(with_alpha), effort=EFFORT, lossless=True)
