"""One self-contained HTML page per dataset: alarms and the answer first, then chapters in the reader's words.

The anchors of their sections are the steps of the workflow. A section that has nothing to show is left out.
"""

import re
from functools import partial

import pandas as pd

from wellread import __version__
from wellread.report import (
    answer,
    figures,
    hits,
    interactive,
    ledger,
    methods,
    models,
    plates,
    plots,
    provenance,
    records,
    tables,
    tasks,
)
from wellread.report.run import Run
from wellread.report.sprites import sprites
from wellread.report.templates import PARTS, environment
from wellread.runtime.files import whole

TEMPLATE = "page.html"
CHAPTERS = {  # {title: {anchor: function of the run that returns what its template shows}}
    "Alarms": {"alarms": ledger.alarms},
    "Answer": {"answer": answer.answer},
    "Hits": {"hits": hits.hits},
    "Plates": {"plates": interactive.plates},
    "Cells": {"crops": plates.crops, "look": figures.look},
    "Map": {"map": interactive.maps, "draw": figures.draw, "patches": figures.patches},
    "Mechanisms": {"mechanisms": figures.mechanisms, "measure": tasks.all_tasks},
    "Tables": {"tabulate": tables.tables},
    "Batch": {"correct": models.correct},
    "Quality": {"ledger": ledger.ledger, "calibrate": plates.calibrate, "segment": plates.segment},
    "Training": {"train": models.train, "embed": models.embed},
    "Methods": {"methods": methods.methods, "provenance": provenance.provenance},
    "Files": {"files": records.files},
}
MANY_PLATES = 20  # a page of more is laid out and drawn only where the window is
BUDGET = 15_000_000  # bytes of a page; pictures of fields take what all else leaves
OF_IMAGES = ("calibrate", "segment", "crops", "look", "patches", "train")  # chapters that ready profiles do not have


def report(out_html, dataset: str, inputs: dict, wells: pd.DataFrame | None, config: dict) -> None:
    """Write the report of a dataset as one HTML file. `config`: its part of the config, defaults filled in.

    `inputs` are lists of paths by kind, at the places where the rules write them. Of every plate: fields, calibration,
    cells, lost, and masks and crops if there are any; of ready profiles none of these. All others are optional, and
    a chapter without any is left out: alarms; ledger; ladder; hits; tables (collected answers); scores
    (segmentation) and looks (figures); of every model: model (model.json), training; of every model and correction:
    profiles (well.parquet), maps, tasks, figures; and logs, the folder of all logs. `wells` is the wells table, if
    there is one.
    """
    run = Run.from_inputs(dataset, inputs, wells, config)
    sections = {name: section for chapter in CHAPTERS.values() for name, section in chapter.items()}
    chapters = {name: section(run) for name, section in sections.items() if run.has_images or name not in OF_IMAGES}
    page = partial(environment().get_template(TEMPLATE).render, run=run, version=__version__, templates=PARTS)
    page = partial(page, chapters=chapters, contents=_contents, many_plates=MANY_PLATES, **_explored(run, chapters))
    room = BUDGET - len(page(maps=[], pictures={}).encode())
    maps = interactive.packed_maps(run, room) if chapters.get("map") else []
    pictures = interactive.pictures(run, room - sum(len(one["packed"]) + len(one["title"]) + 100 for one in maps))
    with whole(out_html) as part:
        part.write_text(page(maps=maps, pictures=pictures), encoding="utf-8")


def _contents(sections: str) -> dict[str, str]:
    """{heading: anchor} of the first section of every chapter, of the sections that have something to show."""
    headings = dict(re.findall(r'<section id="(\w+)"[^>]*><h2>(.*?)</h2>', sections))
    firsts = [[name for name in names if name in headings][:1] for names in CHAPTERS.values()]
    return {headings[name]: name for first in firsts for name in first}


def _explored(run: Run, chapters: dict) -> dict:
    """What the interactive chapters share: data, scripts, plots, and pictures of cells; no plots if there are none."""
    names, seen = [name for name in ("plates", "map") if chapters.get(name)], run.once(sprites)
    found = {"scripts": interactive.scripts(bool(names)), "sheets": seen.sheets, "n_cells": len(seen.cells)}
    if not names:
        return found | {"plots": None, "library": [], "data": ""}
    shown = {"plots": plots.plots(names), "library": interactive.library()}
    return found | shown | {"data": interactive.pack(interactive.data(run))}
