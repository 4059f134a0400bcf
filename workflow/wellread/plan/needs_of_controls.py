"""Needs of measures that compare with controls, or look at doses and replicates beside them."""

import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.profiles import controls, tables
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError


def alone(wells: pd.DataFrame) -> str:
    """What to say of plates with a single negative control, of wells with a control_use; "" where there are none.

    Such a control is in one half alone.
    """
    negative = wells[wells["control"] == "negative"].groupby("plate")["control_use"].agg(["size", "first"])
    single = negative.loc[negative["size"] == 1, "first"]
    if single.empty:
        return ""
    n, fits = len(single), int((single == "fit").sum())
    has = f"plate {single.index[0]} has" if n == 1 else f"{counted(n, 'plate')} ({listed(single.index, 3)}) have"
    drawn = "here it is compared with, and none fits corrections"
    if fits:
        where = "here" if fits == n else f"on {fits} of them"
        drawn = f"{where} it fits, so no treatment there is compared with controls"
    fate = f"which either fits corrections or is compared with, as `seed` draws: {drawn}"
    return f"{has} a single negative control, {fate}; mark two wells or more on every plate"


def fitting_controls(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two negative controls of the fitting half."""
    fit = int(controls.is_fitting(meta).sum())
    if fit >= 2:
        return None
    negative = int(controls.is_negative(meta).sum())
    found = f"{fit}, half of the {counted(negative, 'well')} with images that are negative controls"
    edit = "write negative in the column control of the wells table (4 wells or more), or leave this correction out"
    return InputError("two negative controls or more to fit on", found, where, edit)


def negatives_in_each_group(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two negative controls, of either half, in every plate or batch."""
    groups, negative = tables.text_column(meta, options["by"]), controls.is_negative(meta)
    counts = pd.Series(negative).groupby(groups).sum()
    few = [f"{count} on {options['by']} {group}" for group, count in counts[counts < 2].items()]
    if not few:
        return None
    found = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
    edit = "mark more wells as negative controls, or use standardize"
    return InputError(f"two negative controls or more in every {options['by']}", found, where, edit)


def both_controls(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """A plate with two positive controls and two negative ones of the evaluation half."""
    plates, positive = tables.text_column(meta, "plate"), tables.text_column(meta, "control") == "positive"
    negative = controls.is_evaluation(meta)
    here = pd.DataFrame({"positive": positive, "negative": negative}).groupby(plates).sum()
    if (here > 1).all(axis=1).any():
        return None
    on = counted(len(here), "plate")
    found = f"{positive.sum()} positive and {controls.is_negative(meta).sum()} negative on {on}"
    edit = "mark positive and negative wells in the column control of the wells table, or remove the task"
    return InputError("a plate with 2 positive and 4 negative controls", found, where, edit)


def doses(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Three doses of some treatment, on plates with negative controls of the evaluation half."""
    if tables.column("dose") not in meta:
        edit = "add the column dose to the wells table, or remove the task"
        return InputError("a column dose of the wells table", "none", where, edit)
    dose = pd.to_numeric(meta[tables.column("dose")], errors="coerce")
    plates = tables.text_column(meta, "plate")
    compared = pd.Series(plates).isin(plates[controls.is_evaluation(meta)]).to_numpy()
    usable = ~controls.is_negative(meta) & dose.notna().to_numpy() & compared
    doses = dose[usable].groupby(tables.row_names(meta[usable], [options["by"]])).nunique() if usable.any() else ()
    if len(doses) and doses[doses.index != ""].max() > 2:
        return None
    found = f"none; {usable.sum()} of {len(meta)} rows have a dose, and two negative controls or more on their plate"
    edit = "fill in the columns dose and control of the wells table, or remove the task"
    return InputError("a treatment of three doses or more", found, where, edit)


def replicates_and_negatives(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """A treatment with two wells on plates that have negatives."""
    plates, items = tables.text_column(meta, "plate"), tables.row_names(meta, options["sameby"])
    negative = controls.is_negative(meta)
    reference = controls.is_evaluation(meta)
    if options["negatives"] == "others":
        negative = tables.text_column(meta, "control") != ""
        reference = ~negative & (items != "")
    compared = ~negative & (items != "") & pd.Series(plates).isin(plates[reference]).to_numpy()
    if pd.Series(items[compared], dtype=object).value_counts().max() > 1:
        return None
    there = counted(int(reference.sum()), "well" if options["negatives"] == "others" else "negative control")
    half = f" (of {negative.sum()}, half of which fit corrections)" * bool(reference.sum() < negative.sum())
    found = f"none in {counted(len(meta), 'well')}; {there} to compare with{half}"
    columns, wanted = "the columns treatment and control of the wells table", "replicates; 2 negative controls a plate"
    edit = f"fill in {columns} ({wanted}), or remove the task"
    return InputError("a treatment with replicates, and negatives on their plates", found, where, edit)
