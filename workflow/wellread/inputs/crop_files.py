"""Ready-made crops, listed in a table of cells that has their labels, too: a file for each, strips, or stacks."""

import logging
from pathlib import Path

import pandas as pd

from wellread.inputs import channel_planes, spreadsheets
from wellread.inputs.pattern import plate_name
from wellread.inputs.references import Reference
from wellread.inputs.well_names import well_name
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
KEY = ["plate", "well", "site"]
WELLS = "results/{dataset}/wells.csv"  # the wells table that is made of a table of cells, or of feature tables


@choice("images")
def crops(
    channels: list[str], staged: str, where: str, say=log.info, *, cells: str, folder="", path="path", item="item",
    plate="plate", well="well", site="site", tiles=0, names: dict | None = None, z="", axes="",
) -> pd.DataFrame:  # fmt: skip
    """The crops of the table `cells`, one row each; see the config's schema for the columns it may have.

    InputError for columns that it does not have, and for files that do not say which channel is which.
    """
    where = f"{where}.crops"
    frame = placed(spreadsheets.read(cells, f"{where}.cells", say), cells, path, plate, well, site)
    start = Path(folder) if folder else Path(cells).parent
    files = pd.Series({one: str(start / one) if one else "" for one in frame[path].unique()})
    table = frame[KEY].assign(path=frame[path].map(files), object=frame.groupby(KEY).cumcount() + 1)
    table["object"] = table["object"].astype(str)
    inside = channel_planes.Inside(names or {}, z, "", {}, axes, where, say)
    if tiles:
        table = table.assign(**_strips(table["path"], channels, tiles, where)).drop(columns="path")
    else:
        table = channel_planes.with_channels(table, channels, inside, items=_items(frame, path, item))
    return table


def placed(frame: pd.DataFrame, cells: str, path: str, plate: str, well, site: str) -> pd.DataFrame:
    """The table with plate, well and site of every cell, from the columns that the config names for them.

    Without a column of wells every cell is a well of its own.
    """
    wanted = [path, *(well if isinstance(well, list) else [well] if well != "well" else [])]
    if missing := [column for column in wanted if column not in frame]:
        found = f"no {', '.join(missing)} among {', '.join(frame)}"
        raise InputError(f"the columns {', '.join(wanted)}", found, cells, "path and well of the source, or the table")
    own = pd.Series([f"cell{i:04d}" for i in range(1, len(frame) + 1)], index=frame.index)
    wells = frame[well].agg("_".join, axis=1) if isinstance(well, list) else frame.get(well, own)
    plates = frame[plate] if plate in frame else pd.Series("cells" if plate == "plate" else plate, index=frame.index)
    return frame.assign(
        **{"batch": frame.get("batch", frame["plate"])} if "plate" in frame and plate != "plate" else {},
        plate=plates.map(plate_name),
        well=wells.str.replace("/", "_").map(well_name),
        site=frame.get(site, "1"),
    )


def wells_table(name: str, options: dict) -> str:
    """Write the wells table that the table of cells makes, and return its path: what all cells of a well share."""
    called = {key: options[key] for key in ("path", "plate", "well", "site")}
    frame = placed(spreadsheets.read(options["cells"]), options["cells"], **called)
    table = shared(frame.drop(columns=[options["path"], options["item"]], errors="ignore"))
    return write_wells(name, table.assign(**{c: "" for c in ("treatment", "control") if c not in table}))


def shared(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per plate and well, with the columns that all rows of every well have in common, but for the site."""
    kinds = frame.groupby(["plate", "well"])[list(frame.columns.difference(["plate", "well"]))].nunique().max()
    alike = [column for column in frame if kinds.get(column, 1) == 1]
    if varied := [column for column in frame if column not in alike]:
        log.info("no labels of wells, since cells of one well differ in them: %s", ", ".join(varied))
    return frame[alike].drop(columns=["site"], errors="ignore").drop_duplicates(["plate", "well"])


def write_wells(name: str, table: pd.DataFrame) -> str:
    """Write the wells table that was made for the dataset `name`, if it has changed; its path."""
    path, text = Path(WELLS.format(dataset=name)), table.to_csv(index=False)
    if not path.is_file() or path.read_text() != text:
        with whole(path) as partial:
            Path(partial).write_text(text)
    return str(path)


def _items(frame: pd.DataFrame, path: str, item: str) -> pd.Series | None:
    """The number of every cell in its file; None if every file holds one cell."""
    if item not in frame:
        return frame.groupby(path).cumcount() if frame[path].duplicated().any() else None
    if wrong := [value for value in frame[item] if not value.isdecimal()]:
        raise InputError("numbers from 0 of cells in a stack", repr(wrong[0]), f"column {item}", "the table of cells")
    return frame[item].astype(int)


def _strips(paths: pd.Series, channels: list[str], tiles: int, where: str) -> dict[str, pd.Series]:
    """For every channel references to its picture in strips of `tiles`."""
    if tiles < len(channels):
        raise InputError(f"a tile for each of {len(channels)} channels", f"tiles: {tiles}", f"{where}.tiles", "tiles")
    ends = {channel: str(Reference(("",), tile=f"{i}/{tiles}")) for i, channel in enumerate(channels)}
    return {channel: (paths + end).where(paths != "", "") for channel, end in ends.items()}
