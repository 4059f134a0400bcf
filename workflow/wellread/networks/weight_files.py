"""What a file of weights is by its first bytes and its length, without torch: planning looks at every one."""

import json
import re
import zipfile
from pathlib import Path

from wellread.inputs.formats import COMPRESSED, is_text, starts
from wellread.inputs.listing import instead
from wellread.runtime.errors import InputError

EDIT = "download the weights yourself and give their path"
AGAIN = "download it again"
HEAD = 1024  # bytes that are looked at
LONGEST = 100e6  # bytes of a header of .safetensors, as its readers take them


def check(path, where: str, edit: str = EDIT) -> None:
    """Raise an InputError unless there is a file that can hold weights, whole; `where` names it."""
    path, expected = Path(path), "a file of weights"
    if path.is_dir():
        inside = sorted(one.name for one in path.iterdir() if one.suffix in (".safetensors", ".pth", ".pt", ".bin"))
        edit = f"the file in it, such as {path / inside[0]}" if inside else edit
        raise InputError(expected, f"a folder at {path}", where, edit)
    if not path.is_file():
        raise InputError(expected, f"no file at {path}{instead(path)}", where, edit)
    try:
        found, remedy = broken(path)
    except OSError as error:
        found, remedy = f"a file that cannot be opened ({error.strerror})", "the rights of the file"
    if found:
        raise InputError(expected, f"{found} at {path}", where, remedy)


def broken(path: Path) -> tuple[str, str]:
    """What a file is that holds no weights, or not all of them, and what to do about it; ("", "") for any other."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        return "an empty file", AGAIN
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the weights themselves", "run `git lfs pull`"
    if head.lstrip().startswith(b"<"):
        return "a web page, as a failed download leaves it", f"{AGAIN}: the file itself, not its page"
    if not any(head):
        return "a file that begins with nothing but zeros, as an interrupted copy leaves it", AGAIN
    if packed := starts(head, COMPRESSED):
        return f"a file compressed with {packed}", "unpack it, and name the unpacked file"
    if path.suffix == ".safetensors":
        return ("", "") if _whole(path) else ("a file that is cut off, or no .safetensors", AGAIN)
    if head.startswith(b"PK") and not zipfile.is_zipfile(path):
        return "a file that is cut off", AGAIN
    return ("a text file", AGAIN) if is_text(head) else ("", "")


def _whole(path: Path) -> bool:
    """Whether a .safetensors file is as long as its header says that its tensors are."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length < LONGEST else b""
    try:
        ends = [one["data_offsets"][1] for name, one in json.loads(header).items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return path.stat().st_size == 8 + length + max(ends, default=0)


def hash_key(key: str) -> str:
    """The option that holds the SHA-256 of the file that the option `key` names."""
    return re.sub("(weights|path|start)$", "sha256", key)
