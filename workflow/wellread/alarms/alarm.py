"""What an alarm is."""

from typing import NamedTuple

FEW = 3  # names that are told before "and n more"


class Alarm(NamedTuple):
    """A rule, by its `code`, that something breaks: `of` what, what was `found`, the `limit`, and what to `edit`."""

    code: str
    of: str
    found: str
    limit: str
    edit: str


COLUMNS = list(Alarm._fields)


def names(kind: str, of: list[str]) -> str:
    """Some of the names: `plates P1, P2, P3 and 4 more`."""
    more = f" and {len(of) - FEW} more" if len(of) > FEW else ""
    return f"{kind}{'s' * (len(of) > 1)} {', '.join(of[:FEW])}{more}"
