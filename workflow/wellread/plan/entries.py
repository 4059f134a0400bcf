"""Tasks and figures of the config: which datasets can answer them, and which can be pooled."""

from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen


def unfit(entry: dict, datasets: dict, where: str) -> list[InputError]:
    """Tasks and figures that no dataset can answer or that say too little or too much."""
    if "measure" not in entry and len({"draw", "look", "patches"} & set(entry)) != 1:
        edit = "say what to draw, or what to look at"
        return [InputError("one of draw, look, patches", ", ".join(entry), where, edit)]
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


def without_patches(config: dict, entry: dict, where: str) -> list[InputError]:
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


def unpooled(config: dict, entry: dict, where: str) -> list[InputError]:
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
