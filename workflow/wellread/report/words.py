"""Numbers and counts as the page writes them."""


def number(value) -> str:
    """A number as text: whole numbers in full, others with three significant digits, a dash for None and NaN.

    What rounding leaves of 0, such as 2e-17 as the end of an interval, is 0.
    """
    if value is None or value != value:
        return "–"
    value = 0 if abs(value) < 1e-15 else value
    in_full = float(value).is_integer() or abs(value) >= 1000
    return (f"{value:,.0f}" if in_full else f"{value:#.3g}".rstrip(".")).replace("-", "−")


def plain(value) -> str:
    """A number as a program reads it, empty if there is none."""
    return "" if value is None or value != value else repr(float(value))


def several(n: int, noun: str, plural: str = "") -> str:
    """A count with what is counted: `1 treatment`, `2 treatments`, `2 classes`."""
    return f"{number(n)} {noun if n == 1 else plural or noun + 's'}"


def are(n: int) -> str:
    """The verb after a count: `1 is`, `2 are`."""
    return "is" if n == 1 else "are"
