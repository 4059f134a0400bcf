"""The figures of fields, cells and plates, those of profiles, and the matrices beside the mechanisms."""

import pandas as pd
from PIL import Image

from wellread.pictures import montage
from wellread.pictures.draw import shorten
from wellread.report import interactive
from wellread.report.mechanisms import class_tables
from wellread.report.run import Run

MATRIX = "similarity"  # the kind of figure that stands beside the mechanisms
MOST = 60_000  # bytes of the numbers of a matrix; those of larger ones stay in their file
LOOK_WIDTH, DRAW_WIDTH = 1500, 1300  # px


def look(run: Run) -> dict:
    """Every figure of fields, cells and plates, in the order of the config."""
    paths = run.by_folder("looks")
    names = [name for name in run.config["figures"] if name in paths]
    kinds = {name: next(iter(run.config["figures"][name].get("look", {})), "") for name in names}
    return {
        "pictures": [
            {"name": name, "kind": kinds[name], "uri": montage.picture_uri(paths[name], LOOK_WIDTH)} for name in names
        ]
    }


def draw(run: Run) -> dict:
    """Every figure of profiles that is no matrix, for every model and correction."""
    return {"figures": drawn(run, lambda kind: kind != MATRIX)}


def patches(run: Run) -> dict:
    """Every figure of patch tokens, of every model."""
    found = {(path.parent.name, path.name.removesuffix(".patches.png")): path for path in run.paths("patches")}
    uris = [(*pair, montage.picture_uri(path, DRAW_WIDTH)) for pair, path in found.items()]
    return {"pictures": [{"name": name, "model": model, "uri": uri} for name, model, uri in uris]}


def mechanisms(run: Run) -> dict:
    """The classes of labels that are retrieved or not, and the matrices of similarity with what they are of."""
    figures = drawn(run, lambda kind: kind == MATRIX)
    for figure in figures:
        figure["pictures"].sort(key=lambda picture: (picture["model"], picture["correction"]) != run.main)
        for picture in figure["pictures"]:
            picture["matrix"] = _matrix(run, picture["path"])
    return {"tasks": class_tables(run), "figures": figures}


def _matrix(run: Run, path) -> str:
    """Where the matrix is in its picture, the items of its rows, and its cosines in hundredths, packed; "" if unknown.

    Items are numbers of `interactive.items`, -1 where a name is that of none or of several.
    """
    with Image.open(path) as file:
        place, table = file.info.get("matrix"), path.with_suffix(".csv")
    if not place or not table.is_file():
        return ""
    numbers = pd.read_csv(table, dtype={"name": str}, keep_default_na=False)
    short = pd.Series(interactive.items(run)).map(shorten)
    known = {name: i for i, name in short.drop_duplicates(keep=False).items()}
    told = {"place": [float(share) for share in place.split()], "items": [known.get(n, -1) for n in numbers["name"]]}
    cosines = (100 * numbers.iloc[:, -len(numbers) :]).round().astype(int).to_numpy().tolist()
    packed = interactive.pack(told | {"cosines": cosines})
    return packed if len(packed) <= MOST else interactive.pack(told | {"cosines": []})


def drawn(run: Run, wanted=lambda kind: True) -> list[dict]:
    """The figures of profiles whose kind is wanted."""
    figures = {
        name: paths for name, paths in run.by_pair("figures").items() if wanted(*run.config["figures"][name]["draw"])
    }
    told = [{"name": name, "looked_at": run.looked_at("figures", name)} for name in figures]
    return [one | {"pictures": _pictures(figures[one["name"]])} for one in told]


def _pictures(paths: dict) -> list[dict]:
    return [
        {"model": model, "correction": correction, "path": path, "matrix": ""}
        | {"uri": montage.picture_uri(path, DRAW_WIDTH)}
        for (model, correction), path in paths.items()
    ]
