"""The page of a run of several datasets: what each says first, a link to its page, the tables and figures of all."""

from pathlib import Path

from wellread import __version__
from wellread.report import figures, interactive, tables
from wellread.report.headlines import headlines
from wellread.report.ledger import alarms
from wellread.report.run import Run
from wellread.report.templates import environment
from wellread.runtime.files import whole

TEMPLATE = "overview.html"


def overview(out_html, results, inputs: dict, config: dict) -> None:
    """Write the page of all datasets, a file in the folder `results`. `config` is the whole config, defaults filled in.

    `inputs` are lists of paths by kind, at the places where the rules write them: of every dataset alarms, profiles,
    tasks, hits, patches and figures; of all together tables and charts. Each is optional.
    """
    runs = [Run.from_inputs(name, _of_dataset(inputs, results, name), None, config) for name in config["datasets"]]
    together = {kind: inputs[kind] for kind in ("tables", "charts") if kind in inputs}
    template = environment().get_template(TEMPLATE)
    text = template.render(
        version=__version__,
        datasets=[_told(run) for run in runs],
        c=tables.tables(Run.from_inputs("", together, None, config)),
        figures=[found for run in runs if (found := _figures(run))["profiles"] or found["patches"]],
        scripts=interactive.scripts(False),
    )
    with whole(out_html) as part:
        part.write_text(text, encoding="utf-8")


def _of_dataset(inputs: dict, results, dataset: str) -> dict:
    """Those of the inputs that lie in the folder of a dataset."""
    folder = Path(results, dataset)
    return {kind: [path for path in paths if Path(path).is_relative_to(folder)] for kind, paths in inputs.items()}


def _told(run: Run) -> dict:
    """What is said of a dataset: the headline of every task, of the main model with the main correction."""
    return {
        "name": run.dataset,
        "main": run.main,
        "alarms": alarms(run)["alarms"],
        "rows": [row for row in headlines(run) if row["value"] is not None],
    }


def _figures(run: Run) -> dict:
    """The figures of a dataset: those of profiles, and of patch tokens. Fields and cells are on its own page."""
    return {"dataset": run.dataset, "profiles": figures.drawn(run), "patches": figures.patches(run)["pictures"]}
