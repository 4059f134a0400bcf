"""The ledger: how many fields, cells and wells every stage of the pipeline keeps and loses, with the reasons."""

from pathlib import Path

import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.runtime import table_files
from wellread.runtime.errors import InputError

UNITS = {  # stage: what is counted, in the order of the pipeline
    "features": "features",  # of ready feature tables: once for all plates, whose name here is ""
    "rows": "rows",  # of ready feature tables
    "images": "fields of view",  # rows of the images table; lost: a file is missing or cannot be decoded
    "fields": "fields of view",  # lost: readable, but blank, of another shape ...
    "objects": "cells",  # what segmentation found; lost: it is no nucleus
    "crops": "cells",
    "embeddings": "cells",
    "profiles": "cells",  # those that the well profiles are made of
    "wells": "wells",  # wells of the images table or of the wells table
}
PROFILE_COLUMNS = ("plate", "well", "object_count")  # the columns of the well profiles that are read
NO_PLATE = "no images of this plate"  # why wells of a plate that only the wells table has are lost
UNREADABLE = ("missing", "unreadable")  # statuses of fields.parquet that mean: no image at all


def build_ledger(images: pd.DataFrame, plates: dict, wells: pd.DataFrame, profiles: dict) -> pd.DataFrame:
    """Count what every plate keeps and loses: a table of plate, stage, model, reason, n.

    `images` and `wells` are the two input tables. `plates`: {plate: {"fields", "cells", "lost": path, "embeddings":
    {model: path}}}, with paths of "objects" and "rejected" where there are masks; `profiles`: {model: path} of the
    uncorrected well profiles. The reason of what is kept is "kept", or "kept, flagged: ..." with the quality rules that
    it breaks. The model is "" for the stages before the embeddings. A plate that only the wells table has is lost at
    its wells.
    """
    rows = []
    for plate in sorted(plates):
        paths = plates[plate]
        imaged = images.loc[images["plate"] == plate, "well"]
        known = wells.loc[wells["plate"] == plate, "well"]
        cells = table_files.read(paths["cells"], "cells", ["well"])["well"]
        rows += _rows(plate, "", _counts_before_models(len(imaged), paths))
        for model in sorted(profiles):
            profile = table_files.read(profiles[model], "profiles", [tables.column(name) for name in PROFILE_COLUMNS])
            profile = profile[profile[tables.column("plate")] == plate]
            own = paths["embeddings"].get(model)  # none of a model that looks at no pixels
            embedded = len(np.load(own, mmap_mode="r")) if own else len(cells)
            rows += _rows(plate, model, _counts_of_model(embedded, profile, cells, imaged, known))
    for plate, known in wells[~wells["plate"].isin(list(plates))].groupby("plate"):
        for model in sorted(profiles):
            rows += _rows(str(plate), model, {"wells": {"kept": 0, NO_PLATE: len(known)}})
    return counts_table(rows)


def counts_table(rows) -> pd.DataFrame:
    """The ledger of rows (plate, stage, model, reason, n), in the order of plates and stages, what is kept first."""
    order = list(UNITS)
    rows = sorted(rows, key=lambda row: (row[0], order.index(row[1]), row[2], not row[3].startswith("kept"), row[3]))
    return pd.DataFrame(rows, columns=["plate", "stage", "model", "reason", "n"])


def together(paths) -> pd.DataFrame:
    """The ledgers of several models, whose profiles were ready, as one."""
    return counts_table(pd.concat([table_files.read(path, "ledger") for path in paths]).to_numpy().tolist())


def check_ledger(ledger: pd.DataFrame) -> None:
    """Raise InputError unless kept + lost of every stage is what the stage before kept, if their units agree."""
    total = ledger.groupby(["plate", "model", "stage"])["n"].sum()
    kept = ledger[is_kept(ledger["reason"])].groupby(["plate", "model", "stage"])["n"].sum()
    errors = []
    for (plate, model, stage), found in total.items():
        before = _previous_stage(stage)
        source = (plate, model if (plate, model, before) in kept else "", before)
        if before and found != kept[source]:
            where = f"plate {plate}, stage {stage}" + (f", model {model}" if model else "")
            errors.append(_mismatch(f"{kept[source]} {UNITS[stage]}, as {before} kept", found, where))
    if errors:
        raise InputError.together(errors)


def is_kept(reasons: pd.Series) -> pd.Series:
    """Which reasons mean "kept", flagged or not; all others mean "lost"."""
    return reasons.str.startswith("kept")


def _counts_before_models(n_images: int, paths: dict) -> dict:
    """{stage: {reason: n}} of the stages before the embeddings."""
    fields = table_files.read(paths["fields"], "fields", ["status", "flags"])
    unread = fields["status"].isin(UNREADABLE)
    missing = fields.loc[unread, "status"].value_counts()
    good = (fields["status"] == "ok").sum()  # where nothing is segmented, every field is an object
    cells, lost = (table_files.read(paths[kind], kind) for kind in ("cells", "lost"))
    found = table_files.check(paths["objects"], "objects").num_rows if "objects" in paths else good
    rejected = table_files.read(paths["rejected"], "rejected")["reason"].value_counts() if "rejected" in paths else {}
    return {
        "images": {"kept": n_images - missing.sum(), **missing},
        "fields": _counts_by_reason(fields.loc[~unread, "status"].replace("ok", ""), fields.loc[~unread, "flags"]),
        "objects": {"kept": found, **rejected},
        "crops": _counts_by_reason(
            pd.concat([cells.assign(reason=""), lost])["reason"], pd.concat([cells, lost])["flags"]
        ),
    }


def _counts_by_reason(reasons: pd.Series, flags: pd.Series) -> dict:
    """{reason: n}; the reason "" becomes "kept", and those of flagged rows get the rules that they break."""
    rules = flags.str.replace("|", ", ")
    flagged = flags.ne("") & reasons.isin(["", "flagged"])
    words = reasons.replace("", "kept").where(~flagged, reasons.replace({"": "kept, flagged"}) + ": " + rules)
    return {"kept": 0, **words.value_counts().sort_index()}


def _counts_of_model(embedded: int, profile: pd.DataFrame, cells, imaged, known) -> dict:
    """{stage: {reason: n}} from the embeddings on; `cells`, `imaged`, `known`: wells of crops, fields, table rows."""
    known, imaged, with_cells = set(known), set(imaged), set(cells)
    absent = sorted((known | imaged) - set(profile[tables.column("well")]))
    reasons = pd.Series({well: _exclusion_reason(well, known, imaged, with_cells) for well in absent}, dtype=object)
    profiled = profile[tables.column("object_count")].sum()
    return {
        "embeddings": {"kept": embedded},
        "profiles": {"kept": profiled, **cells.map(reasons).value_counts()},
        "wells": {"kept": len(profile), **reasons.value_counts()},
    }


def _exclusion_reason(well: str, known: set, imaged: set, with_cells: set) -> str:
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


def _previous_stage(stage: str) -> str | None:
    """The stage before `stage` if both count the same unit, else None."""
    stages = list(UNITS)
    before = stages[stages.index(stage) - 1]
    return before if UNITS[before] == UNITS[stage] and stage != stages[0] else None


def _mismatch(expected: str, found: int, where: str) -> InputError:
    edit = "delete results of that plate that were edited or copied by hand, and run again"
    return InputError(expected, f"{found}, kept and lost together", where, edit)


def plate_files(fields, cells, lost, embeddings, objects=(), rejected=()) -> dict:
    """The argument `plates` of `build_ledger` from lists of paths; a plate has the name of its folder."""
    plates = {Path(path).parent.name: {"fields": path, "embeddings": {}} for path in fields}
    for kind, paths in {"cells": cells, "lost": lost, "objects": objects, "rejected": rejected}.items():
        for path in paths:
            plates[Path(path).parent.name][kind] = path
    for path in map(Path, embeddings):
        plates[path.parents[1].name]["embeddings"][path.stem] = path
    return plates


def profile_files(profiles) -> dict:
    """The argument `profiles` of `build_ledger` from the paths of the uncorrected well profiles."""
    return {Path(path).parents[1].name: path for path in profiles}
