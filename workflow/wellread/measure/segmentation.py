"""Quality of masks by ground truth: how many objects were found, missed, merged and split, and how their shapes agree.

F1 and AP match objects at an intersection over union (IoU) above a threshold of at least one half, where no object can
have two matches. AP is that of Kaggle's Data Science Bowl 2018: TP / (TP + FP + FN). Overall values are of the counts
of all fields together, so every object has the same weight; `*_mean` is the mean over fields, where every field has.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import tifffile
from skimage.segmentation import clear_border as without_border_objects

from wellread.calibrate.plate import open_plate
from wellread.inputs import label_images, references
from wellread.measure.tidy import row, table
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

PLANES = {"nucleus": 0, "cell": 1}
MATCHED_IOU = 0.5  # above it, no object can have two matches
MOSTLY = 0.5  # an object lies mostly where more than this proportion of its area lies
COUNTS = ("true", "found", "missed", "extra", "merged", "split")


@dataclass(frozen=True)
class Overlap:
    """Areas (px) of the n true and m found objects, (n,) and (m,), and `shared` (n, m) by each pair."""

    shared: np.ndarray
    true: np.ndarray
    found: np.ndarray

    @classmethod
    def of(cls, true: np.ndarray, found: np.ndarray) -> "Overlap":
        """The overlap of two label images (H, W), where 0 is background."""
        (true_ids, t), (found_ids, f) = (np.unique(x, return_inverse=True) for x in (true, found))
        n, m = len(true_ids), len(found_ids)
        shared = np.bincount(t.ravel() * m + f.ravel(), minlength=n * m).reshape(n, m)
        objects = np.ix_(true_ids > 0, found_ids > 0)
        return cls(shared[objects], shared.sum(1)[true_ids > 0], shared.sum(0)[found_ids > 0])

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of every pair (n, m)."""
        return self.shared / (self.true[:, None] + self.found - self.shared)

    def true_positives(self, iou: float) -> int:
        """How many true objects have a match above this IoU."""
        return int((self.iou > iou).sum())

    def error_counts(self) -> dict[str, int]:
        """Objects missed and extra (mostly background in the other image), merged and split.

        A found object is merged if several true ones lie mostly within it; a true one is split if several found do.
        """
        return {
            "missed": int((self.shared.sum(1) <= MOSTLY * self.true).sum()),
            "extra": int((self.shared.sum(0) <= MOSTLY * self.found).sum()),
            "merged": int(((self.shared > MOSTLY * self.true[:, None]).sum(0) > 1).sum()),
            "split": int(((self.shared > MOSTLY * self.found).sum(1) > 1).sum()),
        }

    def aji(self) -> tuple[int, int]:
        """Numerator and denominator of the aggregated Jaccard index (Kumar et al. 2017, algorithm 1).

        Every true object is paired with the found one of highest IoU, which may have several pairs; found objects
        without one count in the denominator.
        """
        if not self.shared.size:
            return 0, int(self.true.sum() + self.found.sum())
        rows, best = np.arange(len(self.true)), self.iou.argmax(1)
        shared = self.shared[rows, best]
        paired = shared > 0
        union = self.true + np.where(paired, self.found[best] - shared, 0)
        unpaired = np.setdiff1d(np.arange(len(self.found)), best[paired])
        return int(shared.sum()), int(union.sum() + self.found[unpaired].sum())


@choice("measure", masks=True, patterns=("truth",))
def segmentation(
    plates, *, truth: str, of: str = "nucleus", kind: str = "labels", clear_border: bool = False,
    iou=(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
) -> pd.DataFrame:  # fmt: skip
    """Compare the masks of `plates`, [(fields.parquet, calibration.npz, masks.tif)], with label images.

    `truth` is the pattern of their paths, `kind` what they hold, `of` which masks are compared, `iou` the thresholds.
    `clear_border` leaves out, in both, objects at the border of their field, which some ground truths do not have.
    Returns a tidy table (metric, item, repeat, value, n), per field and, with the item "", overall: f1_T and ap_T of
    every threshold T, ap (the mean of ap_T), mean_iou of matched objects, aji, numbers of objects true, found, missed,
    extra, merged, split; `left_out` counts fields. Raises InputError if no field has a label image.
    """
    counted, left_out = {}, {"no label image": 0, "field left out": 0}
    for fields, calibration, masks in plates:
        plate = open_plate(str(fields), str(calibration))
        for number in progress(plate.fields.index, "score", unit="field"):
            place = plate.metadata(number)
            if not references.path_of(truth, place).exists():
                left_out["no label image"] += 1
            elif plate.fields.loc[number, "status"] != "ok":
                left_out["field left out"] += 1
            else:
                found = tifffile.imread(masks, key=2 * number + PLANES[of])
                pair = label_images.read(truth, place, found.shape, kind, PLANES[of]), found
                true, found = map(without_border_objects, pair) if clear_border else pair
                counted["/".join((place["plate"], place["well"], place["site"]))] = counts(true, found, iou)
    if not counted:
        found = ", ".join(f"{reason}: {n}" for reason, n in left_out.items())
        raise InputError("label images of some fields", f"none at {truth} ({found})", "measure.segmentation", "truth")
    rows = [line for field, count in counted.items() for line in metrics(count, iou, field)]
    overall = metrics(pd.DataFrame(counted.values()).sum(), iou) + _field_means(rows)
    total = sum(left_out.values()) + len(counted)
    return table(overall + rows + [row("left_out", n, total, why) for why, n in left_out.items()])


def counts(true: np.ndarray, found: np.ndarray, thresholds) -> dict:
    """Counts of two label images (H, W) that can be added up over fields."""
    overlap = Overlap.of(true, found)
    matched = overlap.iou[overlap.iou > MATCHED_IOU]
    numbers = {f"tp_{t:.2f}": overlap.true_positives(t) for t in thresholds} | overlap.error_counts()
    numbers |= {"true": len(overlap.true), "found": len(overlap.found)}
    numbers |= {"matched": len(matched), "iou": matched.sum()}
    return numbers | dict(zip(("aji_shared", "aji_union"), overlap.aji(), strict=True))


def metrics(count, thresholds, item: str = "") -> list[dict]:
    """Result rows of all metrics of one field, or of several whose counts were added up."""
    n = count["true"]
    true_positives, both = {f"{t:.2f}": count[f"tp_{t:.2f}"] for t in thresholds}, n + count["found"]
    values = {f"f1_{t}": _ratio(2 * tp, both) for t, tp in true_positives.items()}
    values |= {f"ap_{t}": _ratio(tp, both - tp) for t, tp in true_positives.items()}
    values["ap"] = np.mean([values[f"ap_{t}"] for t in true_positives])
    values["aji"] = _ratio(count["aji_shared"], count["aji_union"])
    values |= {name: count[name] for name in COUNTS}
    iou = count["iou"] / count["matched"] if count["matched"] else np.nan
    return [row(name, value, n, item) for name, value in values.items()] + [
        row("mean_iou", iou, count["matched"], item)
    ]


def _field_means(rows: list[dict]) -> list[dict]:
    """Means over fields of the metrics that are ratios."""
    frame = pd.DataFrame(rows)
    ratios = frame[frame["metric"].str.match("f1_|ap|aji")].groupby("metric", sort=False)["value"]
    return [row(f"{metric}_mean", values.mean(), values.count()) for metric, values in ratios]


def _ratio(part: float, whole: float) -> float:
    """part / whole; 1, the best value, for an empty field in which nothing was found."""
    return part / whole if whole else 1.0
