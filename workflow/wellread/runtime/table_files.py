"""Tables between the steps: Parquet files that say what they are and in which version of its meaning.

A step that changes what a column means raises the version here; files of an older run are then refused by every reader,
instead of being taken for something else. Other programs read the files as any Parquet.
"""

from contextlib import ExitStack, contextmanager

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

VERSIONS = {
    "fields": 1,  # a field of view: quality, flags, status
    "objects": 1,  # everything that segmentation found
    "rejected": 1,  # what segmentation found and is no nucleus, with the reason
    "cells": 1,  # objects with a crop, row i is crop i
    "lost": 1,  # objects without one, with the reason
    "pooled": 1,  # a field of view with cells: their number; row i is pooled embedding i
    "training": 1,  # a logged step of training
    "profiles": 1,  # of fields, wells or treatments
    "answers": 1,  # metric, item, repeat, value, n
    "choices": 1,  # unit, fold, correction: its value without the fold, whether it was chosen
    "ladder": 1,  # task, metric, correction, model, baseline: their paired difference
    "hits": 1,  # a treatment (at a dose): how it differs from controls, by three tests
    "collected": 2,  # dataset, task, metric, model, correction: its value, interval, repeats, drop, published value
    "maps": 1,  # a point: kind (well, treatment, cell), what it is, where it lies
    "alarms": 1,  # code, of, found, limit, edit
    "ledger": 1,  # plate, stage, model, reason, n
}
KEY = b"wellread"
ROWS = 10_000  # that are written at a time, at least: of hundreds of columns, each costs more than its first values


def write(frame: pd.DataFrame, path, kind: str) -> None:
    """Write a table of a `kind` (a key of VERSIONS) to Parquet, without its index, whole or not at all."""
    with parts(path, kind) as add:
        add(frame)


@contextmanager
def parts(path, kind: str):
    """Write a table of a `kind` in parts: yields a function that appends a frame; whole or not at all.

    Columns of all frames are those of the first one, and types those of the first ROWS rows.
    """
    with whole(path) as part, ExitStack() as stack:
        writer, waiting = None, []

        def write_waiting() -> None:
            nonlocal writer
            frame = pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else waiting[0]
            waiting.clear()
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or stack.enter_context(_writer(part, table.schema, kind))
            writer.write_table(table.cast(writer.schema))

        def add(frame: pd.DataFrame) -> None:
            waiting.append(frame)
            if sum(map(len, waiting)) >= ROWS:
                write_waiting()

        yield add
        if waiting:
            write_waiting()


def _writer(part, schema: pa.Schema, kind: str) -> pq.ParquetWriter:
    """A writer of a file; numbers that hardly repeat are written as they are, not by way of a dictionary."""
    repeated = [field.name for field in schema if not pa.types.is_floating(field.type)]
    schema = schema.with_metadata((schema.metadata or {}) | {KEY: _label(kind)})
    return pq.ParquetWriter(part, schema, use_dictionary=repeated or False)


def read(path, kind: str, columns: list[str] | None = None, filters=None) -> pd.DataFrame:
    """Read a table of a `kind`, or some of its columns and rows; InputError if it is of another kind or version."""
    check(path, kind)
    return pd.read_parquet(path, columns=columns, filters=filters)


def columns(path, kind: str) -> list[str]:
    """The names of the columns of a table of a `kind`."""
    return check(path, kind).schema.to_arrow_schema().names


def check(path, kind: str) -> pq.FileMetaData:
    """The metadata of a table's file; InputError if it is no whole table of this kind and version."""
    expected, edit = _label(kind).decode(), "delete this file, so that the step that wrote it runs again"
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"a table: {expected}", str(error).splitlines()[0], str(path), edit) from error
    found = (metadata.metadata or {}).get(KEY, b"a table without a version, from an older run").decode()
    if found != expected:
        raise InputError(f"a table: {expected}", found, str(path), edit)
    return metadata


def _label(kind: str) -> bytes:
    return f"{kind} {VERSIONS[kind]}".encode()
