"""The config: checked against its schema, all problems in one message, defaults filled in."""

import math
from copy import deepcopy
from difflib import get_close_matches
from functools import cache

from jsonschema import Draft202012Validator

from wellread.inputs.channels import kind
from wellread.plan import given
from wellread.plan.contradictions import contradictions
from wellread.plan.inherited import inherited
from wellread.runtime.errors import InputError
from wellread.runtime.files import read_yaml, schemas
from wellread.runtime.registry import chosen

SCHEMA = schemas() / "config.schema.yaml"


@cache
def schema() -> dict:
    """The JSON Schema of the config: keys, types, ranges, defaults, descriptions."""
    return read_yaml(SCHEMA)


def load(config: dict) -> dict:
    """Return `config` with every default filled in; raise InputError naming every offending key."""
    config, unreadable = named_by_text(config), _names_that_are_none(config) + _no_numbers(config)
    if unreadable:
        raise InputError.together(unreadable)
    config = inherited(config)
    problems = sorted(Draft202012Validator(schema()).iter_errors(config), key=lambda error: list(map(str, error.path)))
    errors = [_explain(leaf) for problem in problems for leaf in _leaves(problem)]
    errors = errors or _idle(config) or _contradictions(filled := _filled(config))
    errors = errors or contradictions(filled, config)
    if errors:
        raise InputError.together(errors)
    for name, dataset in filled["datasets"].items():
        if dataset["object"] == "crop" and "incomplete" not in config["datasets"][name].get("calibrate", {}):
            dataset["calibrate"]["incomplete"] = False  # crops are padded with zeros, as interrupted copies are
    return filled


def _filled(config: dict) -> dict:
    """The config with defaults; a dataset of ready profiles gets none about images."""
    filled = fill(deepcopy(config), schema())
    filled["datasets"] = {name: given.without_images(dataset) for name, dataset in filled["datasets"].items()}
    return filled


def named_by_text(value):
    """A config whose names that are whole numbers to YAML, such as 20240115 or 1, are text again."""
    if isinstance(value, list):
        return [named_by_text(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) is int else key: named_by_text(item) for key, item in value.items()}


def _no_numbers(value, where: str = "") -> list[InputError]:
    """Numbers that are none, .nan and .inf."""
    if isinstance(value, float) and not math.isfinite(value):
        return [InputError("a number", f"{value}", where, "write another value")]
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    return [error for key, item in pairs for error in _no_numbers(item, f"{where}.{key}".lstrip("."))]


def _names_that_are_none(value, where: str = "") -> list[InputError]:
    """Names that YAML has made something else of: NO, on and yes true or false, 1.50 a number, 2024-01-15 a date."""
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    errors = []
    for key, item in pairs:
        if not isinstance(key, str | int) or isinstance(key, bool):
            found = f"{key!r}{' (NO, OFF, no, on, yes are true or false to YAML)' if isinstance(key, bool) else ''}"
            edit = f"write quotes around the name{'' if isinstance(key, bool) else f': {str(key)!r}'}"
            errors.append(InputError("a name that is text", found, where or "the top level", edit))
        errors += _names_that_are_none(item, f"{where}.{key}".lstrip("."))
    return errors


def fill(value, rule: dict):
    """Fill in the defaults of `rule` (a JSON Schema) wherever `value` leaves a key out."""
    rule = resolve(rule)
    if isinstance(value, dict):
        for key, sub in rule.get("properties", {}).items():
            default = resolve(sub).get("default", sub.get("default"))
            if key not in value and default is not None and "maxProperties" not in rule:
                value[key] = deepcopy(default)
        subrules = rule.get("properties", {}), rule.get("additionalProperties")
        for key in value:
            value[key] = fill(value[key], subrules[0].get(key) or subrules[1] or {})
    elif isinstance(value, list):
        value = [fill(item, rule.get("items", {})) for item in value]
    elif isinstance(value, float) and "integer" in rule.get("type", ()) and value.is_integer():
        value = int(value)  # 1.0e+3, a whole number to the schema
    return value


def that_change_results(value, rule=None):
    """`value` without the keys that the schema marks `reruns: false`, such as how many cells are embedded at a time."""
    rule = schema() if rule is None else resolve(rule)
    if isinstance(value, list):
        return [that_change_results(item, rule.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    subrules = {key: rule.get("properties", {}).get(key) or rule.get("additionalProperties") or {} for key in value}
    kept = [key for key in value if resolve(subrules[key]).get("reruns", True)]
    return {key: that_change_results(value[key], subrules[key]) for key in kept}


def resolve(rule) -> dict:
    """Follow a `$ref` into the schema's `$defs`."""
    if isinstance(rule, dict) and "$ref" in rule:
        return schema()["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    return rule if isinstance(rule, dict) else {}


def _leaves(problem):
    return [leaf for sub in problem.context for leaf in _leaves(sub)] if problem.context else [problem]


def _explain(problem) -> InputError:
    where = ".".join(map(str, problem.absolute_path)) or "the top level"
    known = list(problem.schema.get("properties", {}))
    if problem.validator == "additionalProperties":
        extra = [key for key in problem.instance if key not in known]
        near = [f"{key} -> {match[0]}" for key in extra if (match := get_close_matches(str(key), known, 1, 0.5))]
        hint = f"did you mean {', '.join(near)}?" if near else "remove it"
        return InputError(f"only these keys: {', '.join(known)}", f"{', '.join(map(str, extra))}", where, hint)
    if problem.validator == "required":
        missing = [key for key in problem.validator_value if key not in problem.instance]
        return InputError(f"the key {', '.join(missing)}", f"only {list(problem.instance)}", where, "add the key")
    hint = problem.schema.get("description", "change the value")
    found = f"{problem.instance!r}{_hint(problem.instance, problem.validator_value)}"
    return InputError(_wanted(problem), found, where, hint)


def _wanted(problem) -> str:
    wanted = {
        "type": lambda v: f"a value of type {v if isinstance(v, str) else ' or '.join(v)}",
        "enum": lambda v: f"one of {', '.join(map(str, v))}",
        "minimum": lambda v: f"a number of at least {v}",
        "maximum": lambda v: f"a number of at most {v}",
        "exclusiveMinimum": lambda v: f"a number above {v}",
        "maxProperties": lambda v: f"exactly one of {', '.join(problem.schema.get('properties', {}))}",
        "minProperties": lambda v: f"at least {v} key",
        "minItems": lambda v: f"at least {v} item",
        "uniqueItems": lambda v: "no item twice",
        "propertyNames": lambda v: f"names that match {v.get('pattern')}",
        "pattern": lambda v: _or_words(v) if "integer" in problem.schema.get("type", "") else f"text that matches {v}",
    }
    return wanted.get(problem.validator, lambda v: f"{problem.validator} {v}")(problem.validator_value)


def _or_words(pattern: str) -> str:
    """What a key takes that is a number or one of the words of a pattern such as ^(max|focus)$."""
    return " or ".join(["a whole number", *filter(None, pattern.strip("^$()").split("|"))])


def _hint(value, wanted) -> str:
    """What YAML may have made of something else."""
    if wanted == "string" and isinstance(value, bool):
        return " (NO, OFF, no, on, yes are true or false to YAML: write quotes around the word)"
    if wanted == "string" and value is not None and not isinstance(value, dict | list):
        return f" (no text to YAML: write quotes around it, '{value}')"
    if value is None:
        return " (an empty section is written {})"
    try:
        float(value)
    except (TypeError, ValueError):
        return ""
    return " (text to YAML: write 1.0e-3, not 1e-3)" if isinstance(value, str) else ""


def _contradictions(config: dict) -> list[InputError]:
    """What no schema can say: names must exist elsewhere in the config, models need one set of channels."""
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
    errors += given.tableless(config)
    errors += [error for name in config["models"] for error in _shuffled(config["models"], name)]
    errors += [error for name, model in config["models"].items() for error in _maskless(datasets, name, model)]
    errors += [
        unknown(config["hits"][noun], config[f"{noun}s"], f"hits.{noun}")
        for noun in ("model", "correction")
        if config.get("hits", {}).get(noun) and config["hits"][noun] not in config[f"{noun}s"]
    ]
    named = {name: dataset["headline"] for name, dataset in datasets.items() if dataset["headline"]}
    errors += [
        e for name, one in named.items() for e in _strangers([one], config["corrections"], f"datasets.{name}.headline")
    ]
    for noun in ("tasks", "figures"):
        for name, entry in config[noun].items():
            where, asked = f"{noun}.{name}", entry.setdefault("datasets", entry["pool"][:1] or list(datasets))
            strangers = _strangers(entry["pool"], datasets, f"{where}.pool")
            strangers += _strangers(asked, entry["pool"] or datasets, f"{where}.datasets")
            strangers += _strangers(entry.get("models", []), config["models"], f"{where}.models")
            strangers += _strangers(entry.get("corrections", []), config["corrections"], f"{where}.corrections")
            errors += strangers or _unfit(entry, datasets, where) + _unpooled(config, entry, where)
            errors += [] if strangers else _without_patches(config, entry, where)
    return errors


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


def _unfit(entry: dict, datasets: dict, where: str) -> list[InputError]:
    """Tasks and figures that no dataset can answer or that say too little or too much."""
    if "measure" not in entry and len({"draw", "look", "patches"} & set(entry)) != 1:
        return [
            InputError("one of draw, look, patches", ", ".join(entry), where, "say what to draw, or what to look at")
        ]
    ((section, settings),) = ((key, entry[key]) for key in ("measure", "draw", "look", "patches") if key in entry)
    asked = chosen(section, settings)
    if (idle := [key for key in ("where", "pool") if entry[key]]) and (asked.masks or section in ("look", "patches")):
        found, edit = "one of images", f"remove {idle[0]}"
        return [InputError(f"{idle[0]} of tasks and figures of profiles only", found, where, edit)]
    if not asked.masks and entry["level"] not in asked.levels:
        edit = f"write level: {asked.levels[-1]} in {where}"
        return [InputError(f"{asked.name} of {' or '.join(asked.levels)} profiles", entry["level"], where, edit)]
    edit = f"name other datasets in {where}.datasets, or remove {where}"
    ready = [name for name in entry["datasets"] if datasets[name]["object"] == "profile"]
    if entry["level"] == "cell" and ready:
        return [InputError("a dataset of single cells for level: cell", f"profiles in {ready[0]}", where, edit)]
    wanted = "`object: cell`, which has masks" if asked.masks else "images"
    return [
        InputError(f"a dataset with {wanted}", f"{name}: object: {datasets[name]['object']}", where, edit)
        for name in entry["datasets"]
        if (asked.masks and datasets[name]["object"] != "cell") or (section in ("look", "patches") and name in ready)
    ]


def _without_patches(config: dict, entry: dict, where: str) -> list[InputError]:
    """Of a figure of patch tokens: models that have none, and datasets whose crops are removed."""
    if "patches" not in entry:
        return []
    encoders = {name: config["models"][name].get("encoder", {"vit": {}}) for name in entry.get("models", ())}
    found = [name for name, encoder in encoders.items() if not chosen("encoder", encoder).patches]
    edit = "name other models there"
    errors = [InputError("models that have patch tokens", ", ".join(found), f"{where}.models", edit)] if found else []
    gone = [name for name in entry["datasets"] if not config["datasets"][name].get("keep_crops", True)]
    edit = "remove keep_crops: false of the dataset"
    return errors + [InputError("crops that are kept", f"none of {name}", f"{where}.datasets", edit) for name in gone]


def _unpooled(config: dict, entry: dict, where: str) -> list[InputError]:
    """Datasets that are pooled, but differ in their channels or have no model in common."""
    pooled, where, edit = entry["pool"], f"{where}.pool", "pool other datasets"
    if ready := [name for name in pooled if config["datasets"][name]["object"] == "profile"]:
        edit = "name the tables of all in one dataset, where they meet on the features that all have"
        return [InputError("datasets with images, whose profiles have the same columns", ready[0], where, edit)]
    channels = {name: ", ".join(config["datasets"][name].get("channels", ())) for name in pooled}
    if len(set(channels.values())) > 1:
        found = "; ".join(f"{own} of {name}" for name, own in channels.items())
        return [InputError("datasets of the same channels", found, where, edit)]
    if any(set(pooled) <= set(model["embed_on"]) for model in config["models"].values()):
        return []
    return [InputError(f"a model that embeds {', '.join(pooled)}", "none", where, "add them to embed_on of a model")]


def _idle(config: dict) -> list[InputError]:
    """Settings of training for a model whose encoder is a given one."""
    keys = ("train", "views", "fit", "probe", "agreement", "processes", "nodes", "train_on", "plates")
    encoders = {name: model.get("encoder", {"vit": {}}) for name, model in config["models"].items()}
    untrained = [name for name, encoder in encoders.items() if not chosen("encoder", encoder).trained]
    edit = "remove them, or use `encoder: {vit: ...}`, which is trained"
    return given.idle(config) + [
        InputError("nothing about training for an encoder that is given", ", ".join(idle), f"models.{name}", edit)
        for name in untrained
        if (idle := [key for key in keys if key in config["models"][name]])
    ]


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
    errors = [
        unknown(channel, wanted, f"models.{name}.views.{option}")
        for option in ("kept_channels", "rescaled_channels")
        for channel in model["views"][option]
        if channel not in wanted
    ]
    if model["encoder"]["vit"]["each_channel"]:
        return errors
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
