"""A config and a wells table for a folder of images, as far as files tell: `make config FOLDER=/data/screen`."""

import argparse
import os
import re
import sys
from pathlib import Path

import pandas as pd
import yaml

from wellread.inputs import crop_files, hpa, images
from wellread.inputs.pattern import plate_name
from wellread.preview import folder as folders
from wellread.preview.folder import Guess
from wellread.preview.headers import segmenter_channels
from wellread.preview.labels import labels, read
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

TEMPLATE = Path(__file__).parents[3] / "config" / "template.yaml"
NEEDED = 2  # wells of every plate, for standardising it


def draft(folder: str, out: Path) -> list[str]:
    """Write config/NAME.yaml and NAME_wells.csv (and NAME_images.csv) to `out` for a folder; what to tell, in lines.

    NAME is that of the folder. InputError if there are no images, or if a file would be written over.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "-", plate_name(Path(os.path.abspath(folder)).name)).strip("-")
    files = {
        kind: out / f"{name}{end}"
        for kind, end in (("config", ".yaml"), ("wells", "_wells.csv"), ("images", "_images.csv"))
    }
    guess = folders.look(folder, str(files["images"]))
    if there := [str(path) for path in files.values() if path.exists()]:
        edit = "move or remove it, to have it made again"
        raise InputError("nothing that would be written over", ", ".join(there), "make config", edit)
    table = folders.fields(guess, name, guess.notes.append)
    wells, labelled = _wells(guess, folder, table)
    nucleus, cell, how = segmenter_channels(guess.channels, table)
    text = config_text(name, guess, wells_line(str(files["wells"]), wells, labelled), (nucleus, cell), wells)
    written = {files["config"]: text}
    written |= {files["images"]: table.to_csv(index=False)} if guess.table is not None else {}
    written |= {} if guess.labelled else {files["wells"]: wells.to_csv(index=False)}
    for path, content in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(content, encoding="utf-8")
    return told(guess, table, (nucleus, cell, how), wells, labelled, list(written))


def _wells(guess: Guess, folder: str, table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The wells table to fill in, with what a table of the folder says, and the name of that table."""
    if "hpa" in guess.images and guess.labelled:
        own = hpa.labelled(**guess.images["hpa"], where="FOLDER")
        return hpa.as_wells(own), Path(guess.images["hpa"]["labels"]).name
    if guess.kind == "crop":
        options = {"plate": "plate", "well": "well", "site": "site"} | guess.images["crops"]
        frame = read(str(Path(options["cells"]).parent), Path(options["cells"]).name)
        keys = {key: options[key] for key in ("path", "plate", "well", "site")}
        return crop_files.placed(frame, options["cells"], **keys), Path(options["cells"]).name
    wells, labelled = labels(folder, table[["plate", "well"]].drop_duplicates())
    blank = {column: "" for column in ("treatment", "control") if column not in wells}
    wells = wells.assign(**blank)
    first = ["plate", "well", "treatment", "control"]
    return wells[[*first, *(column for column in wells if column not in first)]], labelled


def lacking(wells: pd.DataFrame) -> list[str]:
    """The columns that are still to be filled in: treatment, if a well has none, control, if none is negative."""
    known = {"treatment": (wells["treatment"] != "").all(), "control": (wells["control"] == "negative").any()}
    return [column for column, is_known in known.items() if not is_known]


def wells_line(path: str, wells: pd.DataFrame, labelled: str) -> str:
    """The line of the config that names the wells table, with what is to be done to it."""
    columns = lacking(wells) if {"treatment", "control"} <= set(wells) else []
    remark = f"as {labelled} says; look over treatment and control"
    if columns:
        others = f"; other columns are those of {labelled}" if labelled else ""
        remark = f"FILL IN the column{'s' * (len(columns) > 1)} {' and '.join(columns)}{others}"
        remark += " (control: negative, positive, or empty)" if "control" in columns else ""
    return f"    wells: {_flow(path)} # {remark}"


def config_text(name: str, guess: Guess, wells_line: str, channels: tuple[str, str], wells: pd.DataFrame) -> str:
    """The text of the config: the template, with the dataset of the guess in the place of its own.

    Tasks are those that labels beside the images can answer; a wells table that is to be filled in can answer all.
    """
    text = TEMPLATE.read_text(encoding="utf-8")
    keys, start, end = text.index("# Every key"), text.index("datasets:\n"), text.index("models:\n")
    dataset = _dataset_text(name, guess, wells_line, channels)
    text = HEADER.format(name=name) + text[keys:start] + dataset + "\n" + text[end:]
    text = text.replace("mine-tiny", f"{name}-tiny")
    if (label := _label(guess, wells)) != "treatment":
        text = text.replace(ACTIVITY, "").replace(HITS, "").replace("label: treatment", f"label: {label}")
        text = text.replace(SAME_TREATMENT, f"# are the nearest of the same {label}?")
    if not label:
        text = text.replace(REPLICATES.format(label=""), "").replace("tasks:\n", NO_TASKS).replace("{label: }", "{}")
    if guess.kind == "crop":
        text = text.replace(CELLS, "")
    if wells.groupby("plate")["well"].nunique().min() < NEEDED:
        text = text.replace(STANDARDISED, "".join(f"  # {line[2:]}\n" for line in STANDARDISED.splitlines()))
    return text.replace("results/mine/", f"results/{name}/")


HEADER = """# A config that `make config` wrote. Look over the section datasets, and then at what is understood of it:
#   make preview CONFIG=config/{name}.yaml
"""
ACTIVITY = """  activity: # which treatments differ from the negative controls? It needs replicates.
    measure:
      average_precision: {}
"""
SAME_TREATMENT = "# are the nearest wells those of the same treatment?"
REPLICATES = """  replicates: # are the nearest of the same {label}?
    measure:
      knn: {{label: {label}}}
"""
NO_TASKS = "tasks: {} # nothing beside the images says what cells are, so there is nothing to ask of their profiles\n"
HITS = "hits: {} # a list of active treatments, results/mine/hits.csv\n\n"
CELLS = """  cells:
    look:
      cells: {}
"""
STANDARDISED = """  standardised: # each plate to mean 0 and standard deviation 1
    - standardize: {}
"""


def _label(guess: Guess, wells: pd.DataFrame) -> str:
    """The column that tasks are about: treatment, or the first other one of crops that has some classes; or ""."""
    if "location" in wells and guess.labelled:
        return "location"
    if guess.kind != "crop" or (wells.get("treatment", pd.Series("")) != "").any():
        return "treatment"
    table = crop_files.shared(wells)
    kinds = table.drop(columns=["plate", "well"]).nunique()
    return next((str(column) for column in kinds.index if 1 < kinds[column] <= len(table) / 10), "")


def _dataset_text(name: str, guess: Guess, wells_line: str, channels: tuple[str, str]) -> str:
    """The section `datasets`, every line with what it says and how it was found."""
    ((source, options),) = guess.images.items()
    nucleus, cell = channels
    segment = f"{{nucleus: {_flow(nucleus)}{f', cell: {_flow(cell)}' if cell else ''}}}"
    remarks = [f"      # {note}" for note in dict.fromkeys(guess.notes)]
    lines = ["datasets:", f"  {name}:", "    images:", *remarks, f"      {source}:"]
    lines += [f"        {key}: {_flow(value)}" for key, value in options.items()]
    if not guess.labelled:
        lines.append(wells_line)
    lines.append(f"    channels: {_flow(guess.channels)}")
    size = (
        f"{guess.pixel_size:.4g} # micrometres, by the files"
        if guess.pixel_size
        else "0 # micrometres; the files do not say"
    )
    lines.append(f"    pixel_size: {size}")
    if guess.kind == "crop":
        return "\n".join([*lines, "    object: crop", f"    crops: {{size: {_side(guess)}}}", ""])
    lines += ["    segment:", f"      otsu_watershed: {segment} # which channel shows nuclei, and which whole cells"]
    return "\n".join([*lines, "    crops: {size: auto}", ""])


def _side(guess: Guess) -> int:
    """The side of ready-made crops, px."""
    table = folders.fields(guess, "", lambda text: None)
    return (images.read_shape(table[guess.channels[0]].iloc[0]) or (64, 64))[0]


def _flow(value) -> str:
    """A value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False, allow_unicode=True)
        .removesuffix("\n")
        .removesuffix("\n...")
    )


def told(
    guess: Guess, table: pd.DataFrame, channels: tuple[str, str, str], wells: pd.DataFrame, labelled: str, written
) -> list[str]:
    """What was guessed and what to do next, in lines."""
    nucleus, cell, how = channels
    count = table.groupby("plate").size()
    named = ", ".join(map(str, count.index[:4])) + " ..." * (len(count) > 4)
    plates = f"{counted(len(count), 'plate')} ({named})"
    imaged = table[["plate", "well"]].drop_duplicates()
    lines = [f"{plates}, {counted(len(imaged), 'well')}, {counted(len(table), 'field')}"]
    lines += [
        f"channels {', '.join(guess.channels)}"
        + (f"; {nucleus} is taken to show nuclei ({how})" if guess.kind == "cell" else "")
    ]
    lines += (
        [f"{cell} shows cells" if cell else "no channel is taken for whole cells: they are nuclei, grown"]
        if guess.kind == "cell"
        else []
    )
    lines += [
        f"pixels of {guess.pixel_size:.4g} µm" if guess.pixel_size else "the files do not say how large a pixel is"
    ]
    lines += [*dict.fromkeys(guess.notes)] + ([f"labels of wells are taken from {labelled}"] if labelled else [])
    fill = []
    if path := next((path for path in written if str(path).endswith("_wells.csv")), None):
        columns = lacking(wells)
        what = f"Fill in {path}: {' and '.join(columns)} of every well."
        fill = [what if columns else f"Look over {path}: treatment and control are as {labelled} says."]
    next_one = [f"Then: make preview CONFIG={written[0]}"]
    return [*(f"  {line}" for line in lines), "Written: " + ", ".join(map(str, written)), *fill, *next_one]


def main() -> None:
    """The command line: exit status 1 if there is nothing to write, or files would be written over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="")
    folder = parser.parse_args().folder.rstrip("/") or "."
    try:
        if folder == ".":
            raise InputError("a folder of images", "none", "FOLDER", "write `make config FOLDER=/data/screen`")
        print(f"{folder} is taken for:", *draft(folder, Path("config")), sep="\n")
    except InputError as error:
        sys.exit(f"no config was made:\n{error}")


if __name__ == "__main__":
    main()
