"""How well `otsu_watershed` finds nuclei and cells that others drew, and its cost beside a plain Otsu and watershed.

    python tests/benchmarks/nuclei.py [SEGMENT]

SEGMENT, a section `segment` of a config in YAML, names another segmenter of nuclei in one channel (DNA) and cells in
another (cell): `{unet: {}}`, `{cellpose: {weights: PATH, sha256: HASH}}`. Printed are, for the 245 fields of
BBBC038 as they are, at half and at double size, F1 at three intersections over union: over all nuclei, and the mean
over fields; and the same of 30 painted fields of every hard kind (`hard_fields`), each kind a plate, with how much of
debris and fibres stays out.
Magnifications differ from field to field, so every field is a plate of its own: calibrated to its own percentiles, its
size of nuclei estimated from it alone, with the same settings for all. The numbers in the code were chosen on the even
fields (by name), except what keeps the tissue of two embryos and the haze of two fields, all odd, from being taken for
nuclei (`size.MIN_ENERGY`, `nuclei.FAINT`, `nuclei.EXCESS`); both halves are printed. Then the nuclei and cells of five
Cell Painting fields beside those of CellProfiler, which leaves out what touches the border, and the seconds a field
takes. Needs ../shared/data beside the repository; a quarter of an hour.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tifffile
import yaml
from fluorescence import DATA, calibrated, fields, rescaled, scores
from hard_fields import KINDS, hard_field
from scipy import ndimage
from skimage import feature, filters, measure, segmentation
from truth import pooled_f1
from wellread.runtime.registry import pick
from wellread.segment.scene import Scene
from wellread.segment.size import typical_diameter

NF1 = DATA / "cellpainting_fovs" / "nf1_plate2"
IOU = (0.5, 0.7, 0.9)


def main(asked: str = "otsu_watershed: {}"):
    section = yaml.safe_load(asked)
    print("| BBBC038 | fields | " + " | ".join(f"F1 at {iou} pooled, mean" for iou in IOU) + " |")
    print("| --- " * (2 + len(IOU)) + "|")
    pictures = fields()
    for scale in (1, 0.5, 2):
        pairs = [(true, alone(counts, section)) for counts, true in (rescaled(*picture, scale) for picture in pictures)]
        for name, part in (("all", pairs), ("even", pairs[::2]), ("odd", pairs[1::2])):
            f1 = [scores(*zip(*part, strict=True), iou) for iou in IOU]
            print(f"| x{scale} | {name} | " + " | ".join(f"{a:.3f}, {b:.3f}" for a, b in f1) + " |", flush=True)
    hard_kinds(section)
    cell_painting(section)


def alone(counts: np.ndarray, section: dict) -> np.ndarray:
    """Nuclei of a field that is a plate by itself, by the segmenter that `section` names."""
    field = {"DNA": calibrated(counts)}
    return pick("segment", section)(Scene([field], device="auto"))(field, {})[0]


def hard_kinds(section: dict, siblings: int = 30):
    """F1 of painted fields, by kind, and the share of what is no nucleus that is in no nucleus found."""
    print("| painted | true, found | F1 at " + ", ".join(map(str, IOU)) + " | no nuclei, left out |")
    print("| --- " * 4 + "|")
    for kind in KINDS:
        shown = [hard_field(kind, seed) for seed in range(siblings)]
        method = pick("segment", section)(Scene([{"DNA": field.dna} for field in shown[:8]], device="auto"))
        nuclei, true = [method({"DNA": field.dna}, {})[0] for field in shown], [field.nuclei for field in shown]
        f1 = ", ".join(f"{pooled_f1(true, nuclei, iou):.3f}" for iou in IOU)
        out = [
            (labels[field.other == thing] > 0).mean() < 0.5
            for field, labels in zip(shown, nuclei, strict=True)
            for thing in range(1, field.other.max() + 1)
        ]
        counts = sum(labels.max() for labels in true), sum(labels.max() for labels in nuclei)
        print("| {} | {}, {} | {} | {}, {} |".format(kind, *counts, f1, len(out), sum(out)), flush=True)


def cell_painting(section: dict):
    ((name, options),) = section.items()
    dna, er, actin = (channel_of_nf1(channel) for channel in ("DAPI", "GFP", "RFP"))
    true = [measure.label(mask) for mask in masks("Nuclei")]
    for channel, planes in (("ER", er), ("actin", actin)):
        shown = [{"DNA": a, "cell": b} for a, b in zip(dna, planes, strict=True)]
        method = pick("segment", {name: options | {"cell": "cell"}})(Scene(shown, device="auto"))
        nuclei, cells = zip(*[method(field, {}) for field in shown], strict=True)
        inner = [segmentation.clear_border(labels) for labels in nuclei]
        ratios = [*map(foreground, inner, cells, masks("Cells"))]
        print(f"cells in {channel}: foreground IoU {np.mean(ratios):.3f}, of fields {np.round(ratios, 3)}")
    counts = sum(labels.max() for labels in true), sum(len(np.unique(labels)) - 1 for labels in inner)
    print("nuclei of CellProfiler, ours off the border: {}, {}".format(*counts))
    print("F1 at 0.5, 0.7, 0.9: " + ", ".join(f"{pooled_f1(true, inner, iou):.3f}" for iou in IOU))
    matched = np.concatenate([best(*pair) for pair in zip(true, inner, strict=True)])
    print(f"mean IoU of {(matched > 0.5).sum()} matched nuclei {matched[matched > 0.5].mean():.3f}")
    cost(shown, typical_diameter(dna), name, method)


def channel_of_nf1(channel: str) -> list[np.ndarray]:
    planes = [tifffile.imread(path) for path in sorted(NF1.glob(f"Plate_2_images/*_{channel}_001.tif"))]
    low, high = np.percentile(planes, (0.05, 99.95))
    return [((plane - low) / (high - low)).clip(0, 1).astype(np.float32) for plane in planes]


def masks(kind: str) -> list[np.ndarray]:
    return [tifffile.imread(path) > 0 for path in sorted(NF1.glob(f"Plate_2_masks/*_Mask{kind}.tiff"))]


def best(true: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Intersection over union of every true object and what overlaps it best."""
    ratios = []
    for label in range(1, true.max() + 1):
        one = true == label
        there = np.unique(labels[one])
        ratios.append(max(((labels == i) & one).sum() / ((labels == i) | one).sum() if i else 0 for i in there))
    return np.array(ratios)


def foreground(nuclei: np.ndarray, cells: np.ndarray, mask: np.ndarray) -> float:
    """Of cells whose nuclei lie in the mask of cells: of cells at the border CellProfiler kept the nuclei alone."""
    kept = [label for label in np.setdiff1d(nuclei, 0) if mask[nuclei == label].mean() > 0.5]
    ours = np.isin(cells, kept)
    return (ours & mask).sum() / (ours | mask).sum()


def cost(shown: list[dict], diameter: float, name: str, method) -> None:
    seconds = {"plain": [], name: []}
    for _ in range(3):  # in turns, so that a busy machine slows both down
        for kind, way in (("plain", lambda field: plain(field, diameter)), (name, lambda field: method(field, {}))):
            start = time.process_time()
            for field in shown:
                way(field)
            seconds[kind].append((time.process_time() - start) / len(shown))
    size = "x".join(map(str, shown[0]["DNA"].shape))
    least = {kind: min(times) for kind, times in seconds.items()}
    print(f"{size} field: {least[name]:.2f} s, {least[name] / least['plain']:.2f} x plain")


def plain(field: dict, diameter: float):
    """One threshold for all, a watershed of the distance from the border, bodies downhill: without any adapting."""
    smooth = filters.gaussian(field["DNA"], diameter / 16)
    mask = ndimage.binary_fill_holes(smooth > filters.threshold_otsu(smooth))
    depth = filters.gaussian(ndimage.distance_transform_edt(mask), diameter / 12)
    peaks = feature.peak_local_max(depth, min_distance=int(0.4 * diameter), labels=measure.label(mask))
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    nuclei = segmentation.watershed(-depth, seeds, mask=mask)
    smooth = filters.gaussian(field["cell"], 1)
    near = ndimage.distance_transform_edt(nuclei == 0) <= 1.5 * diameter
    mask = (near & (smooth > filters.threshold_li(smooth))) | (nuclei > 0)
    return nuclei, segmentation.watershed(-smooth, nuclei, mask=mask)


if __name__ == "__main__":
    main(*sys.argv[1:])
