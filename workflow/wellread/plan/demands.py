"""What measures, figures, corrections and training ask of the wells table: columns, classes, controls, doses.

Asked of the profiles that there would be if no well were lost: what these cannot answer, fewer cannot either.
"""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.pictures.matrices import MAX_ROWS
from wellread.plan import looked_at
from wellread.plan.screen import Screen
from wellread.plan.settings import unknown
from wellread.profiles import controls, tables
from wellread.profiles.subset import subset
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

OF_HITS = {"sameby": ["treatment", "dose"], "negatives": "controls"}  # asked as the measure is whose null hits have
OF_HITS = {"level": "well", "where": {}, "measure": {"average_precision": OF_HITS}}


def of_entry(screen: Screen, section: str, entry: dict, where: str) -> list[InputError]:
    """What a task or figure, at the key `where` of the config, asks of a dataset and does not get.

    Columns that do not exist, conditions that no row fits: what can only be a slip. A measure that the design cannot
    answer is none; see `undecidable`.
    """
    ((name, options),) = entry[section].items()
    choice, level, asked = chosen(section, entry[section]), entry["level"], f"{where}.{section}.{name}"
    missing = [
        error
        for option in choice.columns
        for error in absent_columns(options.get(option), screen.known(level), f"{asked}.{option}")
    ]
    missing += looked_at.absent(entry["where"], screen.known(level), f"{where}.where")
    if level == "treatment":
        missing += absent_columns(screen.pooling["by"], screen.known("well"), "consensus.by")
    if level == "cell":
        missing += absent_columns(screen.sampled_by, screen.known("well"), "sample.by")
    if missing or not len(screen.imaged):
        return missing
    slips = looked_at.unmet(screen, level, entry["where"], f"{where}.where") + _hidden_controls(options, asked)
    slips += looked_at.unknown_levels(options, screen.known(level), asked)
    if options.get("split") and not slips:
        slips = looked_at.unsplit(_rows(screen, section, entry), options, asked)
        slips = slips or looked_at.undivided(_rows(screen, section, entry), options, asked)
    return slips or ([] if section == "measure" else _unmet(screen, section, entry, asked))


def undecidable(screen: Screen, section: str, entry: dict, where: str) -> list[str]:
    """Notes on what a task wants of the design of a dataset, and cannot answer without."""
    if section != "measure" or not len(screen.imaged):
        return []
    lines = [error.lines for error in _unmet(screen, section, entry, where)]
    return [
        f"{where}: undecidable; wanted: {line['expected']}; found: {line['found']} ({line['edit']})" for line in lines
    ]


def _unmet(screen: Screen, section: str, entry: dict, where: str) -> list[InputError]:
    """The needs of a choice that the rows it looks at do not meet."""
    ((_, options),) = entry[section].items()
    needs, meta = chosen(section, entry[section]).needs, _rows(screen, section, entry)
    return [error for need in needs if (error := NEEDS[need](meta, options, where))]


def _rows(screen: Screen, section: str, entry: dict) -> pd.DataFrame:
    """The metadata of the rows that a task or figure looks at."""
    ((_, options),) = entry[section].items()
    columns = [name for option in chosen(section, entry[section]).columns for name in names(options.get(option))]
    columns += names(options.get("strictness"))
    meta, _ = subset(screen.rows(entry["level"], ["treatment", *columns, *entry["where"]]), entry["where"])
    return meta.reset_index(drop=True)


def _hidden_controls(options: dict, where: str) -> list[InputError]:
    """A label that tells controls apart, in a measure from which they are kept out."""
    if options.get("controls", True) or not options.get("label", "").startswith("control"):
        return []
    found, edit = "controls: false", f"write controls: true in {where}"
    return [InputError("controls among the profiles, for the label control", found, f"{where}.label", edit)]


def of_correction(screen: Screen, step: dict, where: str) -> list[InputError]:
    """What a step of a correction, which takes profiles of fields and of wells, asks and does not get."""
    ((name, options),) = step.items()
    if not len(screen.imaged):
        return []
    choice, where = chosen("correction", step), f"{where}.{name}"
    asked = {option: options[option] for option in choice.columns}
    known = screen.known("well")
    if missing := [error for key, column in asked.items() for error in absent_columns(column, known, f"{where}.{key}")]:
        return missing
    meta = screen.rows("well", list(asked.values()))
    return [error for need in choice.needs if (error := NEEDS[need](meta, options, where))]


def of_training(wells: list[pd.DataFrame], labels: list[str], balance: list[str], where: str) -> list[InputError]:
    """Columns of training, of its `wells` with images: labels, missing or of fewer than two classes; `balance`."""
    missing = [error for table in wells for error in absent_columns(labels, list(table), where)]
    missing += [error for table in wells for error in absent_columns(balance, list(table), f"{where}.fit.balance")]
    together = pd.concat(wells) if wells else pd.DataFrame()
    if missing or not len(together):
        return missing
    errors = [error for name in labels if (error := _one_class(together[name], name, where))]
    if balance and len(together[balance].drop_duplicates()) < 2:
        found, edit = f"one: {', '.join(balance)}", "other columns, or leave balance out"
        errors.append(InputError("two groups of cells or more", found, f"{where}.fit.balance", edit))
    return errors


def names(option) -> list[str]:
    """The columns that an option names: none, one, several, pairs such as plate+well, or what folds go `by`."""
    option = option["by"] if isinstance(option, dict) else option or ""
    listed = [option] if isinstance(option, str) else option
    return [name for item in listed for name in item.split("+") if name]


def absent_columns(option, known: list[str], where: str) -> list[InputError]:
    """An error for every column of an option that is not `known`; among several, `dose` may be missing."""
    asked = names(option)
    optional = {"dose"} if len(asked) > 1 else set()
    return [
        unknown(name, known, where, "a column of the wells table") for name in asked if name not in {*known, *optional}
    ]


def _classes(values) -> set[str]:
    return {word for value in values for word in str(value).split("|") if word}


def _one_class(values, label: str, where: str, aside: str = "") -> InputError | None:
    classes = _classes(values)
    if len(classes) > 1:
        return None
    found = f"only {', '.join(classes)}" if classes else f"no value in {len(values)} rows"
    found += aside
    edit = f"fill in the column {label} of the wells table, name another, or remove this"
    return InputError(f"two classes or more in the column {label}", found, where, edit)


def _two_classes(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Of `label`, among the rows that take part: treated ones, or with `controls` those of the evaluation half, too."""
    left_out = controls.is_fitting(meta) if options.get("controls") else controls.is_negative(meta)
    values = tables.text_column(meta, options["label"])[~left_out]
    aside = " (negative controls take no part)" if left_out.any() else ""
    return _one_class(values, options["label"], f"{where}.label", aside)


def _neighbours(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Rows that differ in every column, or pair of columns, of `diffby`."""
    kept = meta[~(controls.is_fitting(meta) if options["controls"] else controls.is_negative(meta))]
    alike = [item for item in options["diffby"] if len(set(tables.row_names(kept, item.split("+")))) < 2]
    if not alike or len(kept) < 2:
        return None
    found = f"one {alike[0]} in all {len(kept)} rows, so no row has a neighbour"
    return InputError(f"rows that differ in {', '.join(alike)}", found, f"{where}.diffby", "name other columns")


def _groups_to_hold_out(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two classes of `label`, and three groups with one: values of `held_out`, or rows if there is no such column."""
    treated = meta[~controls.is_negative(meta)]
    labels, name = tables.text_column(treated, options["label"]), options["held_out"]
    if error := _one_class(labels, options["label"], where):
        return error
    groups = tables.text_column(treated, name) if name else np.arange(len(treated)).astype(str)
    if len(set(groups[labels != ""]) - {""}) > 2:
        return None
    found = f"{listed(sorted(set(groups[labels != '']) - {''})) or 'none'}, which cannot be held out"
    edit = "name another column, or remove the task"
    return InputError(f"three values or more of {name or 'profiles'} with a {options['label']}", found, where, edit)


def _common_class(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two classes of `label` or more, and two compounds with one in common; of two batches, too, where these count."""
    treated, label, compound = meta[~controls.is_negative(meta)], options["label"], options["compound"]
    columns = [tables.text_column(treated, name) for name in (label, compound, options.get("batch", compound))]
    members = {}
    for value, *pair in zip(*columns, strict=True):
        for name in _classes([value]):
            members.setdefault(name, set()).add(tuple(pair))
    several = [own for own in members.values() if len({of for of, _ in own}) > 1]
    found = f"none among {len(members)} classes of {len({of for own in members.values() for of, _ in own})} compounds"
    if not several:
        edit = f"fill in the column {label} of the wells table, or remove the task"
        return InputError(f"two values of {compound} with a {label} in common", found, where, edit)
    if len(members) < 2 or any(_differ_in_both(sorted(own)) for own in several):
        return _one_class(columns[0], label, where)
    expected = f"for nscb two values of {compound} with a {label} in common that differ in {options['batch']}"
    return InputError(expected, found, where, "name another column as batch, or read nsc only")


def _differ_in_both(pairs: list[tuple[str, str]]) -> bool:
    """Whether two of the pairs differ in their first and in their second item."""
    (first, second), others = pairs[0], pairs[1:]
    kinds = {(a != first, b != second) for a, b in others}
    return (True, True) in kinds or {(True, False), (False, True)} <= kinds


def _fitting_controls(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    fit = int(controls.is_fitting(meta).sum())
    if fit >= 2:
        return None
    negative = int(controls.is_negative(meta).sum())
    found = f"{fit}, half of the {negative} wells with images that are negative controls"
    edit = "write negative in the column control of the wells table (4 wells or more), or leave this correction out"
    return InputError("two negative controls or more to fit on", found, where, edit)


def _two_rows_in_each_group(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two rows to fit on in every plate or batch, all rows or fitting controls."""
    groups = tables.text_column(meta, options["by"])
    fitted = controls.is_fitting(meta) if options["fit"] == "controls" else np.ones(len(meta), bool)
    counts = {group: int(fitted[groups == group].sum()) for group in np.unique(groups)}
    few = {group: count for group, count in counts.items() if count < 2}
    if not few:
        return None
    what = "fitting controls" if options["fit"] == "controls" else "wells"
    found = ", ".join(f"{count} on {options['by']} {group}" for group, count in list(few.items())[:5])
    found += f" and {len(few) - 5} more" if len(few) > 5 else ""
    edit = "write fit: all, or mark 4 wells or more of each as negative controls" if "controls" in what else "by: batch"
    return InputError(f"two {what} or more in every {options['by']}", found, where, edit)


def _negatives_in_each_group(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two negative controls, of either half, in every plate or batch."""
    groups, negative = tables.text_column(meta, options["by"]), controls.is_negative(meta)
    counts = {group: int(negative[groups == group].sum()) for group in np.unique(groups)}
    few = [f"{count} on {options['by']} {group}" for group, count in counts.items() if count < 2]
    if not few:
        return None
    found = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
    edit = "mark more wells as negative controls, or use standardize"
    return InputError(f"two negative controls or more in every {options['by']}", found, where, edit)


def _both_controls(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """A plate with two positive controls and two negative ones of the evaluation half."""
    plates, positive = tables.text_column(meta, "plate"), tables.text_column(meta, "control") == "positive"
    negative = controls.is_evaluation(meta)
    here = [plates == plate for plate in np.unique(plates)]
    if any(min((positive & own).sum(), (negative & own).sum()) > 1 for own in here):
        return None
    found = f"{positive.sum()} positive and {controls.is_negative(meta).sum()} negative on {len(here)} plates"
    edit = "mark positive and negative wells in the column control of the wells table, or remove the task"
    return InputError("a plate with 2 positive and 4 negative controls", found, where, edit)


def _doses(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
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


def _replicates_and_negatives(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
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
    found = f"none in {len(meta)} wells; {int(reference.sum())} wells can be negatives"
    edit = (
        "fill in treatment and control in the wells table (replicates; 2 negative controls a plate), or remove the task"
    )
    return InputError("a treatment with replicates, and negatives on their plates", found, where, edit)


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


def _labels_and_batches(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Treated rows of two batches, and two that share a class of `label`."""
    treated, label, batch = meta[~controls.is_negative(meta)], options["label"], options["batch"]
    counts = pd.Series(
        [name for value in tables.text_column(treated, label) for name in _classes([value])]
    ).value_counts()
    batches = set(tables.text_column(treated, batch)) - {""}
    if len(batches) > 1 and len(counts) and counts.iloc[0] > 1:
        return None
    found = f"{len(batches)} of {batch}; {int((counts > 1).sum())} of {label} with two wells or more"
    edit = "name other columns, or remove the task"
    return InputError(f"wells of two values of {batch}, and two wells of one {label}", found, where, edit)


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
    "classes": _two_classes,
    "neighbours": _neighbours,
    "common class": _common_class,
    "groups to hold out": _groups_to_hold_out,
    "fitting controls": _fitting_controls,
    "rows in every group": _two_rows_in_each_group,
    "negatives in every group": _negatives_in_each_group,
    "both controls": _both_controls,
    "doses": _doses,
    "replicates and negatives": _replicates_and_negatives,
    "replicates": _replicates,
    "replicates at every level": _replicates_at_levels,
    "labels and batches": _labels_and_batches,
    "few rows": _few_rows,
    "values": _values,
}
