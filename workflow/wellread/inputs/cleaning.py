"""Text of tables as it is meant: blanks stripped, words for missing taken as missing, several labels told apart."""

import re
import unicodedata

import pandas as pd

INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # without width, as web pages leave them behind
MISSING = frozenset(
    {
        "na",
        "na.",
        "n/a",
        "n.a.",
        "nan",
        "<na>",
        "none",
        "(none)",
        "null",
        "nil",
        "?",
        ".",
        "...",
        "…",
        "not available",
        "not applicable",
        "not determined",
        "no data",
        "n.d.",
        "n.d",
        "n/d",
        "n.a",
        "missing",
    }
    | {
        "-",
        "--",
        "–",
        "—",
        "#n/a",
        "#n/d",
        "#nv",
        "#ref!",
        "#value!",
        "#wert!",
        "#valeur!",
        "#name?",
        "#div/0!",
        "#null!",
    }
)
NAMES = ("Na", "Null")  # sodium, and the genotype: written so by no program that means a missing value
UNCERTAIN = frozenset(
    {"null", "unknown", "unannotated", "undefined", "not known", "other", "tbd", "nd", "void", "empty"}
    | {"not annotated", "unassigned", "not assigned", "unclassified", "no moa"}
)  # classes, if one says so
SHOWN = 3  # examples in a message


def text(values: pd.Series) -> pd.Series:
    """Cells as text without blanks around them; every other kind of blank in them becomes a plain one."""
    values = values.astype(object).where(values.notna(), "").astype(str) if values.isna().any() else values.astype(str)
    return by_value(values, _plain)


def by_value(values: pd.Series, meaning) -> pd.Series:
    """What every text means, as text; `meaning` is asked once for each, as a table repeats them."""
    codes, distinct = pd.factorize(values)
    meant = [meaning(value) for value in distinct]
    if meant == list(distinct):
        return values
    return pd.Series(pd.array(meant, dtype="str").take(codes), values.index, name=values.name)


def labels(values: pd.Series) -> tuple[pd.Series, int]:
    """Cells of labels, several of them joined by `|`, without words for missing; and how many such words there were.

    `a | NA |b` becomes `a|b`.
    """
    counts = values.value_counts()
    lost = sum(n * sum(map(is_missing, value.split("|"))) for value, n in counts.items() if value)
    return by_value(values, _label).astype(str), int(lost)


def parts(label: str) -> list[str]:
    """The labels of a cell, in their order, each once: `a | b` holds a and b."""
    return [part for part in dict.fromkeys(one.strip() for one in label.split("|")) if part]


def is_missing(word: str) -> bool:
    """Whether a word is one of the usual ones for a missing value."""
    word = word.strip()
    return word not in NAMES and (
        word.casefold() in MISSING or re.sub(r"(?<=\W)\s+|\s+(?=\W)", "", word.casefold()) in MISSING
    )


def alike(values) -> list[list[str]]:
    """Groups of different texts that differ only by case or blanks."""
    groups: dict[str, list[str]] = {}
    for value in sorted(set(values) - {""}):
        groups.setdefault(re.sub(r"\s+", "", value).casefold(), []).append(value)
    return [group for group in groups.values() if len(group) > 1]


def examples(values, n: int = SHOWN) -> str:
    """The first values in quotes, and how many more there are."""
    values = list(dict.fromkeys(values))
    more = f" and {len(values) - n} more" if len(values) > n else ""
    return ", ".join(map(repr, values[:n])) + more


def listed(names, n: int = 20) -> str:
    """The first names, and how many more there are: a table may have a thousand columns."""
    names = list(map(str, names))
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def _plain(value: str) -> str:
    if value.isascii():
        return value.strip()
    value = unicodedata.normalize("NFC", value).translate(dict.fromkeys(map(ord, INVISIBLE)))  # é, however it was typed
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in value).strip()


def _label(value: str) -> str:
    if "|" not in value:
        return "" if is_missing(value) else value
    return "|".join(part for part in parts(value) if not is_missing(part))
