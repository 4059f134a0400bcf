"""What a run will take: cells, disk, memory, time, from a sample of fields and the config. Good to a factor of two.

Times of fields and cells are those that the sample took on this machine; networks are counted in operations, of which
the machine does a share of what it does in a multiplication of matrices; all other jobs take what such jobs took in
runs of the demo (see `later`).
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from threadpoolctl import threadpool_limits

from wellread.encoder.sizes import image_side, size_in, vectors
from wellread.plan.dag import Plan
from wellread.plan.resources import SPEED
from wellread.preview import later
from wellread.preview.sample import Sample
from wellread.train.footprint import Pass, step_footprint

EFFICIENCY = 0.22  # of the speed of a multiplication of matrices that training of small networks reaches on a core
GAIN = 1.3  # by which training is faster on several cores: its views and small matrices hardly use them
MB_OF = {"images": 330, "network": 570, "profiles": 250, "draw": 430}  # of a process that has imported what it needs
FLOATS = 8  # copies of a field in 32 bits that a process of a step holds
OF_FIELDS = 0.5  # of the seconds of segmenting a sample: the rest is how large nuclei are, found once for a plate
ROW = 240  # bytes of a cell in the tables of objects, cells and losses, compressed
PAGE = 1.5e6  # bytes of a page without pictures; these and the next ones as in a run of the demo
PICTURED, SPRITE = 2000, 1500  # cells at most that are pictured on a page; bytes of each
PICTURES = {"look": 1.5e6, "draw": 2e5, "page": 3e5}  # bytes of a figure by its kind, and of its copy on the page
VALUE, TABLES = 8, 5e4  # bytes of a number in a table of profiles; of all else in those of a model and a correction
WEIGHT = {"file": 4, "state": 12, "frozen": 4}  # bytes of a weight: of the encoder, in a checkpoint, of the teacher's


@dataclass
class Costs:
    """`cells` of every dataset; `disk` in bytes, of it `crops`; `memory` in MB at the peak; CPU `seconds` by step."""

    cells: dict[str, int]
    crops: float
    disk: float
    memory: float
    seconds: dict[str, float]
    cores: int

    @property
    def time(self) -> float:
        """Seconds on all cores."""
        return sum(map(self.lasts, self.seconds))

    def lasts(self, step: str) -> float:
        """The seconds of a step on all cores."""
        return self.seconds[step] / (min(self.cores, GAIN) if step == "train" else self.cores)


def costs(plan: Plan, samples: dict[str, list[Sample]], cores: int) -> Costs:
    """The costs of a run from its beginning, from the samples of all datasets with images."""
    cells = {name: cells_of(plan, name, own) for name, own in samples.items()}
    sides = {name: max((one.side for one in own), default=0) for name, own in samples.items()}
    seconds, crops, disk = {}, 0.0, sum(_model_bytes(plan, model, sides) for model in plan.trainings())
    disk += sum(_result_bytes(plan, name, cells.get(name, 0)) for name in plan.config["datasets"])
    for name, own in samples.items():
        crops += cells[name] * sides[name] ** 2 * (len(plan.config["datasets"][name]["channels"]) + 1)
        disk += _other_bytes(plan, name, own, cells[name])
        for step, spent in _of_fields(plan, name, own, cells[name]).items():
            seconds[step] = seconds.get(step, 0) + spent
    seconds |= _of_networks(plan, cells, sides) | later.seconds(plan, cells)
    memory = max(_memory(plan, samples, cells, sides, cores).values())
    return Costs(cells, crops, crops + disk, memory, seconds, cores)


def cells_of(plan: Plan, dataset: str, samples: list[Sample]) -> int:
    """The cells that get a crop: as many in every field as in the samples, weighed by the fields of their plates."""
    images, section = plan.images[dataset], plan.config["datasets"][dataset]
    sizes = images["plate"].value_counts()
    seen = [one for one in samples if one.has("fields")]
    if not seen:
        return 0
    cells = [len(one.table("cells")) / len(one.table("fields")) for one in seen]
    weights = [sizes[one.plate] for one in seen]
    wells = len(images[["plate", "well"]].drop_duplicates())
    most = section["crops"]["max_per_well"] * wells or np.inf
    return round(min(len(images) * np.average(cells, weights=weights), most))


def _other_bytes(plan: Plan, dataset: str, samples: list[Sample], cells: int) -> float:
    """Bytes of masks, tables, embeddings and painted images."""
    fields = len(plan.images[dataset])
    seen = max(sum(len(one.table("fields")) for one in samples), 1)
    masks = sum(os.path.getsize(one.path("masks")) for one in samples if one.has("masks")) / seen * fields
    numbers = sum(_dim(plan, dataset, model) for model in plan.models(dataset) if plan.reads_crops(model))
    return (
        masks
        + cells * (ROW + 4 * numbers)
        + (_painted_bytes(plan, dataset, _shape(samples)) if plan.is_painted(dataset) else 0)
        + _staged_bytes(samples) / seen * fields
    )


def _model_bytes(plan: Plan, model: str, sides: dict[str, int]) -> float:
    """Bytes of a trained model: its weights, its last state and those that are kept on the way."""
    fit, step = plan.config["models"][model]["fit"], _step(plan, model, sides)
    states = fit["keep_last"] + (fit["epochs"] // fit["snapshot_epochs"] if fit["snapshot_epochs"] else 0)
    state = WEIGHT["state"] * step.weights + WEIGHT["frozen"] * step.frozen
    return WEIGHT["file"] * step.weights + states * state


def _result_bytes(plan: Plan, dataset: str, cells: int) -> float:
    """Bytes of profiles, figures and the page of a dataset."""
    images, models, chains = plan.images[dataset], plan.models(dataset), len(plan.chains_of(dataset))
    rows = len(images) + 2 * len(images[["plate", "well"]].drop_duplicates())  # fields, wells by both halves
    profiles = sum(chains * (TABLES + VALUE * rows * _dim(plan, dataset, model)) for model in models)
    look, drawn = len(plan.looks(dataset)), len(plan.results(dataset, "figures", "draw")) + len(plan.patches(dataset))
    figures = look * PICTURES["look"] + drawn * PICTURES["draw"]
    return profiles + figures + PAGE + SPRITE * min(cells, PICTURED) + PICTURES["page"] * (look + drawn)


def _staged_bytes(samples: list[Sample]) -> int:
    """Bytes of the images of the samples that were copied from a server."""
    return sum(path.stat().st_size for one in samples for path in (one.folder / "staged").rglob("*") if path.is_file())


def _painted_bytes(plan: Plan, dataset: str, shape: tuple[int, int]) -> float:
    """Bytes of painted images, two a pixel."""
    return 2.0 * np.prod(shape) * len(plan.config["datasets"][dataset]["channels"]) * len(plan.images[dataset])


def _shape(samples: list[Sample]) -> tuple[int, int]:
    """Height and width (px) of a field."""
    return next((one.opened.shape for one in samples if one.usable), (1, 1))


def _dim(plan: Plan, dataset: str, model: str) -> int:
    """The dimensions of what a model makes of a cell, as far as the config says."""
    ((name, options),) = plan.encoder(model).items()
    dim = options.get("dim") or (size_in(options)["dim"] if "arch" in options else 64)
    each = options.get("each_channel") or name == "bag_of_channels"
    channels, embed = plan.config["datasets"][dataset]["channels"], plan.config["models"][model]["embed"]
    return (len(channels) if each else 1) * dim * vectors(embed["features"], embed["blocks"])


def _of_fields(plan: Plan, dataset: str, samples: list[Sample], cells: int) -> dict[str, float]:
    """CPU seconds of the steps that look at fields, in proportion to what they took of the samples."""
    seen, fields = max(sum(len(one.table("fields")) for one in samples), 1), len(plan.images[dataset])
    cut = max(sum(len(one.table("cells")) for one in samples), 1)
    share = {"crops": cells / cut, "segment": OF_FIELDS * fields / seen}
    spent = {
        step: sum(one.seconds.get(step, 0) for one in samples) for step in ("paint", "calibrate", "segment", "crops")
    }
    return {step: seconds * share.get(step, fields / seen) for step, seconds in spent.items() if seconds}


def _of_networks(plan: Plan, cells: dict[str, int], sides: dict[str, int]) -> dict[str, float]:
    """CPU seconds, or those of a graphics card, of training and embedding."""
    speed = (
        SPEED if plan.config["device"] != "cpu" and Path("/dev/nvidia0").exists() else EFFICIENCY * multiplications()
    )
    work = {"train": 0.0, "embed": 0.0}
    for model in plan.config["models"]:
        if model in plan.trainings():
            work["train"] += _training_steps(plan, model, cells) * _step(plan, model, sides).flop
        for dataset in plan.config["models"][model]["embed_on"]:
            work["embed"] += _forward(plan, model, sides.get(dataset, 0), cells.get(dataset, 0))
    return {step: flop / speed for step, flop in work.items() if flop}


def _step(plan: Plan, model: str, sides: dict[str, int]):
    section = plan.config["models"][model]
    side = max((sides.get(name, 0) for name in section["train_on"]), default=0)
    vit = section["encoder"]["vit"]
    vit = vit | {"image": image_side(vit["image"], side, vit["patch"])}
    how = vit, section["train"], section["fit"], plan.processes(model)
    return step_footprint(len(plan.channels(model)), *how, side)


def _training_steps(plan: Plan, model: str, cells: dict[str, int]) -> float:
    section, fit = plan.config["models"][model], plan.config["models"][model]["fit"]
    share = len(plan.training_plates(model)) / max(sum(len(plan.plates(name)) for name in section["train_on"]), 1)
    own = share * sum(cells.get(name, 0) for name in section["train_on"])
    batch = max(min(fit["batch"], own), 1)
    return fit["epochs"] * (fit.get("epoch_length") or own / batch) * batch / fit["batch"] * fit["accumulate"]


def _forward(plan: Plan, model: str, side: int, cells: int) -> float:
    """Operations of embedding cells by a transformer; other encoders are few, and fast."""
    ((_, options),) = plan.encoder(model).items()
    if not plan.reads_crops(model) or "patch" not in options:
        return 0.0
    size = size_in(options)
    image = image_side(options["image"], side, options["patch"])
    views = 8 * cells if plan.config["models"][model]["embed"]["turn"] else cells
    return Pass(views, 1 + (image // options["patch"]) ** 2, size["dim"], size["depth"], trained=False).flop


def multiplications() -> float:
    """Operations per second of a multiplication of matrices (512, 512) in 32 bits, on one core."""
    matrix, best = np.random.default_rng(0).random((512, 512), np.float32), np.inf
    with threadpool_limits(1):
        for _ in range(5):
            start = process_time()
            matrix @ matrix
            best = min(best, process_time() - start)
    return 2 * 512**3 / best


def _memory(plan: Plan, samples, cells: dict, sides: dict, cores: int) -> dict[str, float]:
    """MB of the jobs that take most."""
    found = {"draw": MB_OF["draw"], "profiles": MB_OF["profiles"]}
    for name, own in samples.items():
        field = 4 * np.prod(_shape(own)) * len(plan.config["datasets"][name]["channels"])
        found[f"segment {name}"] = MB_OF["images"] + min(cores, 4) * FLOATS * field / 2**20
    for model in plan.trained():
        fit, step = plan.config["models"][model]["fit"], _step(plan, model, sides)
        found[f"train {model}"] = MB_OF["network"] + step.memory(bf16=fit["precision"] == "bf16") / 2**20
    return found


def free_bytes(folder=".") -> int:
    """Bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def total_memory() -> float:
    """MB of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
