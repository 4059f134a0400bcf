"""Treatments and labels that may not be meant as they are written: none is changed, all are told."""

import re

import pandas as pd

from wellread.inputs import cleaning
from wellread.inputs.cleaning import examples

DATES = r"\d{1,2}-(Mar|Sep|Dec|Oct|Apr|Feb)|(Mar|Sep|Dec|Oct|Apr|Feb)-\d{1,2}"  # what they make of SEPT2 and MARCH1
MARKS = r"\s*[;,/+]\s*"  # that others write between labels


def report(values: pd.Series, name: str, where: str, say) -> None:
    """Tell `say` of values of the column `name`, text, that may not be meant as they are written."""
    if "smiles" in name.casefold():
        return
    known = {part for value in values.unique() for part in ([value] if name == "treatment" else cleaning.parts(value))}
    if groups := cleaning.alike(known):
        listed = "; ".join(" and ".join(map(repr, group)) for group in groups[: cleaning.SHOWN])
        more = f"; and {len(groups) - cleaning.SHOWN} more such groups" if len(groups) > cleaning.SHOWN else ""
        say(f"{where}: names in {name} differ only by case or blanks and are taken as different: {listed}{more}")
    if dates := sorted(value for value in known if re.fullmatch(DATES, value)):
        say(f"{where}: {examples(dates)} in {name} may be genes, such as SEPT2, that a spreadsheet took for dates")
    words = cleaning.MISSING if name == "treatment" else cleaning.UNCERTAIN
    if odd := sorted(value for value in known if value.casefold() in words):
        say(f"{where}: {examples(odd)} in {name} is taken as a name like any other; leave cells empty if it is none")
    if name != "treatment" and (joined := several(known)):
        say(f"{where}: {examples(joined)} in {name} holds another label, but is taken as one; write a|b for several")


def several(known: set[str]) -> list[str]:
    """Labels of which a part, between marks that are not `|`, is a label of its own: `a; b` beside `a`."""
    return sorted(value for value in known if len(parts := re.split(MARKS, value)) > 1 and known & set(parts))
