"""Of models that were trained with a grid of settings, the one that is best on the wells that validate."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.train.validation import SCORE

log = logging.getLogger("wellread")


def select(cells: list[dict], given: dict[str, list], *, weights, model, training, table) -> None:
    """Copy `weights`, `model` and `training` of the best of some models; write a CSV `table` of the scores of all.

    `cells`: the settings of each, {key: value}; `given`: its files, {"weights", "model", "training": paths}. The best
    has the highest macro F1 on wells that validate (`validation.validated`), of equals it is the first. The model.json
    says its settings, too. Raises InputError if a training had no wells to validate.
    """
    scores = [_score(path) for path in given["training"]]
    best = int(np.argmax(scores))
    log.info("the best of %d: %s, macro F1 %.3f", len(cells), cells[best], scores[best])
    for copy, paths in ((weights, given["weights"]), (training, given["training"])):
        with whole(copy) as part:
            shutil.copyfile(paths[best], part)
    facts = json.loads(Path(given["model"][best]).read_text()) | {"grid": {"chosen": cells[best], "of": len(cells)}}
    with whole(model) as part:
        part.write_text(json.dumps(facts, indent=2) + "\n")
    rows = [{key: value if np.isscalar(value) else json.dumps(value) for key, value in own.items()} for own in cells]
    chosen = np.arange(len(cells)) == best
    with whole(table) as part:
        pd.DataFrame(rows).assign(**{SCORE: scores}, chosen=chosen).to_csv(part, index=False)


def _score(training) -> float:
    """What the last row of a table of training says of the wells that validate."""
    if SCORE not in table_files.columns(training, "training"):
        edit = "the wells that are validation in the column `labels.split`: none has a cell"
        raise InputError(f"a number {SCORE}", "none", str(training), edit)
    return table_files.read(training, "training", [SCORE])[SCORE].iloc[-1]
