"""Gaps in a plane: blocks of identical pixels with straight edges, where a copy broke off, or lines or tiles were lost.

Saturated cells and clipped backgrounds are of identical pixels, too, but their edges are as curved as what they show,
and next to them the picture is about as bright; the edges of a gap run along rows and columns, and there it jumps.
Lines that were lost may also be filled with earlier ones: no camera gives two lines that are equal pixel by pixel.
"""

import numpy as np
from scipy import ndimage

LEAST = 0.005  # of a plane: smaller gaps are let pass
NEIGHBOURS = 0.9  # of the pixels of a gap have the same value to their right, or below them
SMALLEST = 32  # px of a piece of a gap
SIDE = 8  # px: a gap's straight edges are at least this long, on average
REPEATED = 0.05  # of the lines; fewer may be the margin of fields that were moved onto each other
VARIED = 16  # different counts in a line, below which it may repeat by chance
JUMP = 2  # counts: less is no edge (JPEG, too, has square blocks of one grey)


def gap(plane: np.ndarray, count: np.ndarray) -> tuple[float, int]:
    """The share of a plane (H, W) of counts that gaps take, and their value; 0.0, 0 without any.

    `count` (65536,) is its histogram.
    """
    for value in _in_blocks(plane, count[: int(plane.max()) + 1]):
        pieces, n = ndimage.label(plane == value)
        large = np.bincount(pieces.ravel(), minlength=n + 1) >= SMALLEST
        large[0] = False
        lost = large[pieces]
        if lost.mean() >= LEAST and _straight(lost) and _jump(plane, lost) > JUMP:
            return float(lost.mean()), int(value)
    return 0.0, 0


def repeated_lines(plane: np.ndarray) -> float:
    """The share of the lines of a plane (H, W) that are equal to an earlier one; 0.0 if small.

    Enlarged pictures, whose columns come in equal pairs, too, are let pass.
    """
    known, again = set(), []
    for number, line in enumerate(plane):
        content = line.tobytes()
        if content in known and len(np.unique(line)) >= VARIED:
            again.append(number)
        known.add(content)
    share = len(again) / len(plane)
    if share < REPEATED or (plane[:, 1:] == plane[:, :-1]).all(axis=0).mean() >= share / 2:
        return 0.0
    return share


def _in_blocks(plane: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Values that are frequent, and as a rule next to themselves along rows or columns; a quarter is looked at."""
    values = np.flatnonzero(count >= LEAST * plane.size)
    if not len(values):
        return values
    pairs = ((plane[:, 1::4], plane[:, :-1:4]), (plane[1::4], plane[:-1:4]))
    shares = []
    for own, other in pairs:
        same = np.bincount(own[own == other], minlength=len(count))[values]
        shares.append(same / np.maximum(np.bincount(own.ravel(), minlength=len(count))[values], 1))
    return values[np.maximum(*shares) >= NEIGHBOURS]


def _straight(lost: np.ndarray) -> bool:
    """Whether the edges of a mask within the plane are straight: SIDE px per corner or more."""
    edges = (lost[:, 1:] != lost[:, :-1]).sum() + (lost[1:] != lost[:-1]).sum()
    corners = lost[1:, 1:] ^ lost[1:, :-1] ^ lost[:-1, 1:] ^ lost[:-1, :-1]
    return bool(edges and edges >= SIDE * corners.sum())


def _jump(plane: np.ndarray, lost: np.ndarray) -> float:
    """The median step (counts) from pixels of a mask to their neighbours outside."""
    steps = [
        np.abs(one.astype(np.int32) - other)[mask != beside]
        for one, other, mask, beside in (
            (plane[:, 1:], plane[:, :-1].astype(np.int32), lost[:, 1:], lost[:, :-1]),
            (plane[1:], plane[:-1].astype(np.int32), lost[1:], lost[:-1]),
        )
    ]
    return float(np.median(np.concatenate(steps)))
