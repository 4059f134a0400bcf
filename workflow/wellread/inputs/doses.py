"""Doses as people write them, `0.5 uM` or `1e-6 M`: one unit for a dataset, and equal ones made equal."""

import math
import re
from decimal import Decimal

import pandas as pd

from wellread.inputs.cleaning import examples, is_missing
from wellread.runtime.errors import InputError

NUMBER = r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
DIGITS = 6  # doses that agree in so many digits are one dose
KINDS = {  # kind: {unit as it is written by us: exponent of ten}
    "concentration": {"M": 0, "mM": -3, "µM": -6, "nM": -9, "pM": -12, "fM": -15},
    "mass per volume": {"g/l": 0, "mg/l": -3, "µg/l": -6, "ng/l": -9, "pg/l": -12},
    "mass": {"g": 0, "mg": -3, "µg": -6, "ng": -9},
    "radiation": {"Gy": 0, "mGy": -3},
    "share": {"%": 0},
    "activity": {"U/ml": 0},
    "activity (international)": {"IU/ml": 0},
    "infection": {"MOI": 0},
}
KINDS["mass per volume"] |= {"g/ml": 3, "mg/ml": 0, "µg/ml": -3, "ng/ml": -6, "pg/ml": -9}
WORDS = {"moles_per_liter": "M", "mol/l": "M", "molar": "M", "mol": "M"}  # after a prefix: mmoles_per_liter is mM
PREFIXES = {"m": "m", "milli": "m", "u": "µ", "micro": "µ", "n": "n", "nano": "n", "p": "p", "pico": "p", "": ""}
SPELLINGS = {prefix + word: PREFIXES[prefix] + unit for word, unit in WORDS.items() for prefix in PREFIXES}
SPELLINGS |= {"mg_per_ml": "mg/ml", "ug_per_ml": "µg/ml", "ng_per_ml": "ng/ml", "percent": "%"}


def unit_of(text: str) -> str:
    """A unit as we write it: uM, um and micromolar are µM; "" for one that is not known."""
    text = re.sub(r"\s", "", text).replace("\u03bc", "\u00b5")
    known = {unit: unit for units in KINDS.values() for unit in units}
    lower = {unit.casefold().replace("\u03bc", "u"): unit for unit in known if unit != "M"}
    plain = text.casefold().replace("\u03bc", "u")
    return known.get(text) or SPELLINGS.get(plain) or lower.get(plain) or ""


def read(texts: pd.Series, units: pd.Series, decimal: str, where: str, say) -> tuple[pd.Series, str]:
    """The doses as numbers in one unit, and that unit: the most frequent, else largest one, "" if none is given.

    `texts` are the cells, with or without a unit; `units` those of a column of units; `decimal` is the table's mark of
    decimals. Doses that agree to about six digits become one, of which `say` is told. InputError for what is no dose,
    for doses without a unit beside others that have one, and for units that cannot be converted.
    """
    spelt = {pair: _parsed(*pair, decimal) for pair in set(zip(texts, units, strict=True))}
    pairs = [spelt[pair] for pair in zip(texts, units, strict=True)]
    if wrong := [i for i, (number, _) in enumerate(pairs) if number is None]:
        raise _not_a_dose(texts, units, wrong, where)
    numbers, given = [number for number, _ in pairs], [unit for _, unit in pairs]
    unit = _common_unit(texts, numbers, given, where)
    if unit and set(given) - {"", unit}:
        others = ", ".join(sorted(set(given) - {"", unit}))
        say(f"{where}: doses in {others} were converted to {unit}, the unit of most of the doses")
    values = [_converted(number, own, unit) for number, own in zip(numbers, given, strict=True)]
    if below := [text for text, number in zip(texts, numbers, strict=True) if number and Decimal(number) < 0]:
        words = f"{examples(below)} are below 0; if they are logarithms, write the doses themselves, 1e-6 M for -6"
        say(f"{where}, column dose: {words}, as a dose of 0 stands above them")
    return _merged(pd.to_numeric(pd.Series(values, texts.index, dtype=object)), where, say), unit


def _parsed(text: str, unit: str, decimal: str) -> tuple[str | None, str]:
    """The number of a cell as text, None if it is no dose; and its unit. A missing dose is ("", "")."""
    if not text or is_missing(text):
        return "", ""
    match = re.fullmatch(rf"({NUMBER})\s*(.*)", text, re.ASCII)
    if (
        not match
        or not math.isfinite(float(match[1].replace(",", ".")))
        or (re.search(r",\d{3}\b", match[1]) and decimal != ",")
    ):
        return None, ""
    written = match[2] or ("" if is_missing(unit) else unit)
    known = unit_of(written)
    return (match[1].replace(",", "."), known) if known or not written else (None, "")


def _not_a_dose(texts, units, wrong: list[int], where: str) -> InputError:
    first = wrong[0]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    found = f"{texts.iloc[first]!r}" + (f" with the unit {units.iloc[first]!r}" if units.iloc[first] else "") + more
    known = ", ".join(unit for units in KINDS.values() for unit in units)
    edit = f"write a number such as 0.5 or 1e-6 (no thousands separator), alone or with one of the units {known}"
    place = f"{where}, row {texts.index[first] + 2}, column dose"
    return InputError("a number, or nothing, or a number and its unit", found, place, edit)


def _common_unit(texts, numbers: list[str], given: list[str], where: str) -> str:
    """The most frequent unit; InputError if another does not convert to it, or a dose that is not 0 has none."""
    used = sorted(set(given) - {""})
    if not used:
        return ""
    unit = max(used, key=lambda one: (given.count(one), KINDS[_kind(one)][one], one))
    for row, (number, own) in enumerate(zip(numbers, given, strict=True)):
        bare = number and not own and Decimal(number) != 0
        if bare or (own and _kind(own) != _kind(unit)):
            place = f"{where}, row {texts.index[row] + 2}, column dose"
            found = f"{texts.iloc[row]!r}" + ("" if bare else f" in {own}")
            edit = "give every dose its unit" if bare else "convert it by hand; one dataset has doses of one kind"
            raise InputError(f"doses that can be converted to {unit}, as others are", found, place, edit)
    return unit


def _kind(unit: str) -> str:
    return next(kind for kind, units in KINDS.items() if unit in units)


def _converted(number: str, unit: str, wanted: str):
    if not number or not unit or unit == wanted:
        return number or None
    exponents = KINDS[_kind(unit)]
    return str(Decimal(number).scaleb(exponents[unit] - exponents[wanted]))


def _merged(values: pd.Series, where: str, say) -> pd.Series:
    """Doses rounded to six digits, neighbours within a millionth of each other to the same number."""
    rounded, merged, group = {}, [], []
    distinct = sorted(values.dropna().unique())
    for place, value in enumerate(distinct):
        group.append(value)
        following = distinct[place + 1] if place + 1 < len(distinct) else float("inf")
        if following - value > abs(value) * 10**-DIGITS:
            rounded |= dict.fromkeys(group, float(f"{group[0]:.{DIGITS}g}"))
            merged += [group] if len(group) > 1 else []
            group = []
    if merged:
        listed = "; ".join(f"{', '.join(map(str, same))} -> {rounded[same[0]]:g}" for same in merged[:3])
        more = f" and {len(merged) - 3} more" if len(merged) > 3 else ""
        say(f"{where}: doses that agree to {DIGITS} digits were taken as one: {listed}{more}")
    changed = any(rounded[value] != value for value in distinct)
    return values.map(rounded).astype(float) if changed else values
