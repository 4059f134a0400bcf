"""The chapter methods: a paragraph ready to paste, of settings, counts, seeds and hashes, and what it cites."""

import json
import platform
import re
from pathlib import Path

from wellread import __version__
from wellread.profiles.ledger import is_kept
from wellread.report.ledger import ledger
from wellread.report.provenance import package_version
from wellread.report.run import Run
from wellread.runtime import table_files
from wellread.runtime.counted import counted
from wellread.runtime.registry import chosen

REFERENCES = Path(__file__).with_name("references.bib")
CITED = {  # {section of the config: {name: what it is after}}
    "segment": {"otsu_watershed": "otsu1979", "cellpose": "stringer2021"},
    "train": {"dino": "moutakanni2025", "simclr": "chen2020", "mae": "he2022", "supervised": "moshkov2024",
              "attention_mlp": "moutakanni2025"},
    "encoder": {"cell_dino": "moutakanni2025"},
    "correction": {"tvn": "ando2017", "coral": "sun2016", "harmony": "korsunsky2019"},
    "measure": {"average_precision": "kalinin2025", "nearest_class": "ljosa2013", "retrieval": "morphohelm",
                "mixing": "korsunsky2019", "assay_quality": "zhang1999"},
}  # fmt: skip
MAPS = {"tsne": "t-SNE [vandermaaten2008]", "umap": "UMAP [mcinnes2018]"}
NOUNS = {"fov": "field of view"}  # levels of profiles, in words


def methods(run: Run) -> dict:
    """`sentences` of the main model and correction, each true of the config or the ledger, and the `bibtex` they cite.

    A citation is a key of references.bib in brackets.
    """
    sentences = [*_data(run), *_cells(run), *_model(run), *_profiles(run), *_tasks(run), *_software(run)]
    cited = sorted({key for sentence in sentences for key in re.findall(r"\[(\w+)\]", sentence)} & set(references()))
    return {"sentences": sentences, "bibtex": "\n\n".join(references()[key] for key in cited)}


def references() -> dict[str, str]:
    """The entries of references.bib by key."""
    entries = REFERENCES.read_text(encoding="utf-8").strip().split("\n\n")
    return {re.match(r"@\w+\{(\w+),", entry)[1]: entry for entry in entries}


def told(section: str, settings: dict) -> str:
    """A choice of the config, {name: options}, in words: its name, what it is after, and its options.

    Options that are empty, off or 0 (often: as the images or data have it), and hashes and paths of files, are left
    out; so is the size that an encoder's own numbers replace.
    """
    ((name, options),) = settings.items()
    replaced = {"arch"} if {"dim", "depth", "heads"} <= {key for key, value in options.items() if value} else set()
    cited = f" [{CITED[section][name]}]" if name in CITED.get(section, {}) else ""
    shown = {key: value for key, value in options.items() if value and key not in {*HIDDEN, *replaced}}
    words = ", ".join(f"{key.replace('_', ' ')} {_value(value)}" for key, value in shown.items())
    return f"{name}{cited}" + (f" ({words})" if words else "")


HIDDEN = ("path", "sha256", "truth", "weights", "start")


def _value(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(own)}" for key, own in value.items())
    return " to ".join(map(_value, value)) if _is_range(value) else _plain(value)


def _is_range(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(own, int | float) for own in value)


def _plain(value) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _data(run: Run):
    """Fields or feature tables, plates, channels, calibration."""
    kept, lost = (run.once(ledger).get(kind, {}) for kind in ("kept", "lost"))
    plates = counted(len(run.plates), "plate")
    if not run.has_images:
        yield f"Ready feature tables of {plates} were analysed."
        return
    channels = run.settings["channels"]
    yield f"Images of {plates} in {len(channels)} channels ({', '.join(channels)}) were analysed."
    if "fields" in kept:
        yield f"Of {kept['images'] + lost['images']:,} fields of view, {kept['fields']:,} could be used."
    calibrate = run.settings.get("calibrate", {})
    if "illumination" in calibrate:
        yield (
            (
                f"Illumination was corrected by {told('illumination', calibrate['illumination'])}, and counts between "
                f"percentiles {_value(calibrate['percentiles'])} of a plate and channel became 0 to 255."
            )
            if "none" not in calibrate["illumination"]
            else (
                "Illumination was not corrected; counts between percentiles "
                f"{_value(calibrate['percentiles'])} of a plate and channel became 0 to 255."
            )
        )


def _cells(run: Run):
    """Segmentation and crops."""
    kept, crops = run.once(ledger).get("kept", {}), run.settings.get("crops", {})
    if run.has_images and run.settings.get("segment") and "objects" in kept:
        yield f"Segmentation by {told('segment', run.settings['segment'])} found {kept['objects']:,} cells."
    if run.has_images and "crops" in kept:
        fixed = isinstance(crops.get("size"), int) and crops.get("window") == "fixed"
        windows = f", in windows of {crops['size']} px around the {crops['around']}" if fixed else ""
        yield f"{kept['crops']:,} cells were cut out{windows}."


def _model(run: Run):
    """The main model: how it was trained, or which weights were given."""
    model = run.config["models"][run.main[0]] if run.main[0] else {}
    encoder = model.get("encoder", {"vit": {}})
    if run.main[0] in run.by_folder("training"):
        fit = model.get("fit", {})
        epochs = f" over {fit['epochs']} epochs in batches of {fit['batch']}" if "epochs" in fit else ""
        learnt = told("train", {name: {} for name in model.get("train", {"dino": {}})})
        yield f"The encoder, {told('encoder', encoder)}, was trained by {learnt}{epochs}, seed {run.config['seed']}."
    elif run.has_images and run.main[0]:
        yield f"Profiles come from the encoder {told('encoder', encoder)}."
    if run.main[0] in run.by_folder("model"):
        digest = json.loads(run.by_folder("model")[run.main[0]].read_text())["sha256"]
        yield f"The SHA-256 of its weights begins with {digest[:16]}."


def _profiles(run: Run):
    """Pooling, the chain of corrections, and which controls it was fitted on."""
    pooled, wells = run.settings.get("aggregate", {}), wells_with_profile(run)
    if {"cells", "fields"} <= set(pooled) and run.has_images:
        yield f"Cells of a field were pooled by their {pooled['cells']}, fields of a well by their {pooled['fields']}."
    if wells:
        yield f"{wells:,} wells got a profile."
    steps = run.config["corrections"].get(run.main[1], [])
    if isinstance(steps, list) and steps:
        chain = ", then ".join(told("correction", step) for step in steps)
        spent = any(chosen("correction", step).spends_controls for step in steps)
        half = "" if spent else "; what is fitted on negative controls is fitted on half of them"
        yield f"Profiles were corrected by {chain}{half}."
    elif isinstance(steps, list):
        yield "Profiles were not corrected."
    else:
        among, by = ", ".join(steps["choose"]["among"]), steps["choose"]["by"]
        yield f"The correction was chosen among {among}, by the task {by} on other compounds."


def wells_with_profile(run: Run) -> int:
    """How many wells have a profile of the main model, by the ledger; 0 without one."""
    tables = [table_files.read(path, "ledger") for path in run.paths("ledger")]
    kept = [
        rows[(rows["stage"] == "wells") & rows["model"].isin([run.main[0], ""]) & is_kept(rows["reason"])]
        for rows in tables
    ]
    return sum(int(rows["n"].sum()) for rows in kept)


def _tasks(run: Run):
    """What was measured, and the list of hits."""
    for name in run.by_pair("tasks"):
        task = run.config["tasks"][name]
        level = NOUNS.get(task["level"], task["level"])
        yield f"The task {name} asked {told('measure', task['measure'])} of profiles of every {level}."
    if run.paths("hits"):
        threshold = run.config["hits"].get("threshold", 0.05)
        yield (
            "Treatments were compared with the negative controls by mean average precision [kalinin2025], Mahalanobis "
            "distance with a shrunk covariance [ledoit2004] and energy distance; a test calls a treatment active at a "
            f"false-discovery rate below {threshold} [benjamini1995]."
        )
    yield from _maps(run)


def _maps(run: Run):
    drawn = {run.config.get("map", {}).get("method", "umap")} if run.maps() else set()
    drawn |= {kind for name in run.by_pair("figures") for kind in run.config["figures"][name]["draw"] if kind in MAPS}
    if drawn:
        yield f"Maps are by {' and '.join(MAPS[name] for name in sorted(drawn))}."


def _software(run: Run):
    by = {name: package_version(name) for name in ("snakemake", "numpy", "scikit-learn")}
    yield (
        f"All was done by wellread {__version__} [wellread] in Snakemake {by['snakemake']} [molder2021], with Python "
        f"{platform.python_version()}, NumPy {by['numpy']} and scikit-learn {by['scikit-learn']}, "
        f"seed {run.config['seed']}."
    )
