"""A small finished run with the oddities a ledger and a report must bear, written where the rules would write it."""

import json
from copy import deepcopy
from types import SimpleNamespace

import made_profiles
import numpy as np
import pandas as pd
import tifffile
from wellread.measure.hits import hits
from wellread.pictures.maps import maps
from wellread.profiles import controls
from wellread.profiles.consensus import consensus
from wellread.profiles.correct import correct
from wellread.runtime import table_files
from wellread.runtime.registry import pick

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
ODD = '<script>alert("x")</script>/"é"'
TREATMENTS = {"DMSO": "", ODD: "a & b", "cost $5_a$": "a & b", "plain": "c|d", "other": "c|d"}
WELLS = [f"{row}{column:02d}" for row in "BCD" for column in range(2, 6)]
SIZE, CROP = 64, 24
SPOTS = [(16, 16), (16, 44), (44, 30), (60, 60)]  # the last is too near the edge for a crop
EMPTY, SPARSE, UNKNOWN, UNSEEN = "B05", "C05", "D05", "H12"  # wells of P1: see `_write_plate` and `wells`
CONFIG = {
    "seed": 3,
    "datasets": {"demo": {"channels": CHANNELS, "object": "cell", "aggregate": {"min_cells": 2}}},
    "models": {"tiny": {"encoder": {"vit": {"arch": "tiny"}}}, "other": {"train": {"dino": {}}}},
    "corrections": {"none": [], "sphering": [{"sphering": {"regularisation": 0.1}}]},
    "tasks": {
        "moa": {"level": "treatment", "measure": {"nearest_class": {"batch": "plate", "permutations": 5}}},
        "activity": {"level": "well", "measure": {"average_precision": {"null_size": 20}}},
    },
    "figures": {
        "map": {"level": "treatment", "draw": {"umap": {}}},
        "likeness": {"level": "treatment", "draw": {"similarity": {}}},
    },
}


def write(folder, figures: bool = True) -> SimpleNamespace:
    """Write the run below `folder`; returns what `ledger` and `report` take: images, plates, wells, inputs, config."""
    home = folder / "results" / "demo"
    rng = np.random.default_rng(0)
    known = wells()
    images = pd.concat([_write_plate(home / plate, plate, rng) for plate in ("P1", "P2")], ignore_index=True)
    for plate in ("P1", "P2"):
        _embed(home / plate, known, rng)
    for model in CONFIG["models"]:
        _write_model(folder / "results" / "models" / model, model)
        _write_results(home, model, known, figures)
    return SimpleNamespace(images=images, wells=known, plates=_plates(home), profiles=_profiles(home),
                           inputs=_inputs(folder, home), config=CONFIG)  # fmt: skip


def explorable(folder, names=()) -> SimpleNamespace:
    """The run of `write` with doses, the list of hits of tiny and its maps; `names`: {treatment: another name}."""
    run, home = write(folder, figures=False), folder / "results/demo"
    for path in (home / "profiles" / "tiny" / correction for correction in CONFIG["corrections"]):
        frame = table_files.read(path / "well.parquet", "profiles").replace({"Metadata_treatment": dict(names)})
        frame["Metadata_dose"] = np.where(frame["Metadata_control"] == "negative", 0.0, 1.5)
        table_files.write(frame, path / "well.parquet", "profiles")
        files = [[home / p / name for p in ("P1", "P2")] for name in ("cells.parquet", "embeddings/tiny.npy")]
        cells = files if path.name == "none" else ([], [])
        table_files.write(maps(frame, consensus(frame), *cells, seed=0, method="tsne"), path / "map.parquet", "maps")
    frame = table_files.read(home / "profiles/tiny/none/well.parquet", "profiles")
    found = hits(frame, controls.swapped(frame), 3, model="tiny", correction="none", null_size=20)
    table_files.write(found, home / "hits.parquet", "hits")
    run.inputs |= {"hits": [home / "hits.parquet"], "maps": sorted(home.glob("profiles/*/*/map.parquet"))}
    run.config = deepcopy(CONFIG) | {"hits": {"threshold": 0.05}}
    run.wells = run.wells.replace({"treatment": dict(names)})
    return run


def wells() -> pd.DataFrame:
    """Four controls and two wells of each treatment a plate; of P1 one well is not in it, and one has no images."""
    names = [*["DMSO"] * 4, *[name for name in TREATMENTS if name != "DMSO"] * 2]
    rows = [
        (plate, well, f"batch {plate}", name, "negative" if name == "DMSO" else "", TREATMENTS[name])
        for plate in ("P1", "P2")
        for well, name in zip(WELLS, names, strict=True)
        if (plate, well) != ("P1", UNKNOWN)
    ]
    rows.append(("P1", UNSEEN, "batch P1", "plain", "", "c|d"))
    return pd.DataFrame(rows, columns=["plate", "well", "batch", "treatment", "control", "moa"])


def _write_plate(home, plate, rng) -> pd.DataFrame:
    """Two fields a well. P1: a well without cells, one with a single cell. P2: a missing and a blank field."""
    home.mkdir(parents=True)
    fields, cells, lost, pages = [], [], [], []
    for number, (well, site) in enumerate([(well, site) for well in WELLS for site in "12"]):
        spots = SPOTS
        if plate == "P1" and well == EMPTY:
            spots = []
        if plate == "P1" and well == SPARSE:
            spots = SPOTS[:1] if site == "1" else []
        status = {0: "missing", 5: "blank"}.get(number, "ok") if plate == "P2" else "ok"
        labels, picture = _paint(spots if status == "ok" else [], rng)
        pages += list(labels)
        paths = {f"path_{c}": str(home / f"{well}_{site}_{c}.tif") for c in CHANNELS}
        for channel, path in enumerate(paths.values()):
            tifffile.imwrite(path, picture[channel])
        place = {"plate": plate, "well": well, "site": site}
        quality = {f"{q}_{c}": rng.uniform(1, 2) for q in ("mean", "p99", "saturated", "focus") for c in CHANNELS}
        detail = "" if status == "ok" else f"{plate} <b>{well}</b>"
        fields.append({"field": number, **place, **paths, "status": status, "detail": detail, "flags": ""}
                      | (quality if status == "ok" else {}))  # fmt: skip
        for label, (y, x) in enumerate(spots if status == "ok" else [], start=1):
            cell = {**place, "field": number, "label": label}
            if (y, x) == SPOTS[-1]:
                lost.append(cell | {"reason": "edge", "flags": ""})
            else:
                cells.append(cell | {"y": y, "x": x, "area": 150.0, "nucleus_area": 60.0, "eccentricity": 0.3,
                                     "flags": ""})  # fmt: skip
    fields = pd.DataFrame(fields)
    table_files.write(fields, home / "fields.parquet", "fields")
    table_files.write(pd.DataFrame(cells), home / "cells.parquet", "cells")
    table_files.write(pd.DataFrame(lost), home / "lost.parquet", "lost")
    table_files.write(pd.DataFrame(cells + lost).sort_values(["field", "label"]), home / "objects.parquet", "objects")
    limits = np.tile([100.0, 3000.0], (len(CHANNELS), 1))
    flat = np.ones((len(CHANNELS), 1, 1), np.float32)
    dark = np.zeros(len(CHANNELS), np.float32)
    np.savez(home / "calibration.npz", illumination=flat, dark=dark, limits=limits, channels=np.array(CHANNELS))
    masks = np.array(pages, np.int32).reshape(len(fields), 2, SIZE, SIZE)
    tifffile.imwrite(home / "masks.tif", masks, bigtiff=True, compression="zlib", photometric="minisblack")
    np.save(home / "crops.npy", rng.integers(0, 200, (len(cells), len(CHANNELS), CROP, CROP), dtype=np.uint8))
    return fields[["plate", "well", "site"]]


def _paint(spots, rng) -> tuple[np.ndarray, np.ndarray]:
    """Labels (2, H, W) and counts (C, H, W) of round cells."""
    y, x = np.mgrid[:SIZE, :SIZE]
    labels = np.zeros((2, SIZE, SIZE), np.int32)
    for label, (cy, cx) in enumerate(spots, start=1):
        distance = np.hypot(y - cy, x - cx)
        labels[0][distance < 5] = label
        labels[1][distance < 9] = label
    counts = rng.poisson(200, (len(CHANNELS), SIZE, SIZE)) + 1500 * (labels[1] > 0)
    counts[0] += 1000 * (labels[0] > 0) - 1400 * ((labels[1] > 0) & (labels[0] == 0))
    return labels, counts.astype(np.uint16)


def _embed(home, known, rng) -> None:
    """Embeddings that know treatment and plate."""
    cells = pd.read_parquet(home / "cells.parquet").merge(known, on=["plate", "well"], how="left")
    (home / "embeddings").mkdir()
    for model, width in (("tiny", 6), ("other", 8)):
        towards = {name: np.random.default_rng(i).normal(size=width) for i, name in enumerate(TREATMENTS)}
        X = rng.normal(size=(len(cells), width)) + [towards.get(name, np.zeros(width)) for name in cells["treatment"]]
        np.save(home / "embeddings" / f"{model}.npy", (X + 2 * (home.name == "P2")).astype(np.float32))


def _write_model(home, model) -> None:
    """A model's card; only `tiny` was trained here."""
    home.mkdir(parents=True)
    encoder = {"channels": 5, "image": 24, "patch": 8, "dim": 6, "depth": 2, "heads": 2}
    card = {"channels": CHANNELS, "image": 24, "encoder": encoder, "sha256": "0123456789abcdef" * 4}
    (home / "model.json").write_text(json.dumps(card))
    if model == "tiny":
        steps = np.arange(0, 100, 10)
        falling = {name: 5 * np.exp(-steps / 30) + i for i, name in enumerate(("loss", "global", "koleo", "ibot"))}
        health = {"entropy": steps / 50, "feature_sd": 0.9, "effective_rank": 5.0, "lr": 1e-3}
        table_files.write(
            pd.DataFrame({"step": steps, "epoch": 0, **falling, **health}), home / "training.parquet", "training"
        )


def _write_results(home, model, known, figures) -> None:
    """Profiles, tasks and figures of a model, made by the real functions."""
    tables_of = [home / plate / "cells.parquet" for plate in ("P1", "P2")]
    embeddings = [home / plate / "embeddings" / f"{model}.npy" for plate in ("P1", "P2")]
    pooling = CONFIG["datasets"]["demo"]["aggregate"]
    _, well = made_profiles.aggregated(home / "pooled" / model, tables_of, embeddings, known, seed=3, **pooling)
    for correction, steps in CONFIG["corrections"].items():
        profiles = {"well": correct(well, steps, seed=3)}
        profiles["treatment"] = consensus(profiles["well"])
        table_files.write(profiles["well"], home / "profiles" / model / correction / "well.parquet", "profiles")
        for name, task in CONFIG["tasks"].items():
            values = pick("measure", task["measure"])(profiles[task["level"]], 3)
            table_files.write(values, home / "tasks" / name / f"{model}_{correction}.parquet", "answers")
        for name, figure in CONFIG["figures"].items() if figures else ():
            out = home / "figures" / name / f"{model}_{correction}.png"
            pick("draw", figure["draw"])(profiles[figure["level"]], 3, out)


def _plates(home) -> dict:
    paths = {
        plate: {kind: home / plate / f"{kind}.parquet" for kind in ("fields", "cells", "lost", "objects")}
        for plate in ("P1", "P2")
    }
    for plate, own in paths.items():
        own["embeddings"] = {model: home / plate / "embeddings" / f"{model}.npy" for model in CONFIG["models"]}
    return paths


def _profiles(home) -> dict:
    return {model: home / "profiles" / model / "none" / "well.parquet" for model in CONFIG["models"]}


def _inputs(folder, home) -> dict:
    """Lists of paths by kind, as the rule of the report has them; the ledger is for the test to write."""
    kinds = {
        "calibration": "npz",
        "fields": "parquet",
        "masks": "tif",
        "crops": "npy",
        "cells": "parquet",
        "lost": "parquet",
    }
    inputs = {kind: sorted(map(str, home.glob(f"P*/{kind}.{end}"))) for kind, end in kinds.items()}
    models = folder / "results" / "models"
    return inputs | {
        "model": sorted(map(str, models.glob("*/model.json"))),
        "training": sorted(map(str, models.glob("*/training.parquet"))),
        "profiles": sorted(map(str, home.glob("profiles/*/*/well.parquet"))),
        "tasks": sorted(map(str, home.glob("tasks/*/*.parquet"))),
        "figures": sorted(map(str, home.glob("figures/*/*.png"))),
    }
