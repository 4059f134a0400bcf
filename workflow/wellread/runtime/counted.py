"""Numbers with their nouns, as people write them."""


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 well, 2 wells, 3 classes."""
    plural = plural or noun + ("es" if noun.endswith(("s", "x", "tch")) else "s")
    return f"{n:,.0f} {noun if n == 1 else plural}"


def every(n: int, noun: str) -> str:
    """All there are, with their noun: the only well, all 2 wells."""
    return f"the only {noun}" if n == 1 else f"all {counted(n, noun)}"


def between(least: int, most: int, noun: str) -> str:
    """Numbers from the least to the most with their noun: 1 well, 2 wells, 1 to 3 wells."""
    return counted(most, noun) if least == most else f"{least:,} to {counted(most, noun)}"
