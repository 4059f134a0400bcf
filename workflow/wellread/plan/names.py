"""What no schema can say: names must exist elsewhere in the config, and what they name must fit where they stand."""

from difflib import get_close_matches

from wellread.inputs.channels import kind
from wellread.inputs.cleaning import alike
from wellread.plan import entries, given
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

NAMED = ("datasets", "models", "corrections", "tasks", "figures", "tables")  # whose names are those of files
CHANNEL_VIEWS = ("kept_channels", "rescaled_channels")  # options of views that name channels


def misnamed(config: dict) -> list[InputError]:
    """Names that stand for nothing, or for what does not fit; what models, tasks and figures are of is filled in."""
    datasets = config["datasets"]
    imaged = {name: dataset for name, dataset in datasets.items() if dataset["object"] != "profile"}
    errors = [error for name in imaged for error in _segment_channels(name, imaged[name])]
    errors += [error for name in imaged for error in _unscaled(name, imaged[name]) + _sizeless(name, imaged[name])]
    for name, model in config["models"].items():
        encoder = chosen("encoder", model["encoder"])
        usual = [one for one in datasets if (one not in imaged) == encoder.given]
        model.setdefault("train_on", usual if encoder.trained else [])
        model.setdefault("embed_on", list(model["train_on"]) or usual)
        strangers = _strangers(model["train_on"], datasets, f"models.{name}.train_on")
        strangers += _strangers(model["embed_on"], datasets, f"models.{name}.embed_on")
        strangers = strangers or given.misfits(model, usual, encoder.given, f"models.{name}")
        errors += strangers or (_trainable(config, name, model) if encoder.trained else [])
    errors += given.tableless(config) + _alike(config)
    errors += [error for name in config["models"] for error in _shuffled(config["models"], name)]
    errors += [error for name, model in config["models"].items() for error in _maskless(datasets, name, model)]
    errors += [
        unknown(config["hits"][noun], config[f"{noun}s"], f"hits.{noun}")
        for noun in ("model", "correction")
        if config.get("hits", {}).get(noun) and config["hits"][noun] not in config[f"{noun}s"]
    ]
    for name, dataset in datasets.items():
        own = dataset.get("corrections", config["corrections"])
        errors += _strangers(list(own), config["corrections"], f"datasets.{name}.corrections")
        errors += _strangers([dataset["headline"]] if dataset["headline"] else [], own, f"datasets.{name}.headline")
    for noun in ("tasks", "figures"):
        for name, entry in config[noun].items():
            where, asked = f"{noun}.{name}", entry.setdefault("datasets", entry["pool"][:1] or list(datasets))
            strangers = _strangers(entry["pool"], datasets, f"{where}.pool")
            strangers += _strangers(asked, entry["pool"] or datasets, f"{where}.datasets")
            strangers += _strangers(entry.get("models", []), config["models"], f"{where}.models")
            strangers += _strangers(entry.get("corrections", []), config["corrections"], f"{where}.corrections")
            errors += strangers or [
                *entries.unfit(entry, datasets, where),
                *entries.unpooled(config, entry, where),
                *entries.without_patches(config, entry, where),
            ]
    return errors


def _alike(config: dict) -> list[InputError]:
    """Names of results that differ by case alone: to many disks, as those of a Mac, they are one file."""
    edit = "give them names that differ in more; disks that know no case would keep one result of both"
    return [
        InputError("names that differ in more than case", " and ".join(group), noun, edit)
        for noun in NAMED
        for group in alike(config.get(noun, {}))
    ]


def _shuffled(models: dict, name: str) -> list[InputError]:
    """Models whose profiles are to be shuffled that are not there, have no embeddings or lack a dataset."""
    (encoder,), where = models[name]["encoder"].items(), f"models.{name}"
    if encoder[0] != "shuffled":
        return []
    of, where_of = encoder[1]["of"], f"{where}.encoder.shuffled.of"
    embedding = [other for other in models if not chosen("encoder", models[other]["encoder"]).blind]
    if of not in embedding:
        return [unknown(of, embedding, where_of, "a model that looks at pixels")]
    lacking = [dataset for dataset in models[name]["embed_on"] if dataset not in models[of]["embed_on"]]
    edit = f"write embed_on: [{', '.join(models[of]['embed_on'])}] in {where}"
    return [InputError(f"datasets that {of} embeds", ", ".join(lacking), f"{where}.embed_on", edit)] if lacking else []


def _maskless(datasets: dict, name: str, model: dict) -> list[InputError]:
    """Datasets without masks for a model that looks at them."""
    without = [d for d in model["embed_on"] if d in datasets and datasets[d]["object"] != "cell"]
    if not chosen("encoder", model["encoder"]).masks or not without:
        return []
    where, edit = f"models.{name}.embed_on", "name other datasets there"
    return [InputError("datasets with `object: cell`, which have masks", ", ".join(without), where, edit)]


def _strangers(names: list[str], known, where: str) -> list[InputError]:
    return [unknown(name, known, where) for name in names if name not in known]


def _segment_channels(name: str, dataset: dict) -> list[InputError]:
    if dataset["object"] != "cell":
        return []
    ((method, options),) = dataset["segment"].items()
    where = f"datasets.{name}.segment.{method}"
    named = [(option, options[option]) for option in chosen("segment", dataset["segment"]).channels]
    listed = [(option, [value] if isinstance(value, str) else value) for option, value in named]
    return [
        unknown(channel, dataset["channels"], f"{where}.{option}")
        for option, channels in listed
        for channel in filter(None, channels)
        if channel not in dataset["channels"]
    ]


def _unscaled(name: str, dataset: dict) -> list[InputError]:
    """Sizes in micrometres where nobody knows how large a pixel is."""
    ((method, options),) = dataset["segment"].items()
    sizes = {f"segment.{method}.{key}": options[key] for key in chosen("segment", dataset["segment"]).micrometres}
    sizes["crops.target_pixel_size"] = dataset["crops"]["target_pixel_size"]
    return [
        InputError("the pixel_size of the dataset, which sizes in micrometres need", "0 (unknown)", where, edit)
        for key, value in sizes.items()
        if value and not dataset["pixel_size"]
        if (where := f"datasets.{name}.{key}") and (edit := f"datasets.{name}.pixel_size, or leave the key out")
    ]


def _sizeless(name: str, dataset: dict) -> list[InputError]:
    """Crops whose size is to be found from cells where none are segmented."""
    if dataset["object"] == "cell" or dataset["crops"]["size"] != "auto":
        return []
    found, edit = f"object: {dataset['object']}", "write the size in pixels"
    return [InputError("object: cell, for a size that is found from cells", found, f"datasets.{name}.crops.size", edit)]


def unknown(name: str, known, where: str, what: str = "") -> InputError:
    """The error of a name that is not among those `known`, with the one that was perhaps meant."""
    near = get_close_matches(name.lower(), {other.lower(): other for other in known}, 1, 0.5)
    alike = [other for other in known if kind(name) and kind(other) == kind(name)]  # DNA of a channel Hoechst
    near = [next(o for o in known if o.lower() == near[0])] if near else alike
    hint = f"did you mean {near[0]}?" if near else "use one of the names above"
    return InputError((f"{what}: " if what else "") + f"one of {', '.join(known)}", name, where, hint)


def _trainable(config: dict, name: str, model: dict) -> list[InputError]:
    """The datasets of a model share their channels, and its views name no others."""
    first, *others = dict.fromkeys(model["train_on"] + model["embed_on"])
    wanted = config["datasets"][first]["channels"]
    named = [(f"models.{name}.views.{option}", model["views"][option]) for option in CHANNEL_VIEWS]
    if model["encoder"]["vit"]["each_channel"]:
        expected, edit = "none, as a view of an encoder with each_channel is of one channel", "leave it empty: []"
        return [InputError(expected, ", ".join(channels), where, edit) for where, channels in named if channels]
    errors = [unknown(one, wanted, where) for where, channels in named for one in channels if one not in wanted]
    return errors + [
        InputError(
            f"the channels of {first}, in their order: {', '.join(wanted)}",
            f"{', '.join(found)} in {other}",
            f"models.{name}.train_on / embed_on",
            "give the model only datasets that share its channels, or reorder the channels of the dataset",
        )
        for other in others
        if (found := config["datasets"][other]["channels"]) != wanted
    ]
