"""Cellpose's networks from files of weights, always by path, with every weight in place, and never from elsewhere.

Cellpose itself takes a name or path it does not know for its default network, which it downloads, and leaves weights
that a file lacks at their random start.
"""

import logging
from functools import lru_cache
from pathlib import Path

import torch

from wellread.networks import device, state_dicts
from wellread.networks.torchvision_shim import mend_torchvision
from wellread.runtime.errors import InputError
from wellread.segment.cpnet import cpnet

log = logging.getLogger("wellread")
UNUSED = ("diam_mean", "diam_labels")  # some files lack them
EDIT = "`weights` and `nucleus_weights` of segment.cellpose"


def sam(state: dict, dtype: torch.dtype):
    """Cellpose 4's transformer, fine-tuned or not."""
    from cellpose.vit import CPSAM

    readout = state["W2"]  # (outputs * patch², outputs, patch, patch)
    network = CPSAM(nout=readout.shape[1], ps=readout.shape[2], dtype=dtype)
    network.channels = 3
    return network


def three(state: dict, dtype: torch.dtype):
    """The network of Cellpose 1 to 3, which is small enough for full precision."""
    return cpnet(state)


# What files may hold: a tensor's name that tells the kind, and what builds a network from a state dict and a dtype.
# A network takes (N, 3, H, W) to ((N, 3, H, W), (N, 256)) and has `channels` (how many it looks at), and `device`,
# `dtype` and `backbone` as Cellpose's own have; `tile`, if it cannot take tiles of 256 px.
ARCHITECTURES = {
    "Cellpose 4 (Cellpose-SAM)": ("encoder.neck.0.weight", sam),
    "Cellpose 3 (CPnet)": ("downsample.down.res_down_0.proj.1.weight", three),
}


def model(path, sha256: str, wanted: str, threads: int, precision: str):
    """Cellpose's own model, to call `eval` of, on the `wanted` device; InputError for all but a whole file of weights.

    `precision` of transformers: bf16 or fp32. A model is read once per process.
    """
    return _model(str(path), sha256, device.choose(wanted, threads), precision)


@lru_cache(maxsize=2)
def _model(path: str, sha256: str, where: torch.device, precision: str):
    state = read(path, sha256)
    mend_torchvision()
    try:
        from cellpose.models import CellposeModel
    except ImportError as error:
        raise InputError("the package cellpose", str(error), "segment.cellpose", "install it, see README") from None
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    network = build(state, dtype, path)
    model = CellposeModel.__new__(CellposeModel)  # its constructor is what looks for names, and loads in part
    vars(model).update(net=network.to(where).eval(), device=where, gpu=where.type == "cuda")
    vars(model).update(pretrained_model=path, backbone=network.backbone)
    return model


def read(path, sha256: str) -> dict[str, torch.Tensor]:
    """State dict of a file as Cellpose writes it; no code in it is run."""
    path = state_dicts.checked(path, sha256)
    try:
        state = state_dicts.unpickled(path)
    except Exception as error:  # a damaged file may raise anything
        raise InputError("weights of Cellpose: a whole file", state_dicts.told(error), str(path), EDIT) from None
    return state_dicts.bare(state, path)


def build(state: dict, dtype: torch.dtype, path) -> torch.nn.Module:
    """The network that a state dict is of, filled with it."""
    kind = next((name for name, (key, _) in ARCHITECTURES.items() if key in state), None)
    if kind is None:
        expected = f"weights of {' or '.join(ARCHITECTURES)}"
        raise InputError(expected, f"{len(state)} tensors: {state_dicts.some(state)}", str(path), EDIT)
    try:
        network = ARCHITECTURES[kind][1](state, dtype)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise InputError(f"all weights of {kind}", f"none for {error}", str(path), EDIT) from None
    fill(network, state, kind, path)
    return network.to(dtype) if network.dtype == dtype else network


def fill(network: torch.nn.Module, state: dict, kind: str, path) -> None:
    """Load weights by name; none may be missing or of another shape."""
    own = network.state_dict()
    wrong = [f"no {name}" for name in own if name not in state and name not in UNUSED]
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state]
    wrong += [f"{name} {found} instead of {wanted}" for name, found, wanted in shapes if found != wanted]
    if wrong:
        raise InputError(f"all weights of {kind}", state_dicts.some(wrong), str(path), EDIT)
    if more := [name for name in state if name not in own]:
        log.warning("%s: %s, which %s does not have", path, state_dicts.some(more), kind)
    network.load_state_dict(own | {name: state[name] for name in own if name in state})
    if "diam_mean" in own and builtin_nuclei(path):
        network.diam_mean.fill_(17.0)


def builtin_nuclei(path) -> bool:
    """Whether a file is the nuclei model of Cellpose 1 to 3, which alone was trained on 17 px, not 30, and known so by
    its name."""
    return Path(path).name == "nuclei" or Path(path).name.endswith("nucleitorch_0")


def seen_diameter(model, diameter: float) -> float | None:
    """What to tell `eval` of objects of `diameter` px, 0 if unknown; None leaves the image as it is.

    Cellpose 4 rescales images to objects of 30 px if it is told a diameter. Networks of Cellpose 3 want their own
    (`diam_mean`), and if nothing is known take objects to be as large as in their training (`diam_labels`).
    """
    network = model.net
    if network.backbone != "cpnet":
        return diameter or None
    scale = float(network.diam_mean) / (diameter or float(network.diam_labels))
    return None if abs(scale - 1) < 1e-3 else 30.0 / scale
