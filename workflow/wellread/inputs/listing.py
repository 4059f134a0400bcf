"""Which files lie below a folder: by names alone, links followed, without looking at any file."""

import os
import re
from difflib import get_close_matches
from pathlib import Path

from wellread.runtime.errors import InputError

NOT_OURS = ("@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information")  # of storage devices and archives
MANY = 2000  # names in a folder from which on none is looked for that is only somewhat alike
SLIPS = {  # of paths, in the order in which they are looked for
    r"file:/": "which is an address: write the path after file://",
    r"[A-Za-z][A-Za-z0-9+.-]+:/": "which is an address, and only files on disks here are read: copy or mount them",
    r"[A-Za-z]:([\\/]|$)": "which is a path of Windows: write where that disk is mounted here, such as /mnt/z/...",
    r".*\\": "which has \\ as on Windows: write / between folders",
    r"~": "where ~ is not replaced by your home folder: write the whole path",
    r".*\$": "where $ names no variable: write the whole path",
}


def files_below(folder, where: str) -> list[str]:
    """The paths of all files below `folder`, relative to it, sorted. InputError if there is no such folder.

    Linked folders are followed, but not back into a folder they lie in. Names that begin with a dot are left out, and
    folders that storage devices and archives add.
    `where` is the config key that named the folder.
    """
    require(folder, "a folder of images", where)
    if not os.path.isdir(folder):
        raise InputError("a folder of images", f"a file at {folder}", where, "the folder that it is in")
    found, waiting = [], [("", (os.path.realpath(folder),))]
    while waiting:
        below, chain = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in NOT_OURS:
                    continue
                path = below + entry.name
                if not entry.is_dir():
                    found.append(path)
                elif (real := _real(entry, chain[-1])) not in chain:
                    waiting.append((f"{path}/", (*chain, real)))
    return sorted(found)


def _real(entry: os.DirEntry, parent: str) -> str:
    return os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(parent, entry.name)


def require(path, what: str, where: str) -> None:
    """InputError unless `path` exists: it says how far it does, and which name there is most like the missing one."""
    path = Path(path)
    if path.exists():
        return
    if slip := slip_of_path(str(path)):
        raise InputError(what, f"nothing at {path}, {slip}", where, "the path")
    missing = path
    while not missing.parent.exists():
        missing = missing.parent
    noun = "file" if missing == path and path.suffix else "folder"
    kind = "a broken link" if missing.is_symlink() else f"no {noun}"
    raise InputError(what, f"{kind} at {missing}{_nearest(missing)}", where, "the path, or mount the disk that has it")


def _nearest(missing: Path) -> str:
    parent = missing.parent
    names = sorted(os.listdir(parent)) if parent.is_dir() else []
    if near := get_close_matches(missing.name, names, 1, 0.5):
        return f"; did you mean {parent / near[0]}?"
    shown = ", ".join(name for name in names[:5] if not name.startswith("."))
    return f"; {parent.absolute()} has {shown or 'no entries'}" + (" ..." if len(names) > 5 else "")


def instead(path, near=False) -> str:
    """What may be meant by a path at which nothing is, after a comma or a semicolon; "" if nothing comes to mind.

    That is a file or folder whose name differs by case or ending; or a folder, and, if `near`, a file, of a like name.
    """
    if slip := slip_of_path(str(path)):
        return f", {slip}"
    missing = path = Path(path)
    while not missing.parent.exists():
        missing = missing.parent
    names = os.listdir(missing.parent) if missing.parent.is_dir() and not missing.is_symlink() else []
    alike = sorted(name for name in names if Path(name).stem.casefold() == missing.stem.casefold())
    if not alike and (near or missing != path) and len(names) < MANY:
        alike = get_close_matches(missing.name, names, 1, 0.8)
    return f"; did you mean {missing.parent / alike[0]}?" if alike else ""


def slip_of_path(path: str) -> str:
    """What is wrong with a path that other programs understand and we do not; "" for a path of this machine."""
    return next((words for pattern, words in SLIPS.items() if re.match(pattern, path)), "")


def natural(text) -> str:
    """A key that sorts 2 before 10: the text with all numbers padded with zeros."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(20), str(text))
