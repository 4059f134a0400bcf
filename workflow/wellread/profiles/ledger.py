"""The ledger: per plate and stage, what goes on and what is lost, with a reason. Nothing vanishes."""

from pathlib import Path

import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.runtime.errors import InputError

UNITS = {  # stage: what is counted, in the order of the pipeline
    "images": "fields of view",  # rows of the images table; lost: a file is missing or cannot be decoded
    "fields": "fields of view",  # lost: readable, but blank, of another shape ...
    "objects": "cells",  # everything that segmentation found
    "crops": "cells",
    "embeddings": "cells",
    "profiles": "cells",  # those that the well profiles are made of
    "wells": "wells",  # wells of the images table or of the wells table
}
PROFILE = ("plate", "well", "object_count")  # columns of the well profiles that count
UNREAD = ("missing", "unreadable")  # statuses of fields.parquet that mean: no image at all


def ledger(images: pd.DataFrame, plates: dict, wells: pd.DataFrame, profiles: dict) -> pd.DataFrame:
    """Count what every plate keeps and loses; tidy: plate, stage, model, reason, n.

    `plates`: {plate: {"fields", "cells", "lost": path, "embeddings": {model: path}}}, with a path of "objects" where
    there are masks; `profiles`: {model: path}, of
    uncorrected wells. What goes on has the reason "kept", or "kept, flagged: ..." if a rule of quality found fault with
    it; stages that no model enters have the model "".
    """
    rows = []
    for plate in sorted(plates):
        paths = plates[plate]
        listed = images.loc[images["plate"] == plate, "well"]
        known = wells.loc[wells["plate"] == plate, "well"]
        cells = pd.read_parquet(paths["cells"], columns=["well"])["well"]
        rows += _rows(plate, "", _shared(len(listed), paths))
        for model in sorted(profiles):
            profile = pd.read_parquet(profiles[model], columns=[tables.column(name) for name in PROFILE])
            profile = profile[profile[tables.column("plate")] == plate]
            embedded = len(np.load(paths["embeddings"][model], mmap_mode="r"))
            rows += _rows(plate, model, _of_model(embedded, profile, cells, listed, known))
    order = list(UNITS)
    rows.sort(key=lambda row: (row[0], order.index(row[1]), row[2], not row[3].startswith("kept"), row[3]))
    return pd.DataFrame(rows, columns=["plate", "stage", "model", "reason", "n"])


def check(ledger: pd.DataFrame) -> None:
    """Raise InputError unless kept + lost of every stage is what the stage before kept, within one unit."""
    total = ledger.groupby(["plate", "model", "stage"])["n"].sum()
    kept = ledger[is_kept(ledger["reason"])].groupby(["plate", "model", "stage"])["n"].sum()
    errors = []
    for (plate, model, stage), found in total.items():
        before = _before(stage)
        source = (plate, model if (plate, model, before) in kept else "", before)
        if before and found != kept[source]:
            where = f"plate {plate}, stage {stage}" + (f", model {model}" if model else "")
            errors.append(_mismatch(f"{kept[source]} {UNITS[stage]}, as {before} kept", found, where))
    if errors:
        raise InputError.together(errors)


def is_kept(reasons: pd.Series) -> pd.Series:
    """Which reasons mean that something goes on."""
    return reasons.str.startswith("kept")


def _shared(listed: int, paths: dict) -> dict:
    """Counts of the stages that no model enters."""
    fields = pd.read_parquet(paths["fields"], columns=["status", "flags"])
    unread = fields["status"].isin(UNREAD)
    missing = fields.loc[unread, "status"].value_counts()
    good = (fields["status"] == "ok").sum()  # where nothing is segmented, every field is an object
    cells, lost = (pd.read_parquet(paths[kind]) for kind in ("cells", "lost"))
    return {
        "images": {"kept": listed - missing.sum(), **missing},
        "fields": _counted(fields.loc[~unread, "status"].replace("ok", ""), fields.loc[~unread, "flags"]),
        "objects": {"kept": len(pd.read_parquet(paths["objects"], columns=["field"])) if "objects" in paths else good},
        "crops": _counted(pd.concat([cells.assign(reason=""), lost])["reason"], pd.concat([cells, lost])["flags"]),
    }


def _counted(reasons: pd.Series, flags: pd.Series) -> dict:
    """How many have each reason ("": kept), told apart by their flags where these matter."""
    told = flags.str.replace("|", ", ")
    flagged = flags.ne("") & reasons.isin(["", "flagged"])
    words = reasons.replace("", "kept").where(~flagged, reasons.replace({"": "kept, flagged"}) + ": " + told)
    return {"kept": 0, **words.value_counts().sort_index()}


def _of_model(embedded: int, profile: pd.DataFrame, cells, imaged, known) -> dict:
    """Counts of the stages from the embeddings on; the last three are wells: of every crop, field, and table row."""
    known, imaged, with_cells = set(known), set(imaged), set(cells)
    absent = sorted((known | imaged) - set(profile[tables.column("well")]))
    reasons = pd.Series({well: _reason(well, known, imaged, with_cells) for well in absent}, dtype=object)
    profiled = profile[tables.column("object_count")].sum()
    return {
        "embeddings": {"kept": embedded},
        "profiles": {"kept": profiled, **cells.map(reasons).value_counts()},
        "wells": {"kept": len(profile), **reasons.value_counts()},
    }


def _reason(well: str, known: set, imaged: set, with_cells: set) -> str:
    """Why a well has no profile."""
    if well not in known:
        return "not in wells table"
    if well not in imaged:
        return "no images"
    return "below min_cells" if well in with_cells else "no cells"


def _rows(plate: str, model: str, stages: dict) -> list[tuple]:
    return [
        (plate, stage, model, str(reason), int(n)) for stage, counts in stages.items() for reason, n in counts.items()
    ]


def _before(stage: str) -> str | None:
    """The stage whose kept ones `stage` must account for; None where the unit changes."""
    stages = list(UNITS)
    before = stages[stages.index(stage) - 1]
    return before if UNITS[before] == UNITS[stage] and stage != stages[0] else None


def _mismatch(expected: str, found: int, where: str) -> InputError:
    edit = "delete results of that plate that were edited or copied by hand, and run again"
    return InputError(expected, f"{found}, kept and lost together", where, edit)


def by_plate(fields, cells, lost, embeddings, objects=()) -> dict:
    """Paths of the plates' files, one list a kind, as `ledger` wants them; a plate is called like its folder."""
    plates = {Path(path).parent.name: {"fields": path, "embeddings": {}} for path in fields}
    for kind, paths in {"cells": cells, "lost": lost, "objects": objects}.items():
        for path in paths:
            plates[Path(path).parent.name][kind] = path
    for path in map(Path, embeddings):
        plates[path.parents[1].name]["embeddings"][path.stem] = path
    return plates


def by_model(profiles) -> dict:
    """Paths of the uncorrected well profiles, as `ledger` wants them."""
    return {Path(path).parents[1].name: path for path in profiles}
