"""The chapters look and draw: the figures of fields, cells and plates, and those of profiles."""

from wellread.pictures import montage
from wellread.report.run import Run

LOOK_WIDTH, DRAW_WIDTH = 1500, 1300  # px


def look(run: Run) -> dict:
    """Every figure of fields, cells and plates, in the order of the config."""
    paths = run.by_folder("looks")
    names = [name for name in run.config["figures"] if name in paths]
    return {"pictures": [{"name": name, "uri": montage.picture_uri(paths[name], LOOK_WIDTH)} for name in names]}


def draw(run: Run) -> dict:
    """Every figure of profiles, for every model and correction."""
    figures = run.by_pair("figures")
    told = [{"name": name, "looked_at": run.looked_at("figures", name)} for name in figures]
    return {"figures": [one | {"pictures": _pictures(figures[one["name"]])} for one in told]}


def _pictures(paths: dict) -> list[dict]:
    return [
        {"model": model, "correction": correction, "uri": montage.picture_uri(path, DRAW_WIDTH)}
        for (model, correction), path in paths.items()
    ]
