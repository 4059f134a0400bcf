"""Images of a plate on a server, copied to this machine: each with the size that it has there."""

import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from wellread.inputs.bucket import Bucket
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress

log = logging.getLogger("wellread")


def stage(keys: list[str], folder, bucket: Bucket, connections: int = 8) -> None:
    """Copy the objects `keys` of a bucket to `folder`/BUCKET/KEY, so many at a time; `folder` is whole or not there.

    A run that ended before leaves what it copied beside `folder`; that is not copied again if it has the size of its
    object. Objects that are not there are told of, as fields without images may be few. InputError if none are there,
    if they do not fit on the disk, or if the server stays away.
    """
    folder, sizes = Path(folder), bucket.sizes(keys)
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    _check_absent(keys, sizes, bucket)
    missing = {key: part / bucket.name / key for key, size in sizes.items()}
    missing = {key: path for key, path in missing.items() if not _is_there(path, sizes[key])}
    log.info("%d files, %.3g GB; %d are there", len(sizes), sum(sizes.values()) / 1e9, len(sizes) - len(missing))
    _refuse_full_disk(sum(sizes[key] for key in missing), part, bucket)
    with ThreadPoolExecutor(connections) as pool:
        copies = [pool.submit(bucket.copy, key, path, sizes[key]) for key, path in missing.items()]
        try:
            for copy in progress(as_completed(copies), "stage", len(copies), "files"):
                copy.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    os.replace(part, folder)


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _check_absent(keys: list[str], sizes: dict[str, int], bucket: Bucket) -> None:
    """A warning of objects that are not there; InputError if none are."""
    absent = [key for key in keys if key not in sizes]
    found = f"{len(absent)} of {len(keys)} are not there, such as s3://{bucket.name}/{(absent or [''])[0]}"
    if keys and not sizes:
        raise InputError("the images that the LoadData table names", found, bucket.where, "bucket, or replace")
    if absent:
        log.warning("%s", found)


def _refuse_full_disk(needed: int, folder: Path, bucket: Bucket) -> None:
    """InputError if files of so many bytes do not fit."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        expected, edit = f"{needed / 1e9:.3g} GB of free disk", "free some, or name fewer plates"
        raise InputError(expected, f"{free / 1e9:.3g} GB at {folder.absolute()}", bucket.where, edit)
