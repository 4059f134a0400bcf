"""What a choice may declare that it needs of the profiles that it is asked about.

A need is f(metadata of profiles, options, where) -> error or None.
"""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.pictures.matrices import MAX_ROWS
from wellread.plan import needs_of_classes, needs_of_controls
from wellread.profiles import controls, tables
from wellread.runtime.errors import InputError


def _two_rows_in_each_group(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two rows to fit on in every plate or batch, all rows or fitting controls."""
    groups = tables.text_column(meta, options["by"])
    fitted = controls.is_fitting(meta) if options["fit"] == "controls" else np.ones(len(meta), bool)
    counts = pd.Series(fitted).groupby(groups).sum()
    few = counts[counts < 2]
    if few.empty:
        return None
    what = "fitting controls" if options["fit"] == "controls" else "wells"
    found = ", ".join(f"{count} on {options['by']} {group}" for group, count in list(few.items())[:5])
    found += f" and {len(few) - 5} more" if len(few) > 5 else ""
    edit = "write fit: all, or mark 4 wells or more of each as negative controls" if "controls" in what else "by: batch"
    return InputError(f"two {what} or more in every {options['by']}", found, where, edit)


def _replicates(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """A treatment of two wells or more, and as many treatments as it has wells."""
    items = tables.row_names(meta[~controls.is_negative(meta)], options["sameby"])
    counts = pd.Series(items[items != ""], dtype=object).value_counts()
    if len(counts) and ((counts > 1) & (counts <= len(counts))).any():
        return None
    edit = "fill in the column treatment of the wells table, or remove the task"
    return InputError("treatments with replicates, and as many others", f"none of {len(counts)}", where, edit)


def _replicates_at_levels(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Replicates that differ, at every level of strictness."""
    from wellread.measure.retrieval import why_not  # imports scipy

    kept = ~controls.is_negative(meta) & (tables.row_names(meta, options["sameby"]) != "")
    treated = meta[kept].reset_index(drop=True)
    reasons = {level: why_not(treated, options["sameby"], options["diffby"], level) for level in options["strictness"]}
    found = "; ".join(f"{level}: {reason}" for level, reason in reasons.items() if reason)
    edit = "name other levels, or read the others"
    return InputError("replicates that differ at every level", found, where, edit) if found else None


def _few_rows(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    if len(meta) <= MAX_ROWS:
        return None
    return InputError(f"a heat map of at most {MAX_ROWS} rows", f"{len(meta)} rows", where, "level: treatment, or umap")


def _values(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Values of the column `label` that are asked for, and that no row has."""
    found = set(tables.text_column(meta, options["label"]))
    absent = [value for value in options["values"] if value not in found]
    if not absent:
        return None
    known = listed(sorted(found - {""}))
    return InputError(f"values of {options['label']}: {known}", absent[0], f"{where}.values", "values")


NEEDS = {  # what a choice may declare that it needs: f(metadata of profiles, options, where) -> error or None
    "classes": needs_of_classes.two_classes,
    "neighbours": needs_of_classes.neighbours,
    "common class": needs_of_classes.common_class,
    "groups to hold out": needs_of_classes.groups_to_hold_out,
    "fitting controls": needs_of_controls.fitting_controls,
    "rows in every group": _two_rows_in_each_group,
    "negatives in every group": needs_of_controls.negatives_in_each_group,
    "both controls": needs_of_controls.both_controls,
    "doses": needs_of_controls.doses,
    "replicates and negatives": needs_of_controls.replicates_and_negatives,
    "replicates": _replicates,
    "replicates at every level": _replicates_at_levels,
    "labels and batches": needs_of_classes.labels_and_batches,
    "few rows": _few_rows,
    "values": _values,
}
