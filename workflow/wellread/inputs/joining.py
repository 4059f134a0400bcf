"""Whether images and wells table speak of the same wells: counted on both sides, plate by plate."""

import re
from difflib import get_close_matches

import pandas as pd

from wellread.inputs.cleaning import examples
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError

SHOWN = 5  # plates that are named


def check(images: pd.DataFrame, wells: pd.DataFrame, where: str, least: float, say, what="images") -> None:
    """Tell `say` how many wells have images (or `what`), a row in the wells table, and both.

    Raises InputError if the tables share no plate, or if on a plate less than the share `least` of the wells with
    images is in the wells table; it names wells and plates of both sides. What gets no profile is told.
    """
    sides = [table[["plate", "well"]].drop_duplicates().astype(object) for table in (images, wells)]
    imaged, known = ({plate: set(own) for plate, own in side.groupby("plate")["well"]} for side in sides)
    shared = {plate: own & known.get(plate, set()) for plate, own in imaged.items()}
    say(_counts(imaged, known, shared, where, what))
    others = set(known) - set(imaged)
    poor = [plate for plate, own in imaged.items() if len(shared[plate]) < least * len(own)]
    if not set(imaged) & set(known):
        poor, least = list(imaged), least or 1
    if poor:
        raise InputError.together([_poor(imaged, known, shared, poor, where, least, what)])
    for words in _left_out(imaged, shared, sorted(others), set(imaged) - set(known), what):
        say(f"{where}: {words}")


def _left_out(imaged: dict, shared: dict, only: list[str], unlisted: set, what: str) -> list[str]:
    """What gets no profile, in lines."""
    partly = [plate for plate in sorted(imaged) if shared[plate] != imaged[plate] and plate not in unlisted]
    lost = {plate: sorted(imaged[plate] - shared[plate]) for plate in partly}
    lines = [
        f"plate {plate}: {len(lost[plate])} of {len(imaged[plate])} wells with {what} are not in the wells table and "
        f"get no profile, such as {examples(lost[plate])}"
        for plate in partly[:SHOWN]
    ]
    if len(partly) > SHOWN:
        lines.append(f"so are wells of {counted(len(partly) - SHOWN, 'other plate')}")
    if unlisted:
        named = examples(sorted(unlisted), SHOWN)
        lines.append(f"{counted(len(unlisted), 'plate')} not in the wells table, without profiles: {named}")
    if only:
        lines.append(f"{counted(len(only), 'plate')} only in the wells table, without {what}: {examples(only, SHOWN)}")
    return lines


def _counts(imaged: dict, known: dict, shared: dict, where: str, what: str) -> str:
    """One line: the wells of both sides, and those in both."""
    n, rows, both = (sum(map(len, side.values())) for side in (imaged, known, shared))
    table = f"{counted(rows, 'well')} in the wells table on {counted(len(known), 'plate')}"
    return f"{where}: {counted(n, 'well')} with {what} on {counted(len(imaged), 'plate')}; {table}; {both:,} in both"


def _poor(imaged: dict, known: dict, shared: dict, poor: list[str], where: str, least: float, what: str) -> InputError:
    lines = [
        f"plate {plate}: {_found(plate, imaged[plate], known, shared[plate], what)}" for plate in sorted(poor)[:SHOWN]
    ]
    more = [f"and {counted(len(poor) - SHOWN, 'other plate')}"] if len(poor) > SHOWN else []
    near = [f"{plate} -> {like}" for plate in sorted(poor) if plate not in known and (like := _like(plate, known))]
    hint = f"did you mean {', '.join(near[:SHOWN])}? " if near else ""
    edit = f"{hint}spell plates and wells alike in both, or add the rows"
    edit += ", or name the plate (images.pattern.plate)" if what == "images" else ""
    edit += f", or set {where}.min_joined"
    expected = f"the same plate names in both tables, and at least {least:.0%} of every plate's wells with {what}"
    return InputError(expected, "; ".join(lines + more), f"{where}.{what} and .wells", edit)


def _found(plate: str, imaged: set, known: dict, shared: set, what: str) -> str:
    if plate not in known:
        return f"not in the wells table, which has {examples(sorted(known), SHOWN)}"
    others = sorted(known[plate] - shared) or sorted(known[plate])
    return (
        f"{len(shared)} of {len(imaged)} wells with {what} (such as {examples(sorted(imaged - shared))}) are among the "
        f"{len(known[plate])} of the wells table (such as {examples(others)})"
    )


def _like(plate: str, known) -> str:
    """The plate that is called the same but for case, blanks, marks and leading zeros, else the most similar one."""
    return (_twins(plate, known) or get_close_matches(plate, sorted(known), 1, 0.8) or [""])[0]


def _twins(plate: str, known) -> list[str]:
    """The plates that are called the same but for case, blanks, marks and leading zeros."""
    return [other for other in sorted(known) if _bare(other) == _bare(plate)]


def _bare(plate: str) -> str:
    return re.sub(r"0*(\d+)", r"\1", re.sub(r"[\s._+-]", "", plate).casefold())
