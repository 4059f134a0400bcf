"""The report of 136 plates of 384 wells, 100,000 cells on the map: bytes, time, memory, time until it can be used.

python tests/benchmarks/page.py [FOLDER]    (a browser is timed if /usr/bin/chromium and Playwright are there)
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow")]

from wellread.profiles import tables  # noqa: E402
from wellread.report.page import report  # noqa: E402
from wellread.runtime import table_files  # noqa: E402

PLATES, ROWS, COLUMNS, CELLS, TREATMENTS, SIZE, CROP = 136, 16, 24, 100_000, 12_000, 256, 24
CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
CONFIG = {
    "seed": 0,
    "datasets": {"screen": {"channels": CHANNELS, "object": "cell", "pixel_size": 0.6}},
    "models": {"net": {"encoder": {"vit": {}}}},
    "corrections": {"none": [], "sphering": [{"sphering": {}}]},
    "tasks": {},
    "figures": {},
    "hits": {},
}


def wells(rng) -> pd.DataFrame:
    """The wells table: 16 controls a plate, all other wells by treatments in any order."""
    names = [f"{chr(65 + r)}{c + 1:02d}" for r in range(ROWS) for c in range(COLUMNS)]
    frame = pd.DataFrame([(f"plate {p:03d}", well) for p in range(PLATES) for well in names], columns=["plate", "well"])
    compounds = np.array([f"BRD-K{i:08d}-001-01-1" for i in range(TREATMENTS)])
    treatment = compounds[rng.permutation(len(frame)) % TREATMENTS]
    control = np.arange(len(frame)) % (ROWS * COLUMNS) < 16
    frame["treatment"] = np.where(control, "DMSO", treatment)
    frame["control"] = np.where(control, "negative", "")
    frame["batch"] = frame["plate"].str[-1]
    return frame.assign(
        moa=np.where(control, "", [f"mechanism {hash_ % 300}" for hash_ in rng.integers(0, 300, len(frame))])
    )


def write(folder: Path) -> tuple[dict, pd.DataFrame]:
    """All results of the screen below `folder`, as the rules write them; their paths by kind, and the wells table."""
    rng, home = np.random.default_rng(0), folder / "results/screen"
    known = wells(rng)
    for channel in CHANNELS:
        tifffile.imwrite(folder / f"{channel}.tif", rng.integers(0, 4000, (SIZE, SIZE), dtype=np.uint16))
    cells = pd.concat(
        [_plate(home / plate, own, folder, rng) for plate, own in known.groupby("plate")], ignore_index=True
    )
    for correction in CONFIG["corrections"]:
        _profiles(home / "profiles/net" / correction, known, cells if correction == "none" else cells[:0], rng)
    table_files.write(_hits(rng), home / "hits.parquet", "hits")
    kinds = {
        "fields": "parquet",
        "calibration": "npz",
        "cells": "parquet",
        "lost": "parquet",
        "crops": "npy",
        "masks": "tif",
    }
    inputs = {kind: sorted(map(str, home.glob(f"plate*/{kind}.{end}"))) for kind, end in kinds.items()}
    inputs |= {
        kind: sorted(map(str, home.glob(f"profiles/*/*/{name}.parquet")))
        for kind, name in (("profiles", "well"), ("maps", "map"))
    }
    return inputs | {"hits": [str(home / "hits.parquet")]}, known


def _plate(home: Path, own: pd.DataFrame, images: Path, rng) -> pd.DataFrame:
    """Every well has a field, all of the same images; cells are shared out."""
    home.mkdir(parents=True)
    n = CELLS // PLATES + 1
    fields = own[["plate", "well"]].reset_index(drop=True).assign(site="1", status="ok", detail="", flags="")
    fields.insert(0, "field", np.arange(len(fields)))
    numbers = {
        f"{q}_{c}": rng.uniform(1, 2, len(fields)) for q in ("mean", "p99", "saturated", "focus") for c in CHANNELS
    }
    fields = fields.assign(**{f"path_{c}": str(images / f"{c}.tif") for c in CHANNELS}, **numbers)
    table_files.write(fields, home / "fields.parquet", "fields")
    at = np.sort(rng.integers(0, len(fields), n))
    cells = fields.loc[at, ["plate", "well", "site", "field"]].reset_index(drop=True)
    cells = cells.assign(label=1, area=150.0, nucleus_area=60.0, eccentricity=0.3, flags="")
    table_files.write(cells, home / "cells.parquet", "cells")
    table_files.write(cells[:0].assign(reason=""), home / "lost.parquet", "lost")
    np.save(home / "crops.npy", rng.integers(0, 255, (n, len(CHANNELS), CROP, CROP), dtype=np.uint8))
    limits, flat = np.tile([100.0, 3000.0], (len(CHANNELS), 1)), np.ones((len(CHANNELS), 1, 1), np.float32)
    np.savez(
        home / "calibration.npz",
        illumination=flat,
        dark=np.zeros(5, np.float32),
        limits=limits,
        channels=np.array(CHANNELS),
    )
    masks = np.zeros((2 * len(fields), SIZE // 8, SIZE // 8), np.uint8)
    masks[:, 8:16, 8:16] = 1
    tifffile.imwrite(home / "masks.tif", masks, photometric="minisblack")
    return cells.assign(row=np.arange(n))


def _profiles(home: Path, known: pd.DataFrame, cells: pd.DataFrame, rng) -> None:
    home.mkdir(parents=True)
    meta = known.assign(object_count=2, control_use=np.where(known["control"] == "negative", "evaluate", "")).rename(
        columns=tables.column
    )
    table_files.write(tables.join(meta, rng.normal(size=(len(known), 8))), home / "well.parquet", "profiles")
    treatments = known[["treatment"]].drop_duplicates().rename(columns={"treatment": "item"}).assign(kind="treatment")
    parts = [
        known[["plate", "well"]].assign(kind="well", item=known["treatment"]),
        treatments,
        cells[["plate", "well", "row"]].assign(kind="cell"),
    ]
    points = pd.concat(parts, ignore_index=True).fillna({"plate": "", "well": "", "item": "", "row": -1})
    points = points.assign(**{name: rng.normal(size=len(points)) for name in ("x", "y", "distance")}).astype(
        {"row": "int64"}
    )
    table_files.write(points, home / "map.parquet", "maps")


def _hits(rng) -> pd.DataFrame:
    names = [f"BRD-K{i:08d}-001-01-1" for i in range(TREATMENTS)]
    frame = pd.DataFrame({"model": "net", "correction": "sphering", "treatment": names, "wells": 4, "cells": 8})
    frame = frame.assign(
        active=pd.array(rng.integers(0, 4, TREATMENTS), "Int64"), agree=True, distance=rng.uniform(1, 9, TREATMENTS)
    )
    for test in ("map", "mahalanobis", "energy"):
        numbers = {f"{test}{end}": rng.uniform(0, 1, TREATMENTS) for end in ("", "_low", "_high", "_p", "_q", "_floor")}
        frame = frame.assign(**numbers, **{f"{test}_active": pd.array(rng.random(TREATMENTS) < 0.5, "boolean")})
    return frame.assign(reason="", nearest_1=names[::-1], nearest_1_cosine=0.9, moa="mechanism")


def in_browser(html: Path) -> float:
    """Seconds until a click on the page is answered; plots are drawn when they come near the window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page, start = browser.new_page(), time.perf_counter()
        page.goto(html.as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
        ready = time.perf_counter() - start
        start = time.perf_counter()
        page.evaluate("wellread.draw('plates')")
        print(f"plates drawn in {time.perf_counter() - start:.1f} s, when they come near the window")
        page.evaluate("wellread.draw('map')")
        start = time.perf_counter()
        page.select_option("#map .pair", label="net, none")
        page.select_option("#map .kind", "cells")
        shown = "wellread.model('map cells').data.x.length >= 100000"
        page.wait_for_function(shown, timeout=120_000)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        print(f"100,000 cells shown after {time.perf_counter() - start:.1f} s")
        browser.close()
    return ready


def main(folder: Path) -> None:
    inputs, known = write(folder)
    print(f"{len(known):,} wells written; memory so far {_gigabytes():.2f} GB", flush=True)
    start, html = time.perf_counter(), folder / "screen.html"
    report(html, "screen", inputs, known, CONFIG)
    print(
        f"page: {html.stat().st_size / 1e6:.2f} MB in {time.perf_counter() - start:.0f} s, {_gigabytes():.2f} GB",
        flush=True,
    )
    if Path("/usr/bin/chromium").is_file():
        print(f"interactive after {in_browser(html):.1f} s")


def _gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
