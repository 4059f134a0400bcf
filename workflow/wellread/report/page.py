"""One self-contained HTML page per dataset: the ledger first, then a chapter per verb."""

from pathlib import Path

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from wellread import __version__
from wellread.report import answers, cells, ledger, looks, models
from wellread.report.run import Run
from wellread.runtime.files import whole

FOLDER = Path(__file__).parent
CHAPTERS = {  # named like the verbs; each function returns what the template shows of its chapter
    "ledger": ledger.ledger,
    "calibrate": cells.calibrate,
    "segment": cells.segment,
    "crops": cells.crops,
    "look": looks.look,
    "train": models.train,
    "embed": models.embed,
    "correct": models.correct,
    "measure": answers.measure,
    "draw": answers.draw,
    "provenance": answers.provenance,
}


def report(out_html, dataset: str, inputs: dict, wells: pd.DataFrame | None, config: dict) -> None:
    """Write the report of a dataset; same inputs, same bytes. `config` is the whole config, defaults filled in.

    `inputs` are lists of paths, at the places where the rules write them. Per plate: fields, calibration, cells, lost,
    and masks and crops if there are any. The others may lack, and their chapter says so: ledger; scores and looks; per
    model: model (model.json), training; per model and correction: profiles (well.parquet), tasks, figures.
    """
    run = Run.of(dataset, inputs, wells, config)
    chapters = {name: tell(run) for name, tell in CHAPTERS.items()}
    page = _environment().get_template("page.html")
    with whole(out_html) as part:
        part.write_text(page.render(run=run, version=__version__, chapters=chapters), encoding="utf-8")


def number(value) -> str:
    """A number as one would write it: counts in full, others with three digits, a dash for none."""
    if value is None or value != value:
        return "–"
    in_full = float(value).is_integer() or abs(value) >= 1000
    return (f"{value:,.0f}" if in_full else f"{value:#.3g}".rstrip(".")).replace("-", "−")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "yaml": _yaml}
    environment.globals["style"] = (FOLDER / "page.css").read_text(encoding="utf-8")
    return environment


def _yaml(value) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
