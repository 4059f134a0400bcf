"""Words in the names of image files, and what they say: wells, channels, sites, planes, times, masks."""

import re

WELL = re.compile(r"([A-P]|A[A-F])(0?[1-9]|[1-4]\d)", re.IGNORECASE)
ROW, COLUMN = re.compile(r"[A-P]", re.IGNORECASE), re.compile(r"0?[1-9]|1\d|2[0-4]")
NUMBERED = re.compile(r"(channel|chan|ch|wavelength|w|c|d)\d{1,2}", re.IGNORECASE)
CHANNELS = 12  # at most
KINDS = {  # a word, the same in all files, before a number
    "z": re.compile(r"(z|zstep|zplane|plane|slice|stack)[ _-]?\d+", re.IGNORECASE),
    "t": re.compile(r"(t|tp|time|timepoint|frame)[ _-]?\d+", re.IGNORECASE),
    "site": re.compile(r"(s|f|site|field|fld|fov|pos|position|xy|tile)[ _-]?\d+", re.IGNORECASE),
}
OTHERS = "CDFP"  # letters of rows that also stand before numbers of channels, fields and plates
MASKS = re.compile(r"(^|.*[_-])(masks?|labels?|seg|segmentations?|outlines?|truth)", re.IGNORECASE)


def well_like(column: list[str]) -> tuple:
    """How much a column of words that could be wells is like them, to be compared: A01, B01 more than P1, P2."""
    letters = {re.sub(r"\d", "", word).upper() for word in column}
    padded = all(re.search(r"\d\d", word) for word in column)
    return len(letters) > 1, not letters <= set(OTHERS), padded, len(set(column))
