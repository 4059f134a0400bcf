"""Models of which a grid of settings is trained: `grid: {fit.base_lr: [1.0e-3, 4.0e-3]}`.

Every combination is a model of its own in the plan, MODEL/grid/base_lr=0.001, that embeds nothing. So it is trained as
all models are, beside others, and only once. The model itself is the one that is best on wells that validate.
"""

import json
import re
from copy import deepcopy
from itertools import product

from wellread.inputs.cleaning import listed
from wellread.plan.explain import refused
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

FOLDER = "/grid/"  # between the names of a model and of a combination; users' names have no slash
SECTIONS = ("fit", "train", "views", "encoder")


def expanded(config: dict) -> dict:
    """The config with a model for every combination of every grid, after the model that the grid is of."""
    models = {}
    for name, model in config["models"].items():
        models[name] = model
        models |= {cell: _with(model, values) | {"embed_on": []} for cell, values in cells(name, model).items()}
    return {**config, "models": models}


def cells(name: str, model: dict) -> dict[str, dict]:
    """The combinations of the grid of a model, the last key changing first: {its name: {dotted key: value}}."""
    grid = model.get("grid") or {}
    values = [dict(zip(grid, one, strict=True)) for one in product(*grid.values())] if grid else []
    return {f"{name}{FOLDER}{_words(one)}": one for one in values}


def model_of(name: str) -> str:
    """The model whose grid a combination is of; any other model is its own."""
    return name.partition(FOLDER)[0]


def errors(config: dict, schema: dict) -> list[InputError]:
    """Errors of the grids of a config that fits the `schema`: no settings of training, or values they cannot have."""
    return [
        error
        for name, model in config["models"].items()
        for key, values in (model.get("grid") or {}).items()
        for error in _of_key(model, key, values, schema, f"models.{name}.grid.{key}")
    ]


def unjudged(name: str, model: dict) -> list[InputError]:
    """The error of a model, defaults filled in, with a grid but no labels of wells by which one is chosen."""
    if not model.get("grid"):
        return []
    ((method, options),) = model["train"].items()
    split = (options.get("labels") or {}).get("split") if chosen("train", model["train"]).teaches else ""
    if split and not model["encoder"]["vit"]["each_channel"]:
        return []
    expected = "training by labels, with wells that validate, of all channels together"
    edit = "write labels: {split: COLUMN}, a column of train, validation and test"
    return [InputError(expected, f"{method}, labels.split: {split!r}", f"models.{name}.grid", edit)]


def _of_key(model: dict, key: str, values: list, schema: dict, where: str) -> list[InputError]:
    """Errors of one key of a grid: of its values those that stand for themselves in the model."""
    if key.split(".")[0] not in SECTIONS or "label" in key or "." not in key:
        expected = f"a setting of {', '.join(SECTIONS)}, such as fit.base_lr, and none of labels"
        return [InputError(expected, key, where, "name another, or write a model like this one")]
    words = [_words({key: value}) for value in values]
    if twins := sorted({word for word in words if words.count(word) > 1}):
        return [InputError("values that differ in their letters and digits", listed(twins), where, "remove one")]
    checked = {"$ref": "#/$defs/model", "$defs": schema["$defs"]}
    found = [error for value in values for error in refused(_with(model, {key: value}), checked)]
    return [InputError(e.lines["expected"], e.lines["found"], where, e.lines["edit"]) for e in found]


def _with(model: dict, values: dict) -> dict:
    """A model with other values of some dotted keys, and no grid."""
    changed = deepcopy({key: value for key, value in model.items() if key != "grid"})
    for key, value in values.items():
        *path, last = key.split(".")
        section = changed
        for part in path:
            section[part] = section[part] if isinstance(section.get(part), dict) else {}
            section = section[part]
        section[last] = deepcopy(value)
    return changed


def _words(values: dict) -> str:
    """A name for files: base_lr=0.001,dropout=0.1, of the whole key where two end alike."""
    ends = [key.rpartition(".")[2] for key in values]
    names = {key: end if ends.count(end) == 1 else key for key, end in zip(values, ends, strict=True)}
    text = {key: re.sub(r"[^A-Za-z0-9.+-]+", "-", json.dumps(value)).strip("-") for key, value in values.items()}
    return ",".join(f"{names[key]}={text[key]}" for key in values)
