"""Which channel shows nuclei: they are alike in size and stand out from what is around them, as other stains do not."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from wellread.segment.nuclei import find_nuclei
from wellread.segment.size import typical_diameter

FEW = 8  # objects, fewer tell nothing
SEEN = 640  # px, side of the middle of a field that is looked at
FLOOR, CLOSE = 0.1, 2  # spread below which sizes are equal; times the best, channels are about as good
UNEVEN, BETTER = 0.5, 0.6  # spread from which on nuclei are doubted; times that, another channel's is much less


class Likeness(NamedTuple):
    """Of what would be nuclei in a channel: the `spread` of their areas, and how bright they are to what is around."""

    spread: float  # interquartile range over median
    edge: float  # mean within over mean just outside


def likeness(plane: np.ndarray) -> Likeness | None:
    """The likeness to nuclei of what is found in a plane (H, W), 0 to 1; None if that is next to nothing."""
    top, left = (max(side - SEEN, 0) // 2 for side in plane.shape)
    plane = plane[top : top + SEEN, left : left + SEEN]
    labels = find_nuclei(plane, typical_diameter([plane]))
    areas = np.bincount(labels.ravel())[1:]
    if len(areas) < FEW:
        return None
    low, middle, high = np.percentile(areas, (25, 50, 75))
    inside = labels > 0
    around = ndimage.binary_dilation(inside, iterations=2) & ~ndimage.binary_dilation(inside)
    return Likeness(
        (high - low) / middle, plane[inside].mean() / max(plane[around].mean(), 1e-6) if around.any() else 1.0
    )


def better_channel(field: dict[str, np.ndarray], nucleus: str) -> str:
    """A channel of a field, {channel: (H, W)}, that shows nuclei far better than the channel `nucleus`, or "".

    One whose objects vary at most BETTER times as much in area as those of `nucleus`, which vary by more than UNEVEN,
    and stand out at least as much. Where nothing like nuclei is found, one that has an even size of objects.
    """
    own = likeness(field[nucleus])
    if own and own.spread <= UNEVEN:
        return ""
    others = {name: found for name, plane in field.items() if name != nucleus and (found := likeness(plane))}
    limit = BETTER * own.spread if own else UNEVEN
    fits = {
        name: found
        for name, found in others.items()
        if found.spread <= limit and found.edge >= (own.edge if own else 2)
    }
    return min(fits, key=lambda name: fits[name].spread, default="")


def nuclei_channel(field: dict[str, np.ndarray]) -> str:
    """The first channel of a field whose objects are about the most alike in size and stand out; "" if none has any."""
    found = {name: (one.spread + FLOOR) / one.edge for name, plane in field.items() if (one := likeness(plane))}
    best = min(found.values(), default=0)
    return next((name for name in found if found[name] <= CLOSE * best), "")
