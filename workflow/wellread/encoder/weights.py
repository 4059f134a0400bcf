"""Weights on disk: our own (weights.safetensors, described by a model.json beside it), and published ones.

The names and shapes in a DINOv2 state dict tell its architecture, all but the number of heads. Published files group
blocks in chunks (`blocks.1.7.` is block 7); training checkpoints wrap them. All weights must be there and fit: a
tolerant loader leaves blocks at their random initialisation in silence. Whatever is wrong is an InputError.
"""

import json
import math
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from wellread.encoder.vit import ViT, interpolate_positions
from wellread.networks.checksum import sha256_of
from wellread.networks.state_dicts import EDIT, first_names, read, unchunk
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

KERNEL, POSITIONS, REGISTERS = "patch_embed.proj.weight", "pos_embed", "register_tokens"


def save_encoder(encoder: ViT, weights, model, *, channels, head=None, **metadata):
    """Write an encoder to `weights`, and its ordered channel names, architecture and `metadata` to `model`, as JSON.

    With a `head`, one of `encoder.heads`, under the names `backbone.` and `head.`.
    """
    state = encoder.state_dict()
    if head is not None:
        parts = {"backbone": encoder, "head": head}
        state = {f"{part}.{name}": value for part, one in parts.items() for name, value in one.state_dict().items()}
        metadata |= {"head": head.described}
    state = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with whole(weights) as file:
        save_file(state, file)
    described = {"channels": list(channels), "image": encoder.architecture["image"], "encoder": encoder.architecture}
    with whole(model) as file:
        text = json.dumps(described | {"sha256": sha256_of(weights)} | metadata, indent=2)
        file.write_text(text + "\n")


def load_encoder(weights, model, *, channels) -> ViT:
    """The encoder, in evaluation mode; refuses other channels, other bytes, and missing or unexpected weights.

    One that was trained on `each_channel` by itself takes any channels.
    """
    metadata = read_model_json(model)
    if not metadata.get("each_channel"):
        check_channels(metadata["channels"], list(channels), model)
    return with_weights(ViT(**metadata["encoder"]), read(weights, metadata["sha256"]), weights)


def load_published(path, sha256, heads=None) -> tuple[ViT, dict]:
    """An encoder of the architecture of a file of weights, in evaluation mode, and the content of its model.json.

    `heads`: needed only where there is no model.json and heads are not 64 dimensions wide.
    """
    metadata = model_json_beside(path, sha256)
    state = read(path, sha256 or metadata.get("sha256", ""))
    size = metadata.get("encoder") or infer_architecture(state, heads=heads, path=path)
    if not size["heads"] or size["dim"] % size["heads"]:
        found = f"{size['heads'] or 'no number of'} heads for a dimension of {size['dim']}"
        raise InputError("a number of heads that divides the dimension", found, str(path), "`heads` of the encoder")
    return with_weights(ViT(**size), state, path), metadata


def initialise(vit: ViT, path, sha256, channels):
    """Set the weights of `vit`, in place, from earlier ones: ours, Cell-DINO's, or DINOv2's of photographs (RGB).

    Other patch sides, images and, for RGB, channels are adapted; all else must agree. `channels`: names of the input
    channels of `vit`, which a model.json beside the weights must confirm.
    """
    metadata = model_json_beside(path, sha256)
    state = read(path, sha256 or metadata.get("sha256", ""))
    if "channels" in metadata and not metadata.get("each_channel"):
        check_channels(metadata["channels"], list(channels), path)
    ours = vit.architecture
    theirs = infer_architecture(state, heads=metadata.get("encoder", {}).get("heads"), path=path)
    kernel = state[KERNEL]
    if theirs["channels"] == 3 != ours["channels"] and not metadata:
        kernel = kernel_from_rgb(kernel, ours["channels"])
    check_architecture(ours, theirs | {"channels": kernel.shape[1]}, path)
    grid = ours["image"] // ours["patch"]
    positions = interpolate_positions(state[POSITIONS], grid, grid, antialias=ours["registers"] > 0)
    set_weights(vit, state | {KERNEL: resize_kernel(kernel, ours["patch"]), POSITIONS: positions}, path)


def infer_architecture(state, *, heads=None, path="") -> dict:
    """Arguments of `ViT`, from the names and shapes of a state dict.

    `heads`: 64 dimensions each unless given, and None where these do not divide the dimension. `path`: for errors.
    """
    state = unchunk(state, path)
    kernel, positions = state.get(KERNEL, torch.empty(0)), state.get(POSITIONS, torch.empty(0))
    blocks = {int(match[1]) for name in state if (match := re.match(r"blocks\.(\d+)\.", name))}
    if kernel.dim() != 4 or kernel.shape[2] != kernel.shape[3] or positions.dim() != 3 or not blocks:
        found = f"{len(state)} tensors: {first_names(state)}"
        expected = f"a vision transformer under DINOv2's names: {KERNEL}, {POSITIONS}, blocks.0.norm1.weight ..."
        raise InputError(expected, found, str(path), EDIT)
    dim, channels, patch, _ = kernel.shape
    side = math.isqrt(positions.shape[1] - 1)
    if side**2 != positions.shape[1] - 1:
        found = f"{positions.shape[1] - 1}"
        raise InputError("positions of CLS and of a square grid of patches", found, str(path), EDIT)
    heads = heads or (None if dim % 64 else dim // 64)
    registers = state[REGISTERS].shape[1] if REGISTERS in state else 0
    ffn = "swiglu" if "blocks.0.mlp.w12.weight" in state else "mlp"
    size = {"channels": channels, "image": side * patch, "patch": patch, "dim": dim, "depth": max(blocks) + 1}
    return size | {"heads": heads, "registers": registers, "ffn": ffn}


def set_weights(encoder: ViT, state: dict, path):
    """Load weights by name, in place, all or none; where none has a LayerScale, gammas of 1, which do nothing.

    `path`: for the error that names missing, unknown and misshapen weights.
    """
    state, own = unchunk(state, path), encoder.state_dict()
    if not any(name.endswith(".gamma") for name in state):
        state |= {name: torch.ones_like(value) for name, value in own.items() if name.endswith(".gamma")}
    wrong = [f"no {name}" for name in own if name not in state]
    wrong += [f"{name}, which is unknown" for name in state if name not in own]
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state]
    wrong += [f"{name} {found} instead of {wanted}" for name, found, wanted in shapes if found != wanted]
    if wrong:
        raise InputError(f"the weights of a ViT {encoder.architecture}", first_names(wrong), str(path), EDIT)
    encoder.load_state_dict(state)


def with_weights(encoder: ViT, state: dict, path) -> ViT:
    """The encoder with these weights, in evaluation mode."""
    set_weights(encoder, state, path)
    return encoder.eval()


def kernel_from_rgb(kernel, channels):  # (D, 3, P, P) -> (D, channels, P, P)
    """The mean over colours, for every channel; times 3 / channels, so that tokens keep their scale."""
    return kernel.mean(1, keepdim=True).repeat(1, channels, 1, 1) * (3 / channels)


def resize_kernel(kernel, patch):  # (D, C, P, P) -> (D, C, patch, patch)
    """The patch embedding kernel whose tokens of resized patches are those of the old kernel of the patches.

    That is the pseudo-inverse of bicubic resizing (FlexiViT, Beyer et al. 2023). Resizing the kernel itself would
    scale tokens by (patch / P)².
    """
    old = kernel.shape[-1]
    if old == patch:
        return kernel
    units = torch.eye(old**2, dtype=torch.float64).view(-1, 1, old, old)
    resizing = F.interpolate(units, (patch, patch), mode="bicubic", antialias=True).flatten(1)  # (P², patch²)
    new = kernel.double().flatten(2) @ torch.linalg.pinv(resizing).mT
    return new.unflatten(2, (patch, patch)).to(kernel.dtype)


def read_model_json(model) -> dict:
    """The content of a model.json: `channels`, `encoder` (its architecture), `sha256` and the settings of training."""
    try:
        return dict(json.loads(Path(model).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError("a model.json beside its weights", str(error), str(model), EDIT) from None


def model_json_beside(path, sha256) -> dict:
    """The content of the model.json in the folder of weights; {} if there is none, or if it is of other weights."""
    model = Path(path).with_name("model.json")
    metadata = read_model_json(model) if model.is_file() else {}
    return metadata if metadata.get("sha256") and sha256.lower() in ("", metadata["sha256"]) else {}


def check_channels(known, found, model):
    """Raise an InputError unless the channels `found` are those of the encoder, in its order."""
    if found != known:
        edit = "`channels` of the dataset, names and order, or another model; channels are never guessed by position"
        raise InputError(f"the channels of the encoder, {known}", f"{found}", str(model), edit)


def check_architecture(ours, theirs, path):
    """Raise an InputError where weights differ in more than image and patch from the encoder they are to initialise."""
    names = [name for name in ours if name not in ("image", "patch") and theirs[name] not in (None, ours[name])]
    if names:
        expected = ", ".join(f"{name} {ours[name]}" for name in names) + ", as the encoder is to have"
        found = ", ".join(f"{name} {theirs[name]}" for name in names)
        raise InputError(
            expected, found, str(path), "`arch`, `dim`, `depth`, `heads` ... of the encoder, or its weights"
        )
