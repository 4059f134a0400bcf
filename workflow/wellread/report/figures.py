"""The figures of fields, cells and plates, those of profiles, and the matrices beside the mechanisms."""

from wellread.pictures import montage
from wellread.report.mechanisms import class_tables
from wellread.report.run import Run

MATRIX = "similarity"  # the kind of figure that stands beside the mechanisms
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
    return {"figures": _figures(run, lambda kind: kind != MATRIX)}


def patches(run: Run) -> dict:
    """Every figure of patch tokens, of every model."""
    found = {(path.parent.name, path.name.removesuffix(".patches.png")): path for path in run.paths("patches")}
    uris = [(*pair, montage.picture_uri(path, DRAW_WIDTH)) for pair, path in found.items()]
    return {"pictures": [{"name": name, "model": model, "uri": uri} for name, model, uri in uris]}


def mechanisms(run: Run) -> dict:
    """The classes of labels that are retrieved or not, and the matrices of similarity."""
    return {"tasks": class_tables(run), "figures": _figures(run, lambda kind: kind == MATRIX)}


def _figures(run: Run, wanted) -> list[dict]:
    """The figures of profiles whose kind is wanted."""
    figures = {
        name: paths for name, paths in run.by_pair("figures").items() if wanted(*run.config["figures"][name]["draw"])
    }
    told = [{"name": name, "looked_at": run.looked_at("figures", name)} for name in figures]
    return [one | {"pictures": _pictures(figures[one["name"]])} for one in told]


def _pictures(paths: dict) -> list[dict]:
    return [
        {"model": model, "correction": correction, "uri": montage.picture_uri(path, DRAW_WIDTH)}
        for (model, correction), path in paths.items()
    ]
