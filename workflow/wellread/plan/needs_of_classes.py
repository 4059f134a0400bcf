"""Needs of measures that tell classes apart: labels, and what they are to be told apart across."""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.profiles import controls, tables
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError


def _classes(values) -> set[str]:
    return {word for value in values for word in str(value).split("|") if word}


def one_class(values, label: str, where: str, aside: str = "") -> InputError | None:
    """Two classes at least among values of `label`, texts that may hold several; `aside`: what of it is left out."""
    classes = _classes(values)
    if len(classes) > 1:
        return None
    found = f"only {', '.join(classes)}" if classes else f"no value in {counted(len(values), 'row')}"
    found += aside
    edit = f"fill in the column {label} of the wells table, name another, or remove this"
    return InputError(f"two classes or more in the column {label}", found, where, edit)


def two_classes(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Of `label`, among the rows that take part: treated ones, or with `controls` those of the evaluation half, too."""
    left_out = controls.is_fitting(meta) if options.get("controls") else controls.is_negative(meta)
    values = tables.text_column(meta, options["label"])[~left_out]
    aside = " (negative controls take no part)" if left_out.any() else ""
    return one_class(values, options["label"], f"{where}.label", aside)


def neighbours(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Rows that differ in every column, or pair of columns, of `diffby`."""
    kept = meta[~(controls.is_fitting(meta) if options["controls"] else controls.is_negative(meta))]
    alike = [item for item in options["diffby"] if len(set(tables.row_names(kept, item.split("+")))) < 2]
    if not alike or len(kept) < 2:
        return None
    found = f"one {alike[0]} in all {len(kept)} rows, so no row has a neighbour"
    return InputError(f"rows that differ in {', '.join(alike)}", found, f"{where}.diffby", "name other columns")


def groups_to_hold_out(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
    """Two classes of `label`, and three groups with one: values of `held_out`, or rows if there is no such column."""
    treated = meta[~controls.is_negative(meta)]
    labels, name = tables.text_column(treated, options["label"]), options["held_out"]
    if error := one_class(labels, options["label"], where):
        return error
    groups = tables.text_column(treated, name) if name else np.arange(len(treated)).astype(str)
    if len(set(groups[labels != ""]) - {""}) > 2:
        return None
    found = f"{listed(sorted(set(groups[labels != '']) - {''})) or 'none'}, which cannot be held out"
    edit = "name another column, or remove the task"
    return InputError(f"three values or more of {name or 'profiles'} with a {options['label']}", found, where, edit)


def common_class(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
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
        return one_class(columns[0], label, where)
    expected = f"for nscb two values of {compound} with a {label} in common that differ in {options['batch']}"
    return InputError(expected, found, where, "name another column as batch, or read nsc only")


def _differ_in_both(pairs: list[tuple[str, str]]) -> bool:
    """Whether two of the pairs differ in their first and in their second item."""
    (first, second), others = pairs[0], pairs[1:]
    kinds = {(a != first, b != second) for a, b in others}
    return (True, True) in kinds or {(True, False), (False, True)} <= kinds


def labels_and_batches(meta: pd.DataFrame, options: dict, where: str) -> InputError | None:
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
