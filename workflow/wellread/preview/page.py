"""A preview as one small HTML page, with maps of plates and pictures of the fields that were looked at."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from wellread.preview import tables, terminal
from wellread.runtime.files import whole

MAPS = 6  # plates


def write(shown, out: Path) -> None:
    """Write the page of a preview."""
    folder = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style = (folder.parent / "report" / "page.css").read_text(encoding="utf-8")
    datasets = [_dataset(shown, name) for name in shown.plan.config["datasets"]] if shown.plan else []
    costs = terminal.costs_lines(shown.costs) if shown.costs else []
    text = environment.get_template("page.html").render(shown=shown, datasets=datasets, costs=costs, style=style)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")


def _dataset(shown, name: str) -> dict:
    """What the page shows of a dataset."""
    plan = shown.plan
    images, wells = plan.images[name], plan.wells[name]
    return {
        "name": name,
        "plates": tables.plates(images, wells).to_dict("records"),
        "maps": {
            plate: "\n".join(tables.map_lines(tables.signs(images, wells, plate))) for plate in plan.plates(name)[:MAPS]
        },
        "files": shown.files.get(name, []),
        "lines": shown.designs[name] + terminal.cells_lines(shown, name),
        "sheets": [one.pictures for one in shown.samples.get(name, []) if one.usable],
    }
