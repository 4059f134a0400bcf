"""The config: checked against its schema, all problems in one message, defaults filled in."""

import math
from copy import deepcopy
from functools import cache

from wellread.plan import given, grids
from wellread.plan.contradictions import contradictions
from wellread.plan.explain import refused
from wellread.plan.inherited import inherited
from wellread.plan.names import misnamed
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
    errors = refused(config, schema()) or _idle(config) or grids.errors(config, schema())
    config = config if errors else grids.expanded(config)
    errors = errors or misnamed(filled := _filled(config))
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


def _idle(config: dict) -> list[InputError]:
    """Settings of training for a model whose encoder is a given one."""
    keys = ("train", "views", "fit", "probe", "agreement", "processes", "nodes", "train_on", "plates", "grid")
    encoders = {name: model.get("encoder", {"vit": {}}) for name, model in config["models"].items()}
    untrained = [name for name, encoder in encoders.items() if not chosen("encoder", encoder).trained]
    edit = "remove them, or use `encoder: {vit: ...}`, which is trained"
    return given.idle(config) + [
        InputError("nothing about training for an encoder that is given", ", ".join(idle), f"models.{name}", edit)
        for name in untrained
        if (idle := [key for key in keys if key in config["models"][name]])
    ]
