"""Models that learn from labels of some wells, and tasks that ask what they say of others."""

import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.measure.held_out import VALIDATION, divided
from wellread.plan import grids
from wellread.profiles import tables
from wellread.profiles.similarity import TEST, TRAIN
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

HEAD = "head"


def errors(config: dict) -> list[InputError]:
    """Errors of a config, defaults filled in: heads that models do not have, tasks of such, grids that none judges."""
    headless = [error for name in config["models"] if (error := _headless(name, config["models"][name]))]
    asked = [name for name, entry in config["tasks"].items() if chosen("measure", entry["measure"]).of_head]
    headless += [error for name, model in config["models"].items() for error in grids.unjudged(name, model)]
    return headless + [error for name in asked for error in _not_of_heads(config, name)]


def of_wells(wells: list[pd.DataFrame], method: dict, where: str, judged: bool = False) -> list[InputError]:
    """Errors of the `wells` that a training method, {name: options}, reads the labels of: no train, a divided group.

    `judged`: whether wells of the value validation are to choose among models, and have to be there, too.
    """
    ((name, options),) = method.items()
    how, key = options.get("labels") or {}, f"{where}.train.{name}.labels"
    if not how.get("split") or not wells:
        return []
    meta = pd.concat(wells).rename(columns=tables.column)
    values = set(tables.text_column(meta, how["split"]))
    wanted = [TRAIN, VALIDATION] if judged else [TRAIN]
    if lacking := [value for value in wanted if value not in values]:
        found = listed(sorted(values - {""})) or "no value"
        edit = f"write train, validation and test into the column {how['split']}, or name another"
        return [InputError(f"wells with the value {' and '.join(lacking)}", found, f"{key}.split", edit)]
    error = divided(meta, how["split"], how["held_out"], key)
    return [error] if error else []


def tested(wells: list[pd.DataFrame], method: dict, measure: dict, task: str, where: str) -> list[InputError]:
    """The error of a `task` of heads whose test set has some of the `wells` that taught the model at `where`.

    `wells`: those of the plates that the model learns from; `method`, `measure`: {name: options}.
    """
    ((name, options),), ((_, asked),) = method.items(), measure.items()
    split = (options.get("labels") or {}).get("split", "")
    if not wells:
        return []
    meta = pd.concat(wells).rename(columns=tables.column)
    both = (tables.text_column(meta, asked["split"]) == TEST) & (tables.text_column(meta, options["label"]) != "")
    both &= tables.text_column(meta, split) == TRAIN if split else True
    if not both.any():
        return []
    first = meta.loc[both, [tables.column("plate"), tables.column("well")]].iloc[0]
    found = f"{both.sum()} wells of both, such as {'/'.join(first)}"
    edit = f"write labels: {{split: {asked['split']}}} there"
    expected = f"a test set, of tasks.{task} by the column {asked['split']}, that has not taught the model"
    return [InputError(expected, found, f"{where}.train.{name}.labels", edit)]


def has_head(model: dict) -> bool:
    """Whether the profiles of a model are what its head says of every class."""
    return model["embed"]["features"] == HEAD


def _headless(name: str, model: dict) -> InputError | None:
    """A model that is to embed by a head which its training does not leave, or not of all channels together."""
    encoder = model["encoder"]
    if not has_head(model):
        return None
    taught = chosen("encoder", encoder).trained and chosen("train", model["train"]).teaches
    if taught and not encoder["vit"]["each_channel"]:
        return None
    found = next(iter(model["train"])) if chosen("encoder", encoder).trained else next(iter(encoder))
    expected = "training by labels, of all channels together, for features: head"
    return InputError(expected, found, f"models.{name}.embed.features", "write cls, or train: {supervised: {}}")


def _not_of_heads(config: dict, task: str) -> list[InputError]:
    """A task of heads where no model has one."""
    if any(has_head(model) for model in config["models"].values()):
        return []
    edit = "write embed: {features: head} in a model that is trained by labels"
    return [InputError("a model with embed.features: head", "none", f"tasks.{task}.measure", edit)]
