"""Where the wells of a plate lie in a map of it."""

from string import ascii_uppercase

from wellread.inputs.well_names import plate_format, well_row_column


def plate_layout(wells) -> tuple[dict[str, tuple[int, int]], int, int]:
    """{well: (row, column)}, counted from 0, and the numbers of rows and columns of the smallest usual plate with them.

    Wells whose names do not say where they are (such as A01 does) are left out.
    """
    places = {well: place for well in wells if (place := well_row_column(well))}
    return places, *plate_format(places.values())


def row_letters(row: int) -> str:
    """The letters of a row counted from 0: A to Z, then AA to AZ."""
    return ascii_uppercase[row] if row < 26 else f"A{ascii_uppercase[row - 26]}"
