"""Files (and folders) that are either whole or not there: written beside their target, then renamed."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path


def schemas() -> Path:
    """The folder of schemas: beside the package in a checkout, in the package where it was installed."""
    package = Path(__file__).parents[1]
    beside = package.parent / "schemas" / "config.schema.yaml"
    return beside.parent if beside.is_file() else package / "schemas"


@contextmanager
def whole(path):
    """Yield a temporary path in the folder of `path`; rename it to `path` once the block ended well.

    The name carries the process id, so an orphan of a killed run and its successor never write the same file;
    what a killed process left behind is removed by the next writer of the same target.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.part{path.suffix}"):
        if not _alive(int(stale.name.removeprefix(f".{path.name}.").split(".")[0])):
            remove(stale)
    part = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        if path.is_dir():
            remove(path)
        os.replace(part, path)
    finally:
        remove(part)


def remove(path: Path) -> None:
    """Delete a file or a folder that may not be there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def read_yaml(path):
    """What a YAML file holds, read by libyaml where there is one: ten times as fast as in Python."""
    import yaml

    return yaml.load(Path(path).read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
