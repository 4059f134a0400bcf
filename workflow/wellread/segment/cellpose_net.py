"""Cellpose's networks from files of weights, always by path, complete, and never downloaded.

Cellpose itself takes a name or path it does not know for its default network, which it downloads, and leaves weights
that a file lacks at their random initial values.
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


def build_sam(state: dict, dtype: torch.dtype):
    """Cellpose 4's transformer, fine-tuned or not."""
    from cellpose.vit import CPSAM

    readout = state["W2"]  # (outputs * patch², outputs, patch, patch)
    network = CPSAM(nout=readout.shape[1], ps=readout.shape[2], dtype=dtype)
    network.channels = 3
    return network


def build_cpnet(state: dict, dtype: torch.dtype):
    """The network of Cellpose 1 to 3, which is small enough for full precision."""
    return cpnet(state)


# What files may hold: the name of a tensor by which the architecture is recognised, and a function that builds the
# network from a state dict and a dtype. A network maps (N, 3, H, W) to ((N, 3, H, W), (N, 256)) and has `channels` (how
# many it uses), and `device`, `dtype` and `backbone` as Cellpose's own have; `tile`, if it cannot take tiles of 256 px.
ARCHITECTURES = {
    "Cellpose 4 (Cellpose-SAM)": ("encoder.neck.0.weight", build_sam),
    "Cellpose 3 (CPnet)": ("downsample.down.res_down_0.proj.1.weight", build_cpnet),
}


def model(path, sha256: str, device_name: str, threads: int, precision: str):
    """Cellpose's own model, to call `eval` of, on the device `device_name` (auto, cpu or cuda), read once per process.

    InputError for anything but a complete file of weights. `precision` of transformers: bf16 or fp32.
    """
    return _model(str(path), sha256, device.choose_device(device_name, threads), precision)


@lru_cache(maxsize=2)
def _model(path: str, sha256: str, where: torch.device, precision: str):
    state = read_weights(path, sha256)
    mend_torchvision()
    try:
        from cellpose.models import CellposeModel
    except ImportError as error:
        raise InputError("the package cellpose", str(error), "segment.cellpose", "install it, see README") from None
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    network = build(state, dtype, path)
    model = CellposeModel.__new__(CellposeModel)  # its constructor would resolve names and accept incomplete files
    vars(model).update(net=network.to(where).eval(), device=where, gpu=where.type == "cuda")
    vars(model).update(pretrained_model=path, backbone=network.backbone)
    return model


def read_weights(path, sha256: str) -> dict[str, torch.Tensor]:
    """State dict of a file as Cellpose writes it; no code in it is run. InputError for any other file."""
    path = state_dicts.verify_file(path, sha256)
    try:
        state = state_dicts.load_pickle(path)
    except Exception as error:  # a damaged file may raise anything
        raise InputError("weights of Cellpose: a whole file", state_dicts.error_line(error), str(path), EDIT) from None
    return state_dicts.unwrap(state, path)


def build(state: dict, dtype: torch.dtype, path) -> torch.nn.Module:
    """The network that a state dict is of, with these weights; InputError if there is none, or weights are missing."""
    kind = next((name for name, (key, _) in ARCHITECTURES.items() if key in state), None)
    if kind is None:
        expected = f"weights of {' or '.join(ARCHITECTURES)}"
        raise InputError(expected, f"{len(state)} tensors: {state_dicts.first_names(state)}", str(path), EDIT)
    try:
        network = ARCHITECTURES[kind][1](state, dtype)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise InputError(f"all weights of {kind}", f"none for {error}", str(path), EDIT) from None
    load_weights(network, state, kind, path)
    return network.to(dtype) if network.dtype == dtype else network


def load_weights(network: torch.nn.Module, state: dict, kind: str, path) -> None:
    """Load weights by name; InputError if any is missing or of another shape, a warning for superfluous ones."""
    own = network.state_dict()
    wrong = [f"no {name}" for name in own if name not in state and name not in UNUSED]
    shapes = [(name, tuple(state[name].shape), tuple(own[name].shape)) for name in own if name in state]
    wrong += [f"{name} {found} instead of {expected}" for name, found, expected in shapes if found != expected]
    if wrong:
        raise InputError(f"all weights of {kind}", state_dicts.first_names(wrong), str(path), EDIT)
    if superfluous := [name for name in state if name not in own]:
        log.warning("%s: %s, which %s does not have", path, state_dicts.first_names(superfluous), kind)
    network.load_state_dict(own | {name: state[name] for name in own if name in state})
    if "diam_mean" in own and is_nuclei_model(path):
        network.diam_mean.fill_(17.0)


def is_nuclei_model(path) -> bool:
    """Whether a file is, by its name, the nuclei model of Cellpose 1 to 3: it was trained on 17 px, others on 30."""
    return Path(path).name == "nuclei" or Path(path).name.endswith("nucleitorch_0")


def eval_diameter(model, diameter: float) -> float | None:
    """The diameter to pass to `eval` for objects of `diameter` px (0: unknown); None: the image is not rescaled.

    Cellpose 4 rescales images to objects of 30 px if it is given a diameter. Networks of Cellpose 3 need objects of
    `diam_mean` px, and objects of unknown size are taken to be as large as in training (`diam_labels`).
    """
    network = model.net
    if network.backbone != "cpnet":
        return diameter or None
    scale = float(network.diam_mean) / (diameter or float(network.diam_labels))
    return None if abs(scale - 1) < 1e-3 else 30.0 / scale
