"""Masks against the truth: how many objects were found, missed, merged and split, and how well their shapes agree.

F1 and AP match objects at an intersection over union (IoU) above a threshold of at least one half, where no object can
have two partners. AP is that of Kaggle's Data Science Bowl 2018: TP / (TP + FP + FN). Counts of whole datasets are
pooled, so every object weighs alike; `_mean` is the mean over fields, where every field does.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import tifffile
from skimage.segmentation import clear_border as cleared

from wellread.calibrate.plate import open_plate
from wellread.inputs import label_images
from wellread.measure.tidy import row, table
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

PLANES = {"nucleus": 0, "cell": 1}
HALF = 0.5
COUNTS = ("true", "found", "missed", "extra", "merged", "split")


@dataclass(frozen=True)
class Overlap:
    """Areas (px) of n true and m found objects, and of what each pair shares (n, m)."""

    shared: np.ndarray
    true: np.ndarray
    found: np.ndarray

    @classmethod
    def of(cls, true: np.ndarray, found: np.ndarray) -> "Overlap":
        """The overlap of two label images (H, W), 0 being nothing."""
        (true_ids, t), (found_ids, f) = (np.unique(x, return_inverse=True) for x in (true, found))
        n, m = len(true_ids), len(found_ids)
        shared = np.bincount(t.ravel() * m + f.ravel(), minlength=n * m).reshape(n, m)
        objects = np.ix_(true_ids > 0, found_ids > 0)
        return cls(shared[objects], shared.sum(1)[true_ids > 0], shared.sum(0)[found_ids > 0])

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of every pair (n, m)."""
        return self.shared / (self.true[:, None] + self.found - self.shared)

    def hits(self, iou: float) -> int:
        """How many true objects have a partner above this IoU."""
        return int((self.iou > iou).sum())

    def faults(self) -> dict[str, int]:
        """Objects missed and extra (mostly background in the other image), merged and split.

        A found object is merged if several true ones lie mostly within it; a true one is split if several found do.
        """
        return {
            "missed": int((self.shared.sum(1) <= HALF * self.true).sum()),
            "extra": int((self.shared.sum(0) <= HALF * self.found).sum()),
            "merged": int(((self.shared > HALF * self.true[:, None]).sum(0) > 1).sum()),
            "split": int(((self.shared > HALF * self.found).sum(1) > 1).sum()),
        }

    def aji(self) -> tuple[int, int]:
        """Numerator and denominator of the aggregated Jaccard index (Kumar et al. 2017, algorithm 1).

        Every true object takes the found one of highest IoU, which others may take as well; what no one took counts in
        the denominator.
        """
        if not self.shared.size:
            return 0, int(self.true.sum() + self.found.sum())
        rows, best = np.arange(len(self.true)), self.iou.argmax(1)
        shared = self.shared[rows, best]
        taken = shared > 0
        union = self.true + np.where(taken, self.found[best] - shared, 0)
        spare = np.setdiff1d(np.arange(len(self.found)), best[taken])
        return int(shared.sum()), int(union.sum() + self.found[spare].sum())


@choice("measure", masks=True)
def segmentation(
    plates, *, truth: str, of: str = "nucleus", kind: str = "labels", clear_border: bool = False,
    iou=(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
) -> pd.DataFrame:  # fmt: skip
    """Score the masks of `plates`, [(fields.parquet, calibration.npz, masks.tif)], where `truth` names a label image.

    `clear_border` leaves out, in both, what touches the border of its field, as the makers of some truths do.
    Tidy (metric, item, repeat, value, n): per field and, with the item "", overall: f1_T, ap_T of every threshold, ap
    (their mean), mean_iou of the matched, aji, counts of true, found, missed, extra, merged, split; `left_out`: fields.
    """
    counted, lost = {}, {"no label image": 0, "field left out": 0}
    for fields, calibration, masks in plates:
        plate = open_plate(str(fields), str(calibration))
        for number in progress(plate.fields.index, "score", unit="field"):
            place = plate.place(number)
            if not label_images.path_of(truth, place).exists():
                lost["no label image"] += 1
            elif plate.fields.loc[number, "status"] != "ok":
                lost["field left out"] += 1
            else:
                found = tifffile.imread(masks, key=2 * number + PLANES[of])
                pair = label_images.read(truth, place, found.shape, kind, PLANES[of]), found
                true, found = map(cleared, pair) if clear_border else pair
                counted["/".join((place["plate"], place["well"], place["site"]))] = counts(true, found, iou)
    if not counted:
        found = ", ".join(f"{reason}: {n}" for reason, n in lost.items())
        raise InputError("label images of some fields", f"none at {truth} ({found})", "measure.segmentation", "truth")
    rows = [line for field, count in counted.items() for line in figures(count, iou, field)]
    overall = figures(pd.DataFrame(counted.values()).sum(), iou) + _means(rows)
    total = sum(lost.values()) + len(counted)
    return table(overall + rows + [row("left_out", n, total, why) for why, n in lost.items()])


def counts(true: np.ndarray, found: np.ndarray, thresholds) -> dict:
    """What can be added up over fields, of two label images (H, W)."""
    overlap = Overlap.of(true, found)
    matched = overlap.iou[overlap.iou > HALF]
    numbers = {f"hits_{t:.2f}": overlap.hits(t) for t in thresholds} | overlap.faults()
    numbers |= {"true": len(overlap.true), "found": len(overlap.found)}
    numbers |= {"matched": len(matched), "iou": matched.sum()}
    return numbers | dict(zip(("aji_shared", "aji_union"), overlap.aji(), strict=True))


def figures(count, thresholds, item: str = "") -> list[dict]:
    """All figures of one field, or of several whose counts were added up."""
    n = count["true"]
    hits, both = {f"{t:.2f}": count[f"hits_{t:.2f}"] for t in thresholds}, n + count["found"]
    values = {f"f1_{t}": _ratio(2 * hit, both) for t, hit in hits.items()}
    values |= {f"ap_{t}": _ratio(hit, both - hit) for t, hit in hits.items()}
    values["ap"] = np.mean([values[f"ap_{t}"] for t in hits])
    values["aji"] = _ratio(count["aji_shared"], count["aji_union"])
    values |= {name: count[name] for name in COUNTS}
    iou = count["iou"] / count["matched"] if count["matched"] else np.nan
    return [row(name, value, n, item) for name, value in values.items()] + [
        row("mean_iou", iou, count["matched"], item)
    ]


def _means(rows: list[dict]) -> list[dict]:
    """Means over fields of what is a share."""
    frame = pd.DataFrame(rows)
    shares = frame[frame["metric"].str.match("f1_|ap|aji")].groupby("metric", sort=False)["value"]
    return [row(f"{metric}_mean", values.mean(), values.count()) for metric, values in shares]


def _ratio(part: float, whole: float) -> float:
    """Their ratio; an empty field in which nothing was found is perfect."""
    return part / whole if whole else 1.0
