"""Tensors of a pickled network, read without running the code that the pickle names."""

import pickle
import warnings
import zipfile
from collections import OrderedDict
from types import SimpleNamespace

import torch

from wellread.networks import state_dicts
from wellread.runtime.errors import InputError

EDIT = "the path of the weights"
ALLOWED = {  # all that a pickle may call by name; these build tensors and nothing else
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
}


def tensors(path) -> dict[str, torch.Tensor]:
    """State dict of a pickled module, plain or in DataParallel, or of a pickled state dict; InputError for all else.

    Classes, functions and whatever else the pickle names become placeholders that do nothing.
    """
    try:
        names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
        if any(name.endswith("constants.pkl") for name in names):
            raise ValueError("a TorchScript program")
        with warnings.catch_warnings(action="ignore"):  # torch would compare the source of classes
            found = torch.load(path, map_location="cpu", weights_only=False, pickle_module=PICKLE_MODULE)
        state = _state_dict(found) if isinstance(found, Placeholder) else found
    except Exception as error:  # readers of damaged files raise anything
        raise InputError("a whole file of weights", state_dicts.error_line(error), str(path), EDIT) from None
    return {name: value.detach() for name, value in state_dicts.unwrap(state, path).items()}


class Placeholder:
    """In place of any class or function: accepts whatever an unpickler does to it, and keeps the state it is given."""

    dump_patches = False  # torch asks classes in old files

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        self.state = {}

    def __setstate__(self, state):
        self.state = state if isinstance(state, dict) else {}

    def __call__(self, *args, **kwargs):
        return Placeholder()

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


class Unpickler(pickle.Unpickler):
    """Finds the names in `ALLOWED`; all others become placeholders. (torch adds its types of storage itself.)"""

    def find_class(self, module, name):
        return ALLOWED.get((module, name), Placeholder)


def _load(file, **options):
    return Unpickler(file, **options).load()


PICKLE_MODULE = SimpleNamespace(__name__="safe_unpickle", Unpickler=Unpickler, load=_load)


def _state_dict(module: Placeholder, prefix: str = "") -> dict[str, torch.Tensor]:
    """Names and tensors of a module and of those within it, in the order of torch's state_dict()."""
    members = module.state
    own = {**members.get("_parameters", {}), **members.get("_buffers", {})}
    state = {prefix + name: value for name, value in own.items() if value is not None}
    for name, within in members.get("_modules", {}).items():
        if isinstance(within, Placeholder):
            state |= _state_dict(within, f"{prefix}{name}.")
    return state
