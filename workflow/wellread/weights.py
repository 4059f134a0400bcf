"""Weights on disk: our own (weights.safetensors and model.json, which says what they are), and published ones.

A DINOv2 state dict tells its architecture by names and shapes, all but the number of heads. Published files group
blocks in chunks (`blocks.1.7.` is block 7); training checkpoints wrap them. Whatever is loaded is loaded whole: a
tolerant loader leaves blocks at their random start in silence.
"""

import hashlib
import json
import math
import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from wellread.errors import InputError
from wellread.files import whole
from wellread.vit import ViT, positions

KERNEL, PLACES, REGISTERS = "patch_embed.proj.weight", "pos_embed", "register_tokens"
EDIT = "the path of the weights"


def save(encoder: ViT, weights, model, *, channels, **about):
    """Write an encoder, its ordered channel names and anything else worth knowing of it (`about`)."""
    state = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    with whole(weights) as part:
        save_file(state, part)
    facts = {"channels": list(channels), "image": encoder.architecture["image"], "encoder": encoder.architecture}
    with whole(model) as part:
        text = json.dumps(facts | {"sha256": sha256_of(weights)} | about, indent=2)
        part.write_text(text + "\n")


def load(weights, model, *, channels) -> ViT:
    """The encoder, in evaluation mode; refuses other channels, other bytes, and missing or unexpected weights.

    One that sees `each_channel` by itself takes whichever channels there are.
    """
    about = facts(model)
    if not about.get("each_channel"):
        check_channels(about["channels"], list(channels), model)
    return filled(ViT(**about["encoder"]), read(weights, about["sha256"]), weights)


def published(path, sha256, heads=None) -> tuple[ViT, dict]:
    """An encoder made to fit a file of weights, in evaluation mode, and what a model.json beside it says of it.

    `heads`: needed only where neither model.json nor 64 dimensions per head tell.
    """
    about = beside(path, sha256)
    state = read(path, sha256 or about.get("sha256", ""))
    size = about.get("encoder") or architecture(state, heads=heads, where=path)
    if not size["heads"] or size["dim"] % size["heads"]:
        found = f"{size['heads'] or 'no number of'} heads for a dimension of {size['dim']}"
        raise InputError("a number of heads that divides the dimension", found, str(path), "`heads` of the encoder")
    return filled(ViT(**size), state, path), about


def begin(vit: ViT, path, sha256, channels):
    """Start `vit` from earlier weights: ours, Cell-DINO's, or DINOv2's of natural images (3 channels, RGB).

    Other patch sides, images and, for RGB, channels are adapted; all else must agree. `channels`: names of what the
    encoder will see, which a model.json beside the weights must confirm.
    """
    about = beside(path, sha256)
    state = read(path, sha256 or about.get("sha256", ""))
    if "channels" in about and not about.get("each_channel"):
        check_channels(about["channels"], list(channels), path)
    ours = vit.architecture
    theirs = architecture(state, heads=about.get("encoder", {}).get("heads"), where=path)
    kernel = state[KERNEL]
    if theirs["channels"] == 3 != ours["channels"] and not about:
        kernel = from_rgb(kernel, ours["channels"])
    check_size(ours, theirs | {"channels": kernel.shape[1]}, path)
    grid = ours["image"] // ours["patch"]
    places = positions(state[PLACES], grid, grid, antialias=ours["registers"] > 0)  # as an encoder sees other sides
    fill(vit, state | {KERNEL: resized(kernel, ours["patch"]), PLACES: places}, path)


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


def architecture(state, *, heads=None, where="") -> dict:
    """Arguments of `ViT` read off a state dict; heads are 64 wide unless given, and None where that does not fit."""
    state = flat(state, where)
    kernel, places = state.get(KERNEL, torch.empty(0)), state.get(PLACES, torch.empty(0))
    blocks = {int(match[1]) for name in state if (match := re.match(r"blocks\.(\d+)\.", name))}
    if kernel.dim() != 4 or kernel.shape[2] != kernel.shape[3] or places.dim() != 3 or not blocks:
        found = f"{len(state)} tensors: {some(state)}"
        expected = f"a vision transformer under DINOv2's names: {KERNEL}, {PLACES}, blocks.0.norm1.weight ..."
        raise InputError(expected, found, str(where), EDIT)
    dim, channels, patch, _ = kernel.shape
    side = math.isqrt(places.shape[1] - 1)
    if side**2 != places.shape[1] - 1:
        found = f"{places.shape[1] - 1}"
        raise InputError("positions of CLS and of a square grid of patches", found, str(where), EDIT)
    heads = heads or (None if dim % 64 else dim // 64)
    registers = state[REGISTERS].shape[1] if REGISTERS in state else 0
    ffn = "swiglu" if "blocks.0.mlp.w12.weight" in state else "mlp"
    size = {"channels": channels, "image": side * patch, "patch": patch, "dim": dim, "depth": max(blocks) + 1}
    return size | {"heads": heads, "registers": registers, "ffn": ffn}


def fill(encoder: ViT, state: dict, where):
    """Load weights by name, all or none. Weights that know no LayerScale at all get one of 1, which does nothing."""
    state, own = flat(state, where), encoder.state_dict()
    if not any(name.endswith(".gamma") for name in state):
        state |= {name: torch.ones_like(value) for name, value in own.items() if name.endswith(".gamma")}
    wrong = [f"no {name}" for name in own if name not in state]
    wrong += [f"{name}, which is unknown" for name in state if name not in own]
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state]
    wrong += [f"{name} {found} instead of {wanted}" for name, found, wanted in shapes if found != wanted]
    if wrong:
        raise InputError(f"the weights of a ViT {encoder.architecture}", some(wrong), str(where), EDIT)
    encoder.load_state_dict(state)


def filled(encoder: ViT, state: dict, where) -> ViT:
    """The encoder with these weights, in evaluation mode."""
    fill(encoder, state, where)
    return encoder.eval()


def from_rgb(kernel, channels):  # (D, 3, P, P) -> (D, channels, P, P)
    """The mean colour, for every channel; times 3 / C, so that tokens keep their scale whatever C is."""
    return kernel.mean(1, keepdim=True).repeat(1, channels, 1, 1) * (3 / channels)


def resized(kernel, patch):  # (D, C, P, P) -> (D, C, patch, patch)
    """The kernel that answers a resized patch as the old one answered the patch: the pseudo-inverse of bicubic
    resizing (FlexiViT, Beyer et al. 2023). Resizing the kernel itself would scale answers by (patch / P)².
    """
    old = kernel.shape[-1]
    if old == patch:
        return kernel
    units = torch.eye(old**2, dtype=torch.float64).view(-1, 1, old, old)
    resizing = F.interpolate(units, (patch, patch), mode="bicubic", antialias=True).flatten(1)  # (P², patch²)
    new = kernel.double().flatten(2) @ torch.linalg.pinv(resizing).mT
    return new.unflatten(2, (patch, patch)).to(kernel.dtype)


def facts(model) -> dict:
    """What a model.json says."""
    try:
        return dict(json.loads(Path(model).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError("a model.json beside its weights", str(error), str(model), EDIT) from None


def beside(path, sha256) -> dict:
    """What the model.json in the folder of weights says of them; {} if there is none, or if it is of other weights."""
    model = Path(path).with_name("model.json")
    about = facts(model) if model.is_file() else {}
    return about if about.get("sha256") and sha256.lower() in ("", about["sha256"]) else {}


def check_channels(known, found, model):
    if found != known:
        edit = "`channels` of the dataset, names and order, or another model; channels are never guessed by position"
        raise InputError(f"the channels of the encoder, {known}", f"{found}", str(model), edit)


def check_size(ours, theirs, path):
    names = [name for name in ours if name not in ("image", "patch") and theirs[name] not in (None, ours[name])]
    if names:
        expected = ", ".join(f"{name} {ours[name]}" for name in names) + ", as the encoder is to have"
        found = ", ".join(f"{name} {theirs[name]}" for name in names)
        raise InputError(
            expected, found, str(path), "`arch`, `dim`, `depth`, `heads` ... of the encoder, or its weights"
        )


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
