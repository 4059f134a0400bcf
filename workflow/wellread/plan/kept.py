"""Plans that are kept, so that tables are read and checked once and not by every process that is started for a job.

A plan lies below FOLDER, named by a hash of all that it follows from: the config, our code and schemas, the versions of
the packages that read tables, and what the disk says of every file it was read from (as `git` does, see its
`racy-git`: files that changed within the last seconds are not trusted). Where images are found by listing folders or
opening images, a later run lists them again, and only the jobs of this run take what it kept.

KEY.json, begun by its own hash, holds what jobs ask of all plates; KEY.DATASET.parquet the images table, a row group
per plate; KEY.DATASET.sample.parquet those of its rows whose files every run looks for. What is damaged, or cannot be
written, is planned anew.
"""

import hashlib
import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from wellread.inputs.columns import places
from wellread.plan import raw_files
from wellread.plan.provenance import TEMPLATES, rows_hash
from wellread.plan.stamps import settled
from wellread.runtime.files import remove, schemas, whole

FOLDER = Path(".snakemake", "wellread")
RUN = "WELLREAD_PLAN"  # the environment variable that tells jobs the plan of their run
KEPT = 4  # plans; older ones are deleted
PACKAGE = Path(__file__).parents[1]
PARQUET = {"compression": "zstd", "use_dictionary": ["plate", "well", "site"], "write_statistics": False}
READERS = ("pandas", "pyarrow", "numpy", "openpyxl", "jsonschema")


@dataclass
class Kept:
    """A plan that is kept: its `key`, and `known`, what its file tells."""

    key: str
    known: dict
    sure: bool = False  # that the images tables are as they were written

    def rows(self, dataset: str, plate: str) -> pd.DataFrame | None:
        """The rows of one plate in the images table, None if they are not what they were when the plan was made."""
        expected, place, _ = self.known["plates"][dataset][plate]
        with suppress(OSError, ValueError, pa.ArrowException):
            rows = self._tables[dataset].read_row_group(place).to_pandas()
            return rows if self.sure or rows_hash(rows) == expected else None
        return None

    def looked_for(self, dataset: str) -> pd.DataFrame | None:
        """The rows whose files are looked for, `raw_files.SAMPLE` of a plate, None if they may be others by now."""
        with suppress(OSError, pa.ArrowException):
            return parquet.read_table(_table(self.key, f"{dataset}.sample")).to_pandas() if self.sure else None
        return None

    @cached_property
    def _tables(self) -> dict[str, parquet.ParquetFile]:
        return {name: parquet.ParquetFile(_table(self.key, name)) for name in self.known["plates"]}


def rows_of(dataset: str, plate: str, expected: str) -> pd.DataFrame | None:
    """The rows of one plate whose hash is `expected`, from the plan of this run; None if it has no such rows."""
    kept = _read(os.environ.get(RUN, ""))
    if not kept or kept.known["plates"].get(dataset, {}).get(plate, [""])[0] != expected:
        return None
    return kept.rows(dataset, plate)


def of_run(given: dict) -> Kept | None:
    """The plan that the run of this job has kept, if it is one of this config, as it was written, code and versions."""
    kept = _read(os.environ.get(RUN, ""))
    return kept if kept and kept.known["base"] == base(given) else None


def find(given: dict, stamps: list | None) -> Kept | None:
    """The plan of a config, as its user wrote it, and of files as they are now (`stamps.of`); None if none is kept."""
    if stamps is None:
        return None
    kept = _read(_key(given, stamps))
    if kept and kept.known["settled"] and all(_whole(kept, name) for name in kept.known["files"]):
        with suppress(OSError):
            os.utime(_index(kept.key))
        return replace(kept, sure=True)
    return None


def keep(
    given: dict, config: dict, stamps: list | None, images: dict[str, pd.DataFrame], known: dict
) -> Kept | None:  # fmt: skip
    """Keep a plan, with the images table of every dataset and the rest that is `known`; None if that cannot be.

    `given`: the config as its user wrote it; `config`: with defaults, for the jobs; `stamps`: of files, both as before
    the tables were read. Without `stamps` later runs do not find the plan.
    """
    plates = {name: _of_plates(frame) for name, frame in images.items()}
    hashes = {name: _hashes(own) for name, own in plates.items()}
    key = _key(given, hashes if stamps is None else stamps)
    told = {"base": base(given), "config": config, "settled": settled(stamps), "plates": hashes, **known}
    try:
        told["files"] = {}
        for name, own in plates.items():
            sample = pa.Table.from_pandas(raw_files.sampled(images[name]), preserve_index=False)
            told["files"] |= {name: _write(own.values(), _table(key, name))}
            told["files"] |= {f"{name}.sample": _write([sample], _table(key, f"{name}.sample"))}
        text = json.dumps(told)
        with whole(_index(key)) as part:
            part.write_text(f"{_digest(text)}\n{text}")
        _forget()
    except (OSError, pa.ArrowException):
        return None
    return Kept(key, json.loads(text), sure=True)


def base(given: dict) -> str:
    """A hash of what a plan follows from besides files: the config as it was written, code, schemas, versions."""
    return _digest(json.dumps([given, code(), _versions()], default=str))


@cache
def code() -> str:
    """A hash of all our code, with templates and schemas, and of the Python that reads it."""
    ours = [path for path in sorted(PACKAGE.rglob("*.*")) if path.suffix in (".py", *TEMPLATES)]
    sources = [*ours, *sorted(schemas().glob("*.yaml"))]
    return platform.python_version() + hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


@cache
def _versions() -> list[str]:
    return [metadata.version(name) for name in READERS]


def _key(given: dict, tables) -> str:
    return _digest(json.dumps([base(given), tables]))[:32]


def _of_plates(frame: pd.DataFrame) -> dict[str, pa.Table]:
    """The rows of every plate of an images table, which is sorted by plate."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return {plate: table[place] for plate, place in places(frame["plate"]).items()}


def _hashes(plates: dict[str, pa.Table]) -> dict[str, tuple[str, int, int]]:
    """{plate: (hash of its rows, number of its row group, number of its rows)}."""
    return {plate: (rows_hash(rows), place, len(rows)) for place, (plate, rows) in enumerate(plates.items())}


def _write(groups, path: Path) -> str:
    """Write a table of row groups, at least one; the hash of the file."""
    first, *others = groups
    with whole(path) as part:
        with parquet.ParquetWriter(part, first.schema, **PARQUET) as writer:
            for rows in (first, *others):
                writer.write_table(rows)
        return _hash_of(part)


def _whole(kept: Kept, name: str) -> bool:
    """Whether a table is as it was written."""
    try:
        return _hash_of(_table(kept.key, name)) == kept.known["files"][name]
    except OSError:
        return False


def _hash_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(key: str) -> Kept | None:
    try:
        digest, text = _index(key).read_text().split("\n", 1)
        return Kept(key, json.loads(text)) if digest == _digest(text) else None
    except (OSError, ValueError):
        return None


def _forget() -> None:
    """Delete all but the plans that were used last."""
    plans = sorted(FOLDER.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in plans[KEPT:]:
        for file in FOLDER.glob(f"{path.stem}.*"):
            remove(file)


def _index(key: str) -> Path:
    return FOLDER / f"{key}.json"


def _table(key: str, dataset: str) -> Path:
    return FOLDER / f"{key}.{dataset}.parquet"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
