"""What a folder of images is, guessed: how its files are named, plates and wells, channels, the size of pixels."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import decode, hpa, images, listing, load_data, vendors
from wellread.inputs.channels import kind
from wellread.inputs.formats import BadField
from wellread.inputs.pattern import plate_name
from wellread.inputs.zarr_metadata import attributes
from wellread.preview import several
from wellread.preview.headers import names_inside, options_inside, pixel_size, stain
from wellread.preview.labels import LARGEST, TABLE, read
from wellread.preview.names import SEPARATORS, glob_of
from wellread.preview.usable import no_pictures, readable_first
from wellread.preview.words import MASKS
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.registry import pick

SMALL = 300  # px, side of an image that may be a ready-made crop


@dataclass
class Guess:
    """A folder as the config says it. `table`: of images, where no source can read the names; `notes`: in lines."""

    images: dict
    channels: list[str]
    kind: str = "cell"
    table: pd.DataFrame | None = None
    pixel_size: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def labelled(self) -> bool:
        """Whether the source has labels of its own, so that no wells table has to be filled in."""
        return self.kind == "crop" or bool(self.images.get("hpa", {}).get("labels"))


def look(folder: str, table_path: str) -> Guess:
    """The guess about a folder; a table of images, if there has to be one, will lie at `table_path`.

    InputError if there is no image in it that can be read here.
    """
    listed = listing.files_below(folder, "FOLDER")
    if plate := zarr_plate(folder):
        return plate
    pictures = [name for name in listed if vendors.PICTURE.fullmatch(name)]
    kept = [name for name in pictures if not any(map(MASKS.fullmatch, Path(name).with_suffix("").parts))] or pictures
    if not kept:
        raise no_pictures(listed, folder)
    notes = [f"left out as masks: {counted(len(pictures) - len(kept), 'file')}"] if len(kept) < len(pictures) else []
    tables = [name for name in listed if TABLE.fullmatch(name) and Path(folder, name).stat().st_size < LARGEST]
    try:
        kept = readable_first(folder, kept, notes.append)
        found = ((find, find(folder, kept, tables, table_path)) for find in FINDERS)
        finder, guess = next((find, one) for find, one in found if one)
    except BadField as error:
        edit = "leave it out of the folder, or name the files in a table of your own (config/reference/datasets.md)"
        raise InputError("images that can be read", error.detail, folder, edit) from error
    several.refuse(folder, kept, guess.images.get("pattern", {}).get("preset", ""), finder is not by_file)
    guess.pixel_size = guess.pixel_size or pixel_size(Path(folder, kept[0]))
    guess.notes[:0] = notes
    return guess


def zarr_plate(folder: str) -> Guess | None:
    """Plates of OME-Zarr; their channels are those of their first image."""
    plates = [
        path
        for path in (Path(folder), *sorted(Path(folder).glob("*")))
        if path.is_dir() and "plate" in attributes(path)
    ]
    if not plates:
        return None
    well = attributes(plates[0])["plate"]["wells"][0]["path"]
    image = plates[0] / well / attributes(plates[0] / well)["well"]["images"][0]["path"]
    what = decode.describe(image)
    names, channels = names_inside(what)
    options = {"path": folder} | ({"names": names} if names else {})
    return Guess({"ome_zarr": options}, channels, pixel_size=what.pixel_size)


def by_load_data(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """A LoadData table of CellProfiler, whose columns name channels."""
    for name in tables:
        frame = read(folder, name)
        heads = [str(one).removeprefix("Image_") for one in frame]
        if any(one.startswith("FileName_") for one in heads) and any(one.startswith("PathName_") for one in heads):
            channels = load_data._in_columns(frame.rename(columns=dict(zip(frame, heads, strict=True))))
            return Guess({"load_data": {"path": str(Path(folder, name))}}, channels)
    return None


def by_vendor(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """The names of a microscope, where most files have them; channels are called as the files say."""
    presets = vendors.that_fit([name for name in pictures if not _ignored(name)])
    if not presets:
        return None
    naming = vendors.PRESETS[presets[0]]
    matches = [(name, m) for name in pictures if not _ignored(name) and (m := naming.compiled.fullmatch(name))]
    if not any(match["channel"] for _, match in matches):
        return None
    first = {}
    for name, match in matches:
        first.setdefault(match["channel"] or "w1", name)
    called = {raw: stain(Path(folder, first[raw])) or raw for raw in sorted(first, key=listing.natural)}
    if len(set(called.values())) < len(called):
        called = {raw: raw for raw in called}
    usable, notes = _in_all_fields(naming, matches, called)
    names = {raw: name for raw, name in usable.items() if raw != name}
    options = {"folder": folder, "preset": presets[0]} | ({"names": names} if names else {})
    times = sorted({int(m["t"]) for _, m in matches if "t" in naming.groups and m["t"]})
    options |= {"time": times[0]} if len(times) > 1 else {}
    notes += [_first_of(times)] if len(times) > 1 else []
    notes.insert(0, f"files are named as {presets[0]} names them")
    return Guess({"pattern": options}, list(usable.values()), notes=notes)


def _in_all_fields(naming, matches, called: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The channels that most fields have, and a note on those that are left out."""
    keys = [name for name in ("well", "row", "column", "site") if name in naming.groups]
    fields = {
        raw: {tuple(m[key] for key in keys) for _, m in matches if (m["channel"] or "w1") == raw} for raw in called
    }
    most = max(map(len, fields.values()))
    usable = {raw: name for raw, name in called.items() if 2 * len(fields[raw]) > most}
    left = [raw for raw in called if raw not in usable]
    return usable, [f"channel {raw} is left out: only {len(fields[raw])} of {most} fields have it" for raw in left]


def _first_of(times) -> str:
    return f"of {len(times)} times the first is taken; another `time` takes another"


def _ignored(name: str) -> bool:
    return any(re.fullmatch(naming.ignored, name) for naming in vendors.PRESETS.values())


def by_crops(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """Small square images that a table lists, one a row: ready-made crops with their labels."""
    what = decode.describe(Path(folder, pictures[0]))
    height, width = what.sizes["Y"], what.sizes["X"]
    if height != width or height > SMALL:
        return None
    for name in tables:
        frame, home = read(folder, name), Path(folder, name).parent
        files = [
            c for c in frame if len(frame) and all((home / str(one)).is_file() for one in frame[c].head(20) if one)
        ]
        if files and (frame[files[0]] != "").any():
            names, channels = names_inside(what)
            options = {"cells": str(Path(folder, name)), "path": files[0]} | ({"names": names} if names else {})
            note = f"images of {height} px that {name} lists are taken for ready-made crops of single cells"
            return Guess({"crops": options}, channels, "crop", notes=[note])
    return None


def by_hpa(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """Files of the four colours of the Human Protein Atlas, or RGBA files that a table lists with its labels."""
    files = hpa.files_of(pictures)
    split = len(files) > 0 and 4 * files["id"].nunique() == len(files) and files["colour"].nunique() == 4
    labels = next((name for name in tables if _lists_labels(read(folder, name), set(files["id"]))), "")
    what = decode.describe(Path(folder, pictures[0]))
    if not split and not (labels and what.sizes.get("S", what.sizes.get("C", 1)) == 4):
        return None
    options = {"folder": folder} | ({"labels": str(Path(folder, labels))} if labels else {})
    own = "red, green, blue and yellow" if split else "RGBA"
    notes = [f"{own} files of the Human Protein Atlas: {', '.join(hpa.COLOURS.values())}"]
    notes += [f"labels are those of {labels}"] if labels else []
    single = not split and labels and _is_masked(Path(folder, pictures[0]))
    notes += ["they are 0 at the corners: taken for masked single cells"] if single else []
    return Guess({"hpa": options}, list(hpa.COLOURS.values()), "crop" if single else "cell", notes=notes)


def _lists_labels(frame: pd.DataFrame, ids: set[str]) -> bool:
    """Whether a table names images by their `ids`, and their location or cell line."""
    names = {value for column in frame if str(column).lower() in hpa.IDS for value in hpa.ids_of(frame[column])}
    return bool(names & ids) and bool({"location", "cell_line"} & set(hpa.with_labels(frame)))


def _is_masked(path: Path) -> bool:
    """Whether an RGBA picture is 0 at its four corners, as that of a masked cell."""
    with decode.opened(path) as file:
        pixels = file.read((slice(None),) * len(file.description.axes))
    return not pixels[np.ix_([0, -1], [0, -1])].any()


def by_names(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """Names with a well in them."""
    glob, raw = glob_of(pictures)
    if not glob:
        return None
    options, notes = {"folder": folder, "files": glob}, [f"names of files are read as {glob}"]
    matches = map(vendors.of_glob(glob).compiled.fullmatch, pictures) if "{t}" in glob else ()
    if times := {int(match["t"]) for match in matches if match}:
        options |= {"time": min(times)}
        notes.append(_first_of(times))
    if raw:
        return Guess({"pattern": options}, raw, notes=notes)
    inside, channels = options_inside(Path(folder, pictures[0]))
    return Guess({"pattern": options | inside}, channels, notes=notes)


def by_stains(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess | None:
    """Files called like stains, one for every channel: every folder is a well."""
    stems = {Path(name).stem for name in pictures}
    homes = {str(Path(name).parent) for name in pictures}
    numbers = {tuple(word for word in SEPARATORS.split(s) if re.search(r"\d", word) and not kind(word)) for s in stems}
    if len(numbers) > 1 or len(stems) < 2 or not all(map(kind, stems)) or len(stems) * len(homes) != len(pictures):
        return None
    suffix = {Path(name).stem: Path(name).suffix for name in pictures}
    channels = sorted(stems)
    plate = plate_name(Path(folder).resolve().name)
    rows = [
        {"plate": plate, "well": f"A{i:02d}" if home == "." else home.replace("/", "_")}
        | {name: str(Path(folder, home, name + suffix[name])) for name in channels}
        for i, home in enumerate(sorted(homes), 1)
    ]
    notes = ["names of files are taken for channels, and every folder for a well"]
    return Guess({"table": {"path": table_path}}, channels, table=pd.DataFrame(rows), notes=notes)


def by_file(folder: str, pictures: list[str], tables: list[str], table_path: str) -> Guess:
    """Nothing is known of the names: every file is a well of its own, and images of one size are a plate."""
    inside, channels = options_inside(Path(folder, pictures[0]))
    shapes = {name: images.read_shape(Path(folder, name)) for name in pictures}
    known = {name: shape for name, shape in shapes.items() if shape}
    rows = [
        {
            "plate": f"{height}x{width}",
            "well": Path(name).with_suffix("").as_posix().replace("/", "_"),
            "path": str(Path(folder, name)),
        }
        for name, (height, width) in known.items()
    ]
    notes = ["no well was found in the names of files: every file is a well of its own"]
    if len(set(known.values())) > 1:
        notes.append(f"images have {len(set(known.values()))} sizes: those of a size are a plate")
    options, table = {"path": table_path} | inside, pd.DataFrame(rows)
    if not inside and len(channels) == 1:
        table = table.rename(columns={"path": channels[0]})
    return Guess({"table": options}, channels, table=table, notes=notes)


FINDERS = (by_load_data, by_hpa, by_vendor, by_crops, by_names, by_stains, by_file)


def fields(guess: Guess, name: str, say) -> pd.DataFrame:
    """The images table of a guess: that to be written, or that of its source."""
    if guess.table is not None:
        return guess.table
    return pick("images", guess.images)(guess.channels, "", "images", say)
