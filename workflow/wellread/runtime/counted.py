"""Numbers with their nouns, as people write them."""


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 well, 2 wells, 3 classes."""
    plural = plural or noun + ("es" if noun.endswith(("s", "x", "tch")) else "s")
    return f"{n:,.0f} {noun if n == 1 else plural}"


def between(least: int, most: int, noun: str) -> str:
    """Numbers from the least to the most with their noun: 1 well, 2 wells, 1 to 3 wells."""
    return counted(most, noun) if least == most else f"{least:,} to {counted(most, noun)}"
