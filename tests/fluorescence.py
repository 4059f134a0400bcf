"""Fields with nuclei drawn by hand (BBBC038), and the nuclei found in them: for a test and a benchmark."""

import numpy as np
from paths import SHARED
from PIL import Image
from truth import pooled_f1
from wellread.calibrate import plate
from wellread.segment.nuclei import find_nuclei
from wellread.segment.size import typical_diameter

DATA = SHARED / "data"
FIELDS = DATA / "dsb2018_fluo"


def fields(step: int = 1, start: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """(counts (H, W), labels (H, W)) of every `step`-th field, in the order of their names."""
    names = sorted(path.name for path in (FIELDS / "images").glob("*.png"))[start::step]
    return [tuple(np.asarray(Image.open(FIELDS / kind / name)) for kind in ("images", "labels")) for name in names]


def rescaled(counts: np.ndarray, labels: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The field at another magnification: counts averaged or interpolated, labels of the nearest pixel."""
    size = tuple(round(side * scale) for side in counts.shape[::-1])
    smooth = Image.fromarray(counts.astype(np.float32)).resize(size, Image.BOX if scale < 1 else Image.BILINEAR)
    nearest = Image.fromarray(labels.astype(np.int32)).resize(size, Image.NEAREST)
    return np.round(np.asarray(smooth)), np.asarray(nearest)


def calibrated(counts: np.ndarray, percentiles=(0.05, 99.95)) -> np.ndarray:
    """A field as its plate's only one."""
    limits = np.percentile(counts, percentiles)[None]
    return plate.calibrated(counts[None], np.ones((1, 1, 1)), np.zeros(1), limits)[0]


def segmented(counts: np.ndarray) -> np.ndarray:
    """Nuclei of a field whose plate is only itself: its size of nuclei is estimated from it alone."""
    plane = calibrated(counts)
    return find_nuclei(plane, typical_diameter([plane]))


def scores(true: list, labels: list, iou: float = 0.5) -> tuple[float, float]:
    """F1 over all nuclei, and the mean over fields of the F1 of each."""
    return pooled_f1(true, labels, iou), float(
        np.mean([pooled_f1([t], [f], iou) for t, f in zip(true, labels, strict=True)])
    )
