"""What the masks of a plate say of how well it suits its segmenter: outlines of nuclei, fields without any."""

import numpy as np
import tifffile
from skimage import segmentation

from wellread.alarms.plate_result import ENOUGH, PlateResult
from wellread.segment.merge_pieces import ellipse_fill, moments

ROUND = 0.93  # share of its ellipse that a nucleus fills at least
FIELDS = 8  # whose outlines are looked at


def ragged_nuclei(plate: PlateResult) -> float:
    """The share of nuclei that fill less than ROUND of the ellipse with their second moments, in some fields.

    Other stains, and clumps cut into pieces, have ragged outlines. NaN where nuclei are few, or merged on purpose.
    """
    options = next(iter((plate.dataset["segment"] or {"": {}}).values()))
    if "masks" not in plate.paths or options.get("merge_distance") or plate.nucleus_areas.empty:
        return np.nan
    numbers = np.unique(plate.objects["field"])
    some = numbers[np.linspace(0, len(numbers) - 1, min(len(numbers), FIELDS)).astype(int)]
    fills = np.concatenate([_fills(tifffile.imread(plate.paths["masks"], key=2 * int(field))) for field in some])
    return float(np.mean(fills < ROUND)) if len(fills) >= ENOUGH else np.nan


def _fills(nuclei: np.ndarray) -> np.ndarray:
    """How much of its ellipse every nucleus, labels (H, W), fills, those at the border left out."""
    whole, _, _ = segmentation.relabel_sequential(segmentation.clear_border(nuclei))
    return ellipse_fill(moments(whole, whole))[1:]


def empty_fields(plate: PlateResult) -> float:
    """The share of good fields in which nothing was found."""
    if "objects" not in plate.paths or plate.fields.empty:
        return np.nan
    return 1 - plate.objects["field"].nunique() / len(plate.fields)
