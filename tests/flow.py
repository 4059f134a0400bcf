"""Running the workflow in a folder of its own: what the tests of the DAG share."""

import hashlib
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import forked
import numpy as np
import tifffile
import torch
import yaml
from paths import ROOT
from wellread.encoder import views
from wellread.painted import layout
from wellread.painted.paint import paint


@cache
def compile_views() -> None:
    """Compile the views beside their source, so that no clone has to."""
    crops, how = torch.zeros(2, 1, 8, 8, dtype=torch.uint8), views.augmentation(["DNA"])
    views.render(crops, views.draw_view(torch.Generator(), how, 2, 8), 4, how)


def clone(folder: Path) -> Path:
    """A copy of what a user has after cloning, without results, but with compiled views."""
    compile_views()
    for name in ("workflow", "config", "envs", "resources"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("*.pyc"))
    (folder / "slurm").symlink_to("workflow/profiles/slurm")
    return folder


def write_config(folder: Path, config: dict, name: str = "test.yaml") -> Path:
    """Write a config below the clone; its path."""
    path = folder / name
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return path


def words(*arguments: str, config: str = "test.yaml") -> list[str]:
    """What a user would type after `snakemake`."""
    return ["--cores", "2", "--configfile", config, *arguments]


def command(*arguments: str, config: str = "test.yaml") -> list[str]:
    """The snakemake command a user would type."""
    return [sys.executable, "-m", "snakemake", *words(*arguments, config=config)]


def snakemake(
    folder: Path, *arguments: str, config: str = "test.yaml", fine: bool = True, seconds: float = 1800
) -> str:
    """Run snakemake in `folder`; its output, after checking that it ended well (fine=False: that it did not)."""
    well, output = forked.snakemake(folder, words(*arguments, config=config), seconds)
    assert well == fine, output
    return output


def planned(folder: Path, *targets: str, config: str = "test.yaml") -> set[str]:
    """What a run would do now: the rules, with their plate where they have one."""
    jobs = set()
    for block in re.split(
        r"\n(?=(?:local)?rule \w+:)", snakemake(folder, "-n", "--quiet", "host", "--", *targets, config=config)
    ):
        if rule := re.match(r"(?:local)?rule (\w+):", block):
            plate = re.search(r"wildcards:.*?plate=([^,\s]+)", block)
            jobs.add(f"{rule[1]} {plate[1]}" if plate else rule[1])
    return jobs - {"all"}


def replace(path: Path, old: str, new: str) -> None:
    """Edit a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


PAINTED = {"wells": 24, "fields": 1, "size": 160, "cells": 7.0}
ODD = "\"5'/<script>alert(1)</script> $x_1$ é"  # a treatment as users may spell it


def small_config(**changes) -> dict:
    """Two painted plates of 24 wells and an encoder of a few steps; `changes` replace top-level keys."""
    model = {
        "encoder": {"vit": {"arch": "tiny", "dim": 32, "depth": 2, "heads": 2, "image": 32, "patch": 8}},
        "train": {"dino": {"prototypes": 64, "hidden": 64, "bottleneck": 32, "temperature_epochs": 1}},
        "fit": {"batch": 16, "epochs": 4, "warmup_epochs": 1, "checkpoint_every": 2},
        "plates": ["P1", "P2"],
    }
    return {
        "device": "cpu",
        "datasets": {
            "small": {
                "images": {"table": {"path": "images.csv"}},
                "wells": "wells.csv",
                "channels": ["DNA", "RNA", "ER", "AGP", "Mito"],
                "segment": {"otsu_watershed": {"cell": "RNA"}},
                "crops": {"size": 40},
            }
        },
        "models": {"tiny": model},
        "corrections": {"none": [], "sphering": [{"sphering": {"regularisation": 0.1}}]},
        "tasks": {
            "activity": {"measure": {"average_precision": {"null_size": 200}}},
            "nuclei": {"measure": {"segmentation": {"truth": "raw/{plate}/truth.tif"}}},
        },
        "figures": {
            "similarity": {"level": "treatment", "draw": {"similarity": {"label": "moa"}}},
            "overlays": {"look": {"fields": {"each": 2}}},
            "cells": {"look": {"cells": {"each": 4}}},
        },
    } | changes


def small(folder: Path, plates: tuple[str, ...] = ("P1", "P2"), **changes) -> Path:
    """A clone with the small config, its tables and its raw images; one field is empty, one treatment oddly named."""
    clone(folder)
    for plate in plates:
        paint(plate, folder / "raw", **PAINTED)
    write_tables(folder, plates)
    noise = np.random.default_rng(0).normal(230, 5, (PAINTED["size"],) * 2)
    for path in images_table(plates).iloc[0][list(layout.CHANNELS)]:
        tifffile.imwrite(folder / path, noise.astype(np.uint16))
    write_config(folder, small_config(**changes))
    return folder


def write_tables(folder: Path, plates: tuple[str, ...]) -> None:
    """images.csv and wells.csv of the painted plates."""
    wells = layout.layout(plates=3, wells=PAINTED["wells"]).query("plate in @plates")
    wells.replace({"treatment": {"lobulin-A": ODD}}).to_csv(folder / "wells.csv", index=False)
    images_table(plates).to_csv(folder / "images.csv", index=False)


def images_table(plates: tuple[str, ...]):
    """The images table of the painted plates."""
    return layout.images("raw", plates=3, **PAINTED).query("plate in @plates")


TIMED = r"results/(logs/|benchmarks/|models/[^/]+/checkpoint\.pt|reports/[^/]+\.run\.json$)"


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every result but those that tell the time: logs, benchmarks, run times, checkpoints (their files)."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    digests = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {name: digest for name, digest in digests.items() if not re.match(TIMED, name)}
