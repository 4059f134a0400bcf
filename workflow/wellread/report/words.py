"""Numbers as the page writes them."""


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


def are(n: int) -> str:
    """The verb after a count: `1 is`, `2 are`."""
    return "is" if n == 1 else "are"
