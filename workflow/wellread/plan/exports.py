"""Which results of a plan are also written for other programs: as CSV, AnnData, OME-TIFF."""

import json

LEVELS = ("cell", "fov", "well", "treatment")


def files(plan, dataset: str) -> list[str]:
    """The files that `export` of the config asks for, of a dataset and of the models that embed it."""
    wanted, found = plan.config["export"], []
    if wanted["csv"]:
        found += [f"results/{table}.csv" for table in tables(plan, dataset)]
    if wanted["h5ad"]:
        found += [f"results/{profiles}.h5ad" for profiles in _profiles(plan, dataset)]
    if wanted["ome_tiff"] and plan.has_masks(dataset):
        found += [f"results/{dataset}/{plate}/masks" for plate in plan.plates(dataset)]
    return found


def tables_as_csv(plan) -> list[str]:
    """The tables of all datasets that become CSV: their paths below results/, without the ending."""
    datasets = plan.config["datasets"] if plan.config["export"]["csv"] else ()
    return list(dict.fromkeys(table for name in datasets for table in tables(plan, name)))


def tables(plan, dataset: str) -> list[str]:
    """The same of one dataset and its models; not hits, ladder and alarms, whose steps write CSV themselves, nor what
    only later steps read (pooled, crossed)."""
    models, answers = plan.models(dataset), plan.results(dataset, "tasks", "measure")
    chosen = {(model, correction) for _, model, correction in answers if correction in plan.choosers}
    return [
        *(f"{dataset}/{table}" for table in _of_plates(plan, dataset)),
        *_profiles(plan, dataset),
        *(f"{dataset}/profiles/{model}/ledger" for model in models if plan.names_tables(model)),
        *(f"{dataset}/profiles/{model}/{correction}/chosen" for model, correction in sorted(chosen)),
        *(f"{dataset}/tasks/{name}/{model}_{correction}" for name, model, correction in answers),
        *(f"{dataset}/tasks/{name}/masks" for name in plan.scores(dataset)),
        f"{dataset}/ledger",
        *(f"models/{model}/training" for model in models if plan.is_trained(model)),
    ]


def _of_plates(plan, dataset: str) -> list[str]:
    kinds = ["fields", *(["objects", "rejected"] if plan.has_masks(dataset) else []), "cells", "lost"]
    plates = plan.plates(dataset) if plan.has_images(dataset) else []
    return [f"{plate}/{kind}" for plate in plates for kind in kinds]


def _profiles(plan, dataset: str) -> list[str]:
    """The profiles of every model, correction and level; of single cells without any correction."""
    return [
        f"{dataset}/profiles/{model}/{correction}/{level}"
        for model in plan.models(dataset)
        for correction in sorted(plan.chains_of(dataset))
        for level in LEVELS
        if level != "cell" or (correction == "none" and plan.reads_crops(model))
        if _has_level(plan, dataset, level)
    ]


def _has_level(plan, dataset: str, level: str) -> bool:
    """Whether the wells table has the columns that rows of a level are made by."""
    section, known = plan.config["datasets"][dataset], {*plan.columns(dataset), "dose"}
    by = {"cell": "sample", "treatment": "consensus"}.get(level)
    return not by or set(section[by]["by"]) <= known


def row_keys(plan, dataset: str, level: str) -> list[str]:
    """The columns that name the rows of profiles of a level."""
    if level == "treatment":
        return plan.config["datasets"][dataset]["consensus"]["by"]
    return ["plate", "well", *{"cell": ["site", "crop_row"], "fov": ["site"]}.get(level, [])]


def about_profiles(plan, dataset: str, model: str, correction: str, level: str) -> dict:
    """What profiles are of, for `uns` of an AnnData file; sections of the config as JSON."""
    settings = plan.result_settings
    section, how = settings["datasets"][dataset], settings["models"][model]
    sections = {"encoder": how["encoder"], "embed": how.get("embed", {}), "steps": settings["corrections"][correction]}
    about = {"software": "wellread", "dataset": dataset, "model": model, "correction": correction, "level": level}
    about |= {key: json.dumps(value) for key, value in sections.items()} | {"seed": settings["seed"]}
    about |= {"channels": section.get("channels", []), "pixel_size": section.get("pixel_size", 0.0)}
    return about | ({"crops": f"results/{dataset}/PLATE/crops.npy, row crop_row"} if level == "cell" else {})
