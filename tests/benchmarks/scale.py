"""What planning costs at the size of real screens: CPU seconds and memory of a dry run and of the start of one job.

python tests/benchmarks/scale.py [FOLDER [PLATES FIELDS]]: writes tables and, empty, the image files that planning looks
for. Without figures it measures 136 plates of 500,000 fields; the other screen of interest is `2000 7000000`, whose
images table is Parquet. A dry run is made twice: the first reads the tables, the second finds the plan; then one of
the screen with all results there, empty, and with one more plate in its tables. With `simulate` in the place of FOLDER:
what running such screens would take (see `makespan`).
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import makespan
import pandas as pd
import pyarrow as pa
import yaml
from pyarrow import csv, parquet
from wellread.plan import kept, raw_files

ROOT = Path(__file__).parents[2]
CSV = 1_000_000  # rows of an images table up to which it is text, else Parquet
CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
WELLS = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
START = "A0000"  # a plate of four fields, which are no images: its first job ends as soon as it has started
MODEL = {"encoder": {"random": {"dim": 64, "depth": 4, "heads": 2, "patch": 8, "image": 48}}}  # frozen


def screen(folder: Path, plates: int, fields: int) -> Path:
    """Write the tables of a screen of 384-well plates below `folder`, and its config; return the config's path."""
    names = [START, *(f"P{number:04d}" for number in range(1, plates))]
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat([wells(plate) for plate in names]).to_csv(folder / "wells.csv", index=False)
    schema = pa.Schema.from_pandas(images(START, 4), preserve_index=False)
    with parquet.ParquetWriter(folder / "images.parquet", schema) as file:
        for plate in names:
            rows = images(plate, 4 if plate == START else fields // (plates - 1))
            file.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False))
            touch(folder, rows)
    if fields <= CSV:
        parquet.read_table(folder / "images.parquet").to_pandas().to_csv(folder / "images.csv", index=False)
        (folder / "images.parquet").unlink()
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(settings(folder), sort_keys=False))
    return config


def wells(plate: str) -> pd.DataFrame:
    """The wells of a plate: 64 negative controls, and 320 compounds of 32 mechanisms."""
    own = pd.DataFrame({"plate": plate, "well": WELLS, "batch": plate[:3]})
    own["treatment"] = [f"c{number}" if number >= 64 else "DMSO" for number in range(384)]
    own["moa"] = [f"m{number % 32}" if number >= 64 else "" for number in range(384)]
    return own.assign(control=["" if number >= 64 else "negative" for number in range(384)])


def images(plate: str, fields: int) -> pd.DataFrame:
    """The fields of a plate, with a path of every channel relative to the folder of the screen."""
    places = [(WELLS[number % 384], number // 384 + 1) for number in range(fields)]
    own = pd.DataFrame({"plate": plate, "well": [w for w, _ in places], "site": [str(s) for _, s in places]})
    stems = f"images/{plate}/" + own["well"] + "_s" + own["site"]
    return own.assign(**{channel: stems + f"_{channel}.tif" for channel in CHANNELS})


def touch(folder: Path, rows: pd.DataFrame) -> None:
    """Make the files of a plate that planning looks for, empty."""
    rows = rows.sort_values(["well", "site"], key=lambda values: values.str.pad(4), ignore_index=True)
    for path in raw_files.files(raw_files.sampled(rows), CHANNELS):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def settings(folder: Path) -> dict:
    """The config of a screen: one frozen model, counts of cells as a baseline, one correction, two tasks."""
    dataset = {
        "images": {"table": {"path": str(next(folder.glob("images.*"))), "root": str(folder)}},
        "wells": str(folder / "wells.csv"),
        "channels": CHANNELS,
        "segment": {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}},
        "crops": {"size": 48},
    }
    return {
        "device": "cpu",
        "datasets": {"screen": dataset},
        "models": {"frozen": MODEL, "cells": {"encoder": {"cell_count": {}}}},
        "corrections": {"none": [], "sphering": [{"standardize": {}}, {"sphering": {}}]},
        "tasks": {
            "mechanism": {"level": "treatment", "measure": {"nearest_class": {"label": "moa"}}},
            "activity": {"measure": {"average_precision": {}}},
        },
    }


def timed(folder: Path, what: str, *arguments, **environment) -> None:
    """Run Snakemake in `folder` and print the CPU seconds and the memory that it took."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), *arguments]
    with open(folder / "output.txt", "w") as output:
        where = {"cwd": folder, "env": os.environ | environment}
        process = subprocess.Popen(command, **where, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"{what:<36} {seconds:7.1f} CPU s {megabytes:7.0f} MB  exit {os.waitstatus_to_exitcode(status)}", flush=True)


def start_of_a_job(folder: Path, config: Path) -> None:
    """What the process costs that an executor starts for a job, up to the first pixel: `calibrate` of a plate.

    It finds the plan of its run as a job does, by the environment that executors pass on.
    """
    job = [
        "--target-jobs",
        f"calibrate:dataset=screen,plate={START}",
        "--allowed-rules",
        "calibrate",
        "--mode",
        "remote",
    ]
    common = ["--configfile", str(config), "--cores", "1", "--force", "--nolock", "--executor", "local"]
    plan = max((folder / kept.FOLDER).glob("*.json"), key=lambda path: path.stat().st_mtime)
    timed(folder, "one job", *common, *job, **{kept.RUN: plan.stem})


def one_more_plate(folder: Path, config: Path) -> None:
    """What planning costs when a plate comes to a screen that is finished, and which jobs are left to do."""
    images_table, wells_table = (next(folder.glob(f"{name}.*")) for name in ("images", "wells"))
    finish(folder, config)
    (folder / "grown").mkdir(exist_ok=True)
    rows = images("NEW", 384)
    touch(folder, rows)
    append(images_table, rows, folder / "grown" / images_table.name)
    append(wells_table, wells("NEW"), folder / "grown" / wells_table.name)
    section = settings(folder / "grown")
    section["datasets"]["screen"]["images"]["table"]["root"] = str(folder)
    (folder / "grown" / "config.yaml").write_text(yaml.safe_dump(section, sort_keys=False))
    timed(folder, "one more plate", "-n", "--quiet", "host", "--configfile", "grown/config.yaml")
    blocks = re.split(r"\nrule ", (folder / "output.txt").read_text())[1:]
    plates = Counter(found[1] for block in blocks if (found := re.search(r"plate=([^,\s]+)", block)))
    print(f"jobs by plate {dict(plates)}, of all plates {len(blocks) - plates.total()}", flush=True)
    shutil.rmtree(folder / "results")


def finish(folder: Path, config: Path) -> None:
    """Make every file that a run would write, empty and of one time."""
    timed(folder, "dry run, all told", "-n", "--quiet", "host", "--configfile", str(config))
    lines = re.findall(r"^ +output: (.*)$", (folder / "output.txt").read_text(), re.MULTILINE)
    for path in {path.split(" ")[0] for line in lines for path in line.split(", ")}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    now = time.time_ns()
    for path in filter(Path.is_file, (folder / "results").rglob("*")):
        os.utime(path, ns=(now, now))


def append(table: Path, rows: pd.DataFrame, to: Path) -> None:
    """Write a table with further rows to another path, as text or Parquet."""
    have = parquet.read_table(table) if table.suffix == ".parquet" else csv.read_csv(table)
    more = pa.concat_tables([have, pa.Table.from_pandas(rows, preserve_index=False).cast(have.schema)])
    (parquet.write_table if table.suffix == ".parquet" else csv.write_csv)(more, to)


def main(folder: str, plates: int = 136, fields: int = 500_000) -> None:
    """Generate a screen in `folder`, unless it is there, and print what planning it costs."""
    place = Path(folder).resolve() / f"{plates}_{fields}"
    config = place / "config.yaml" if (place / "config.yaml").is_file() else screen(place, plates, fields)
    print(f"{plates} plates, {fields} fields", flush=True)
    for what in ("dry run, new tables", "dry run again"):
        timed(place, what, "-n", "--quiet", "all", "--configfile", str(config))
    start_of_a_job(place, config)
    one_more_plate(place, config)


if __name__ == "__main__" and sys.argv[1:2] == ["simulate"]:
    makespan.main(*map(int, sys.argv[2:]))
elif __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(), *map(int, sys.argv[2:]))
