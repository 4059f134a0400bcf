"""Files of weights from anywhere: read without running code in them, refused if they are not what was said."""

import hashlib
import re
from pathlib import Path

import torch
from safetensors.torch import load_file

from wellread.runtime.errors import InputError

EDIT = "the path of the weights"


def read(path, sha256: str) -> dict[str, torch.Tensor]:
    """State dict of a .safetensors, .pth, .pt or .bin file under plain names: no wrapper, prefix, chunk or head.

    No code in a file is run. `sha256` may be "" for .safetensors only. Whatever is wrong is an `InputError`.
    """
    path = checked(path, sha256)
    if path.suffix not in FORMATS:
        raise InputError(f"weights in a {', '.join(FORMATS)} file", path.suffix or "no suffix", str(path), EDIT)
    try:
        state = FORMATS[path.suffix](path)
    except Exception as error:  # readers of damaged files raise whatever they trip over
        raise InputError("weights: a whole file of tensors, no code", told(error), str(path), EDIT) from None
    return bare(state, path)


def unpickled(path):
    return torch.load(path, map_location="cpu", weights_only=True)


FORMATS = {".safetensors": load_file, ".pth": unpickled, ".pt": unpickled, ".bin": unpickled}


def bare(state, path) -> dict[str, torch.Tensor]:
    """State dict of a loaded file: the teacher's in a training checkpoint, the backbone's where there is a head."""
    if isinstance(state, dict):
        state = next((state[key] for key in ("teacher", "model", "state_dict") if key in state), state)
    if not (isinstance(state, dict) and state and all(isinstance(value, torch.Tensor) for value in state.values())):
        raise InputError("a dict of tensors by name", f"{type(state).__name__} of other things", str(path), EDIT)
    state = {str(name).removeprefix("module."): value for name, value in state.items()}
    backbone = {name: value for name, value in state.items() if name.startswith("backbone.")}
    state = {name.removeprefix("backbone."): value for name, value in (backbone or state).items()}
    if broken := [name for name, value in state.items() if not torch.isfinite(value).all()]:
        raise InputError("finite weights", f"NaN or infinity in {some(broken)}", str(path), EDIT)
    return flat(state, path)


def flat(state, where) -> dict[str, torch.Tensor]:
    """Names without block chunks; chunks that number their blocks from zero again would overwrite each other."""
    names = {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name): name for name in state}
    if len(names) != len(state):
        found = f"several tensors for {some(set(state) - set(names.values()))}"
        raise InputError("blocks numbered through all chunks", found, str(where), EDIT)
    return {new: state[old] for new, old in names.items()}


def checked(path, sha256: str) -> Path:
    """The path of a file that is there and has this hash; only .safetensors, which holds no code, may go without."""
    path = Path(path)
    if not path.is_file():
        raise InputError("a file of weights", "a folder" if path.is_dir() else "nothing", str(path), EDIT)
    if (sha256 or path.suffix != ".safetensors") and (found := sha256_of(path)) != sha256.lower():
        edit = "put the right file there; if this is the one and you trust it, give its hash as `sha256`"
        raise InputError(f"SHA-256 {sha256 or 'of a file that may hold code'}", found, str(path), edit)
    return path


def sha256_of(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def told(error: Exception, line=0) -> str:
    """One line of what may be a long message of a library."""
    return f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[line]}"[:300]


def some(names, most=4) -> str:
    """The first few names, and how many more."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
