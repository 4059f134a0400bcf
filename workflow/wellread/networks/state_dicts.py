"""State dicts read from files of any origin, without running code in them; files that are not as expected are refused.

All functions that take a path raise an InputError that names it.
"""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file

from wellread.networks.checksum import other_hash, sha256_of
from wellread.runtime.errors import InputError

EDIT = "the path of the weights"


def read(path, sha256: str) -> dict[str, torch.Tensor]:
    """State dict of a .safetensors, .pth, .pt or .bin file under plain names: no wrapper, prefix, chunk or head.

    No code in a file is run. `sha256` may be "" for .safetensors only.
    """
    path = verify_file(path, sha256)
    if path.suffix not in FORMATS:
        raise InputError(f"weights in a {', '.join(FORMATS)} file", path.suffix or "no suffix", str(path), EDIT)
    try:
        state = FORMATS[path.suffix](path)
    except Exception as error:  # readers of damaged files raise anything
        raise InputError("weights: a whole file of tensors, no code", error_line(error), str(path), EDIT) from None
    return unwrap(state, path)


def load_pickle(path):
    """What torch.save wrote, if it is made of tensors and plain containers; torch refuses pickles that call code."""
    return torch.load(path, map_location="cpu", weights_only=True)


FORMATS = {".safetensors": load_file, ".pth": load_pickle, ".pt": load_pickle, ".bin": load_pickle}


def unwrap(state, path) -> dict[str, torch.Tensor]:
    """State dict within a loaded file: the teacher's of a training checkpoint, the backbone's where there is a head.

    Refuses anything but tensors by name, and tensors with NaN or infinity.
    """
    if isinstance(state, dict):
        state = next((state[key] for key in ("teacher", "model", "state_dict") if key in state), state)
    if not (isinstance(state, dict) and state and all(isinstance(value, torch.Tensor) for value in state.values())):
        raise InputError("a dict of tensors by name", f"{type(state).__name__} of other things", str(path), EDIT)
    state = {str(name).removeprefix("module."): value for name, value in state.items()}
    backbone = {name: value for name, value in state.items() if name.startswith("backbone.")}
    state = {name.removeprefix("backbone."): value for name, value in (backbone or state).items()}
    if not_finite := [name for name, value in state.items() if not torch.isfinite(value).all()]:
        raise InputError("finite weights", f"NaN or infinity in {first_names(not_finite)}", str(path), EDIT)
    return unchunk(state, path)


def unchunk(state, path) -> dict[str, torch.Tensor]:
    """The state dict with FSDP block chunks taken out of its names: `blocks.1.7.` is block 7.

    Chunks that number their blocks from zero again would overwrite each other, and are refused.
    """
    names = {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name): name for name in state}
    if len(names) != len(state):
        found = f"several tensors for {first_names(set(state) - set(names.values()))}"
        raise InputError("blocks numbered through all chunks", found, str(path), EDIT)
    return {new: state[old] for new, old in names.items()}


def verify_file(path, sha256: str) -> Path:
    """The path, if a file with this hash is there; only .safetensors, which hold no code, may come without a hash."""
    path = Path(path)
    if not path.is_file():
        raise InputError("a file of weights", "a folder" if path.is_dir() else "nothing", str(path), EDIT)
    if (sha256 or path.suffix != ".safetensors") and (error := other_hash(sha256, sha256_of(path), str(path))):
        raise error
    return path


def error_line(error: Exception, line=0) -> str:
    """Type and one line of an error's message, which may be long in other libraries; at most 300 characters."""
    return f"{type(error).__name__}: {(str(error).strip() or '-').splitlines()[line]}"[:300]


def first_names(names, most=4) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
