"""Datasets whose rows are ready feature tables: what their config must not say, and what the tables tell of them."""

import pandas as pd

from wellread.inputs import feature_tables, feature_wells, joining, user_tables
from wellread.inputs.cleaning import listed
from wellread.inputs.feature_tables import KEY, Table
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

OF_IMAGES = ("images", "channels", "pixel_size", "keep_crops", "watch", "check_files", "calibrate", "segment", "crops")
MODEL = "`models: {NAME: {encoder: {given: {files: PATH}}}}`"  # how tables are named


def without_images(dataset: dict) -> dict:
    """A dataset of the config; one of ready profiles without its (default) settings of images."""
    if dataset["object"] != "profile":
        return dataset
    return {key: value for key, value in dataset.items() if key not in OF_IMAGES}


def idle(config: dict) -> list[InputError]:
    """Settings of images and cells of datasets that have none, and of embedding for models that name ready profiles."""
    edit = f"remove these keys; the feature tables stand in {MODEL}"
    errors = [
        InputError("nothing about images with `object: profile`", ", ".join(found), f"datasets.{name}", edit)
        for name, dataset in config["datasets"].items()
        if dataset.get("object") == "profile" and (found := [key for key in (*OF_IMAGES, "sample") if key in dataset])
    ]
    return errors + [
        InputError("nothing about embedding for ready profiles", "embed", f"models.{name}", "remove the key")
        for name, model in config["models"].items()
        if "embed" in model and chosen("encoder", model.get("encoder", {"vit": {}})).given
    ]


def misfits(model: dict, usual: list[str], given: bool, where: str) -> list[InputError]:
    """Datasets of ready profiles for a model that reads images, and the other way round; or none at all."""
    asked = dict.fromkeys([*model["train_on"], *model["embed_on"]])
    wrong = [name for name in asked if name not in usual]
    if asked and not wrong:
        return []
    expected = f"datasets {'with' if given else 'without'} `object: profile`, for "
    expected += "a model that names feature tables" if given else "an encoder that reads images"
    edit = f"{MODEL} for ready profiles, another encoder for images; or name other datasets in embed_on"
    return [InputError(expected, ", ".join(wrong) or "none", where, edit)]


def tableless(config: dict) -> list[InputError]:
    """Datasets of ready profiles that no model has tables of."""
    embedded = {name for model in config["models"].values() for name in model["embed_on"]}
    return [
        InputError(
            "a model that names the feature tables", "none", f"datasets.{name} (object: profile)", f"add {MODEL}"
        )
        for name, dataset in config["datasets"].items()
        if dataset["object"] == "profile" and name not in embedded
    ]


def paths(config: dict, dataset: str, model: str) -> list[str]:
    """The feature tables that a model names for a dataset."""
    options = config["models"][model]["encoder"]["given"]
    return feature_tables.paths(options["files"], dataset, f"models.{model}.encoder.given.files")


def read(config: dict, name: str, say) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check the feature tables of the dataset `name`; its fields (plate, well, site) and its wells table.

    The wells table may be made of the tables' metadata: its path is then written into the config. `say` is told what
    rows and features there are, and how many wells join.
    """
    dataset, where = config["datasets"][name], f"datasets.{name}"
    models = [model for model, section in config["models"].items() if name in section["embed_on"]]
    tables = {model: _checked(config, name, model, say) for model in models}
    every = [table for own in tables.values() for table in own]
    fields = pd.concat([table.rows[KEY] for table in every]).drop_duplicates().sort_values(KEY, ignore_index=True)
    dataset["wells"] = feature_wells.wells(dataset["wells"], name, every)
    wells = user_tables.wells(dataset, where, say)
    for model, own in tables.items():
        rows = pd.concat([table.rows[KEY] for table in own])
        joining.check(rows, wells, where, dataset["min_joined"], say, f"profiles of {model}")
    return fields, wells


def _checked(config: dict, dataset: str, model: str, say) -> list[Table]:
    """The tables of a model, whose rows and features are told."""
    options, where = config["models"][model]["encoder"]["given"], f"models.{model}.encoder.given"
    tables = feature_tables.opened(paths(config, dataset, model), options, where)
    level = feature_tables.check_rows(tables, options["rows"], where)
    _refuse_uncounted(config["datasets"][dataset]["aggregate"]["min_cells"], level, tables, where)
    status = feature_tables.chosen_features(tables, options["features"], options["exclude"], where)
    kept = [name for name, why in status.items() if why == "kept"]
    n = sum(len(table.rows) for table in tables)
    words = f"{counted(n, 'row')}, each a {level}, in {counted(len(tables), 'file')}"
    say(f"models.{model}: {words}; {len(kept)} of {len(status)} columns of numbers are features: {listed(kept, 3)}")
    return tables


def _refuse_uncounted(least: int, level: str, tables: list[Table], where: str) -> None:
    """InputError if wells need a number of cells, and no table says how many they have."""
    if uncounted := [table.path for table in tables if level != "cell" and least > 1 and not table.places["count"]]:
        found, edit = f"none in {uncounted[0]}", "name the column, or remove min_cells"
        raise InputError(f"a column of numbers of cells, for min_cells: {least}", found, f"{where}.count", edit)
