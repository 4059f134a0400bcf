"""Images of the Human Protein Atlas: a file for every colour, or one RGBA file, and the table of their labels.

Names are those of the Atlas and of its two Kaggle challenges (NAME_red, _green, _blue and _yellow), and RGBA those of
the reference code of Cell-DINO, which masked single cells have, too (zero outside of the cell).
"""

import logging
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from wellread.inputs import channel_planes, crop_files, listing, spreadsheets
from wellread.inputs.pattern import plate_name
from wellread.inputs.vendors import PICTURE
from wellread.inputs.well_names import well_name
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
COLOURS = {
    "red": "microtubules",
    "green": "protein",
    "blue": "nucleus",
    "yellow": "ER",
}  # what they show, in RGBA order
FILE = re.compile(r"(?P<id>.+?)(_(?P<colour>red|green|blue|yellow))?\.[A-Za-z0-9]+", re.IGNORECASE)
ID = re.compile(r"(?P<plate>\d+)_(?P<well>[A-H]\d{1,2})_(?P<site>.+)")  # of the Atlas: plate, well, field (and cell)
OTHERS = re.compile(r".*(_(blue|red|green|yellow)(_(blue|red|green|yellow))+|_?\w*masks?)\.[a-z]+", re.IGNORECASE)
IDS = ("id", "file", "filename", "file_name", "image", "img_path", "path")  # columns that name images
NAMED = {
    "cell_line": ("cell_line", "cellline", "cell line", "cell_type", "atlas_name"),
    "location": ("location", "locations", "label", "protein_location"),
    "gene": ("gene", "gene_name", "gene_names"),
    "antibody": ("antibody", "antibody_id"),
}
# Locations as the tables of the Atlas and of the challenge of 2018 call them, for tables of a column for each.
KNOWN = """nucleoplasm|nuclear membrane|nucleoli|nucleoli fibrillar center|nuclear speckles|nuclear bodies|
endoplasmic reticulum|golgi apparatus|peroxisomes|endosomes|lysosomes|intermediate filaments|actin filaments|
focal adhesion sites|microtubules|microtubule ends|cytokinetic bridge|mitotic spindle|vesicles|centriolar satellite|
microtubule organizing center|centrosome|lipid droplets|plasma membrane|cell junctions|mitochondria|aggresome|
cytosol|cytoplasmic bodies|rods & rings|no staining|negative"""
LOCATIONS = frozenset(KNOWN.replace("\n", "").split("|"))


@choice("images")
def hpa(
    channels: list[str], staged: str, where: str, say=log.info, *, folder: str, labels="", colours: dict | None = None
) -> pd.DataFrame:
    """The images below `folder`, by names; with a table of `labels` those that it lists.

    `colours`: {channel: red, green, blue or yellow}; those of COLOURS need none. InputError for channels without a
    colour, for a folder without such files, for two files of one name, and for a table that lists none of them.
    """
    where = f"{where}.hpa"
    wanted = _colours_of(channels, colours or {}, where)
    files = files_of(listing.files_below(folder, f"{where}.folder"))
    if files.empty:
        found = f"no such file in {folder}"
        raise InputError("files NAME_red, _green, _blue, _yellow, or RGBA", found, f"{where}.folder", "the folder")
    if (again := files.duplicated(["id", "colour"])).any():
        found = f"two files {files['path'][again].iloc[0]}"
        raise InputError("files of different names", found, f"{where}.folder", "a narrower folder")
    if labels:
        known = set(labelled(folder, labels, where, say)["id"])
        files = files[files["id"].isin(known)]
    return _wide(files, folder, wanted, where)


def _colours_of(channels: list[str], given: dict, where: str) -> dict[str, str]:
    """{channel: its colour}; InputError if one has none."""
    usual = {name: colour for colour, name in COLOURS.items()}
    found = {channel: given.get(channel, usual.get(channel, "")) for channel in channels}
    if unknown := [channel for channel, colour in found.items() if not colour]:
        edit = f"write `colours: {{{unknown[0]}: green}}` (red, green, blue or yellow)"
        raise InputError(f"channels among {', '.join(usual)}", ", ".join(unknown), where, edit)
    return found


def files_of(listed: list[str]) -> pd.DataFrame:
    """path, id and colour of the images among the paths `listed`: those with a colour, or if none has one, the others.

    `colour` is "" for files of all colours. Masks and pictures of several colours are left out.
    """
    names = [name for name in listed if PICTURE.fullmatch(name) and not OTHERS.fullmatch(PurePosixPath(name).name)]
    found = [(name, FILE.fullmatch(PurePosixPath(name).name)) for name in names]
    rows = [(name, match["id"], (match["colour"] or "").lower()) for name, match in found if match]
    frame = pd.DataFrame(rows, columns=["path", "id", "colour"])
    return frame[frame["colour"] != ""] if frame["colour"].any() else frame


def _wide(files: pd.DataFrame, folder: str, wanted: dict[str, str], where: str) -> pd.DataFrame:
    """A row per image, with the reference of every channel; "" where a file is missing."""
    places = pd.DataFrame([placed(name) for name in files["id"]], index=files.index)
    places.loc[places["plate"] == "", "plate"] = plate_name(Path(folder).resolve().name)
    files = files.assign(path=f"{folder}/" + files["path"], **places)
    ends = _ends(files, where)
    key = ["plate", "well", "site"]
    if not files["colour"].any():
        return files[key].assign(**{channel: files["path"] + ends[colour] for channel, colour in wanted.items()})
    wide = files.pivot(index=key, columns="colour", values="path").reindex(columns=list(COLOURS)).fillna("")
    found = {channel: wide[c] + np.where(wide[c] != "", ends[c], "") for channel, c in wanted.items()}
    return pd.DataFrame(found).reset_index()


def placed(name: str) -> dict[str, str]:
    """plate, well and site by the name of an image: `10_A1_2` is of the Atlas; others are wells of no known plate."""
    match = ID.fullmatch(name)
    return (match.groupdict() | {"well": well_name(match["well"])}) if match else {
        "plate": "", "well": name, "site": "1",
    }  # fmt: skip


def _ends(files: pd.DataFrame, where: str) -> dict[str, str]:
    """What follows the path of every colour in a reference, by one file of each; InputError unless RGBA has four."""
    ends = {}
    for colour in COLOURS:
        own = files[files["colour"].isin(["", colour])]
        what = channel_planes.header(own["path"].iloc[0], where) if len(own) else None
        samples = what.sizes.get("S", what.sizes.get("C", 1)) if what else 1
        if what and not files["colour"].any() and samples != 4:
            found = f"{samples} in {own['path'].iloc[0]}"
            raise InputError("four channels in a file (RGBA)", found, where, "the folder, or the source pattern")
        if not files["colour"].any():
            ends[colour] = f" [c={list(COLOURS).index(colour)}, axes={what.axes.replace('S', 'C')}]"
        else:
            ends[colour] = f" [rgb={'red' if colour == 'yellow' else colour}]" if samples > 1 else ""
    return ends


def labelled(folder: str, labels: str, where: str, say=log.info) -> pd.DataFrame:
    """The table of `labels` with the images of `folder`: a row for each, with id, plate, well, site and its labels.

    A column of IDS names the images, with or without folder, colour and ending. Columns of NAMED are called as there,
    and several locations are joined by `|`, as are columns of True and False that are called like LOCATIONS; other
    such columns are cell lines. InputError for a table without images of the folder.
    """
    frame = spreadsheets.read(labels, f"{where}.labels", say).fillna("")
    ids = set(files_of(listing.files_below(folder, f"{where}.folder"))["id"])
    column = next((c for c in frame if str(c).lower() in IDS and set(ids_of(frame[c])) & ids), None)
    if column is None:
        expected = f"a column ({', '.join(IDS)}) that names images of {folder}"
        raise InputError(expected, f"none among {', '.join(map(str, frame))}", labels, f"{where}.labels")
    frame = with_labels(frame.assign(**{column: ids_of(frame[column])}).rename(columns={column: "id"}))
    there = frame["id"].isin(ids)
    if not there.all() or len(ids) > there.sum():
        say(f"{labels}: {there.sum()} of {len(ids)} images are listed; {(~there).sum()} rows have no image")
    frame = frame[there].drop_duplicates("id").reset_index(drop=True)
    places = pd.DataFrame([placed(name) for name in frame["id"]])
    places.loc[places["plate"] == "", "plate"] = plate_name(Path(folder).resolve().name)
    return frame.drop(columns=["plate", "well", "site"], errors="ignore").join(places)


def ids_of(values: pd.Series) -> list[str]:
    """The names of images without folder, colour and ending."""
    names = [PurePosixPath(str(value)).name for value in values]
    cut = [re.sub(r"\.(png|tiff?|jpe?g)$", "", name, flags=re.IGNORECASE) for name in names]
    return [re.sub(r"(_(red|green|blue|yellow))+$", "", name, flags=re.IGNORECASE) for name in cut]


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of labels with the columns of NAMED called as there, and columns of True and False folded into two."""
    lower = {column: str(column).strip().lower() for column in frame}
    named = {c: ours for ours, names in NAMED.items() for c in lower if lower[c] in names}
    flags = [c for c in frame if c not in named and frame[c].isin(["True", "False"]).all()]
    places = [c for c in flags if {part.strip() for part in lower[c].split(",")} & LOCATIONS]
    folded = {"location": places, "cell_line": [c for c in flags if c not in places]}
    kept = frame.drop(columns=flags).rename(columns=named)
    joined = {ours: _joined(frame[columns]) for ours, columns in folded.items() if columns and ours not in kept}
    kept = kept.assign(**joined)
    if "location" in kept and not places:
        kept["location"] = kept["location"].str.replace(r"\s*[,;|]\s*", "|", regex=True)
    return kept


def _joined(flags: pd.DataFrame) -> list[str]:
    """The names of the columns that are True, joined by `|`."""
    names = np.array([str(name) for name in flags], dtype=object)
    return ["|".join(names[row]) for row in (flags == "True").to_numpy()]


def wells(name: str, options: dict) -> str:
    """Write the wells table that the table of labels makes, and return its path."""
    frame = labelled(options["folder"], options["labels"], f"datasets.{name}.images.hpa")
    return crop_files.write_wells(name, as_wells(frame))


def as_wells(frame: pd.DataFrame) -> pd.DataFrame:
    """The wells table of `labelled` images, with the labels that all of a well share; the treatment is the gene.

    Without a gene it is the antibody, without either none.
    """
    table = crop_files.shared(frame.drop(columns="id"))
    treatment = next((table[column] for column in ("treatment", "gene", "antibody") if column in table), "")
    return table.assign(treatment=treatment, control=table.get("control", ""))
