"""Weights on disk: our own (weights.safetensors and model.json, which says what they are), and published ones.

A DINOv2 state dict tells its architecture by names and shapes, all but the number of heads. Published files group
blocks in chunks (`blocks.1.7.` is block 7); training checkpoints wrap them. Whatever is loaded is loaded whole: a
tolerant loader leaves blocks at their random start in silence.
"""

import json
import math
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from wellread.encoder.vit import ViT, positions
from wellread.networks.state_dicts import EDIT, first_names, read, sha256_of, unchunk
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

KERNEL, PLACES, REGISTERS = "patch_embed.proj.weight", "pos_embed", "register_tokens"


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


def architecture(state, *, heads=None, where="") -> dict:
    """Arguments of `ViT` read off a state dict; heads are 64 wide unless given, and None where that does not fit."""
    state = unchunk(state, where)
    kernel, places = state.get(KERNEL, torch.empty(0)), state.get(PLACES, torch.empty(0))
    blocks = {int(match[1]) for name in state if (match := re.match(r"blocks\.(\d+)\.", name))}
    if kernel.dim() != 4 or kernel.shape[2] != kernel.shape[3] or places.dim() != 3 or not blocks:
        found = f"{len(state)} tensors: {first_names(state)}"
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
    state, own = unchunk(state, where), encoder.state_dict()
    if not any(name.endswith(".gamma") for name in state):
        state |= {name: torch.ones_like(value) for name, value in own.items() if name.endswith(".gamma")}
    wrong = [f"no {name}" for name in own if name not in state]
    wrong += [f"{name}, which is unknown" for name in state if name not in own]
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state]
    wrong += [f"{name} {found} instead of {wanted}" for name, found, wanted in shapes if found != wanted]
    if wrong:
        raise InputError(f"the weights of a ViT {encoder.architecture}", first_names(wrong), str(where), EDIT)
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
