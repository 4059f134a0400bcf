"""What LINCS and JUMP would take on given cores and graphics cards, simulated from measured rates.

python tests/benchmarks/scale.py simulate [CORES GPUS]: makespan, GPU hours, peak disk and files of a screen whose crops
do not stay (`keep_crops: false`), embedded by a ViT-S/8 at 128 px that is given, or trained first on one card, as in
config/presets/cell_painting.yaml. Plates are taken in their order by whatever is free; images are read from elsewhere;
steps of a dataset, minutes to hours, come after that. Times of cards are counted in operations, not measured.
"""

import heapq
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import yaml
from wellread.encoder.sizes import size_of
from wellread.plan import settings
from wellread.plan.resources import SPEED
from wellread.train.footprint import Pass, step_footprint

PRESET = Path(__file__).parents[2] / "config" / "presets" / "cell_painting.yaml"
SCREENS = {"LINCS": 136, "JUMP": 2000}  # plates
FIELDS, CHANNELS, SIDE = 384 * 9, 5, 160  # of a plate; of an image; px of a crop
# CPU seconds of a field of 5 x 1080 x 1080 px, by calibrate, segment (otsu_watershed) and crops twice: 8 painted ones,
# one thread, on a core of a shared x86 machine under load, so that they err on the side of too much
OF_FIELD = 0.10 + 1.98 + 2 * 0.06
CELLS = 94  # of a field with a crop, there; 124 were found
MASKS, ROWS = 39_300, 230  # bytes of a field's masks; of a cell in the tables of objects, cells and losses
CROP = SIDE**2 * (CHANNELS + 1)  # bytes, and those of its outlines
OF_JOB = 5.8  # CPU seconds from the start of a job to its first pixel, as scale.py measures it
THREADS = 4  # of a job that looks at fields
SIZE = {"arch": "small", "patch": 8, "image": 128}
FILES = 21  # of a plate that stay: 7 results, 2 pooled ones, a log and a benchmark of six jobs
OF_DATASET = 76  # files, as the demo has them


@dataclass
class Found:
    """`hours` from the first job to the last profile; `gpu_hours` of all cards; `peak` and `kept` in bytes; `files`."""

    hours: float
    gpu_hours: float
    peak: float
    kept: float
    files: int


def simulate(plates: int, cores: int, gpus: int, trained: bool) -> Found:
    """A run of a screen: crops stay until training has ended, or, without, until their plate is embedded."""
    cells, events = CELLS * FIELDS, []  # of a plate; (hour, change of bytes)
    cut_hours = (OF_FIELD * FIELDS / THREADS + 4 * OF_JOB) / 3600
    cut = spread([0.0] * plates, [0.0] * max(cores // THREADS, 1), cut_hours)
    training = training_hours() if trained else 0.0
    ready = [max(cut) + training] * plates if trained else cut
    embedding = cells * flop() / SPEED / 3600 + OF_JOB / 3600
    done = spread(ready, [0.0] * gpus, embedding)
    for first, last in zip(cut, ready if trained else done, strict=True):
        events += [(first, cells * CROP), (last, -cells * CROP)]
    if trained:  # cut again, plate by plate
        events += [e for last in done for e in ((last - embedding, cells * CROP), (last, -cells * CROP))]
    kept = FIELDS * MASKS + cells * (ROWS + 4 * size_of("small")["dim"])
    events += [(time, kept) for time in done]
    peak, now = 0.0, 0.0
    for _, change in sorted(events):
        peak = max(peak, now := now + change)
    return Found(max(done), plates * embedding + training, peak, plates * kept, plates * FILES + OF_DATASET)


def spread(ready: list[float], workers: list[float], hours: float) -> list[float]:
    """When each of some jobs of so many `hours` ends, taken in order by workers that are free at given times."""
    heapq.heapify(workers)
    ends = []
    for time in ready:
        ends.append(max(time, heapq.heappop(workers)) + hours)
        heapq.heappush(workers, ends[-1])
    return ends


def flop() -> float:
    """Operations of embedding a cell."""
    size = size_of(SIZE["arch"])
    return Pass(1, 1 + (SIZE["image"] // SIZE["patch"]) ** 2, size["dim"], size["depth"], trained=False).flop


def training_hours() -> float:
    """Hours of training as the preset for Cell Painting says, on one card."""
    preset = yaml.safe_load(PRESET.read_text())
    dataset = {"images": {"painted": {}}, "wells": "wells.csv", "channels": ["DNA", "RNA", "ER", "AGP", "Mito"]}
    dataset["segment"] = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}
    (model,) = settings.load(preset | {"datasets": {"d": dataset}})["models"].values()
    fit = model["fit"]
    step = step_footprint(CHANNELS, model["encoder"]["vit"], model["train"], fit, model["processes"], SIDE)
    return fit["epochs"] * fit["epoch_length"] * fit["accumulate"] * step.flop / SPEED / 3600


def main(cores: int = 64, gpus: int = 4) -> None:
    """Print the table of all screens."""
    print(f"{cores} cores, {gpus} cards of {SPEED / 1e12:.0f} teraflop per second\n")
    print("| screen | encoder | makespan | GPU hours | peak disk | stays | files |\n|---|---|---|---|---|---|---|")
    for name, plates in SCREENS.items():
        for trained in (False, True):
            found = simulate(plates, cores, gpus, trained)
            cells = f"{plates} plates, {plates * FIELDS / 1e6:.2g} million fields, {plates * FIELDS * CELLS / 1e6:.0f}"
            times = f"{found.hours:.0f} h | {found.gpu_hours:.0f}"
            disk = f"{found.peak / 1e12:.1f} TB | {found.kept / 1e12:.2f} TB | {found.files:,}"
            print(f"| {name}: {cells} million cells | {'trained' if trained else 'given'} | {times} | {disk} |")
