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
from wellread.report.wording import told
from wellread.report.words import number
from wellread.runtime import table_files
from wellread.runtime.counted import counted
from wellread.runtime.registry import chosen

REFERENCES = Path(__file__).with_name("references.bib")
FEATURES = {  # of the option `features`
    "cls": "class token",
    "cls_mean": "class token and the mean patch token",
    "cls_pooled": "class token, and the mean, standard deviation and maximum of patch tokens,",
}
MAPS = {"tsne": "t-SNE [vandermaaten2008]", "umap": "UMAP [mcinnes2018]"}


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


def _data(run: Run):
    """Fields or feature tables, plates, channels, calibration."""
    kept, lost = (run.once(ledger).get(kind, {}) for kind in ("kept", "lost"))
    plates = counted(len(run.plates), "plate")
    if not run.has_images:
        yield f"Ready profiles of {plates} were analysed."
        if "rows" in kept:
            yield (
                f"Of the feature tables, {_part(kept['rows'], lost['rows'], 'row')} and "
                f"{_part(kept['features'], lost['features'], 'column')} of numbers were used."
            )
        return
    channels = run.settings["channels"]
    yield f"Images of {plates} in {counted(len(channels), 'channel')} ({', '.join(channels)}) were analysed."
    if "fields" in kept:
        n = kept["images"] + lost["images"]
        used = f"Of {counted(n, 'field')} of view, {number(kept['fields'])}"
        yield f"{used if kept['fields'] < n else f'All {number(n)} fields of view'} could be used."
    calibrate = run.settings.get("calibrate", {})
    if "illumination" in calibrate:
        none = "none" in calibrate["illumination"]
        by = "not corrected" if none else f"corrected by {told('illumination', calibrate['illumination'])}"
        low, high = calibrate["percentiles"]
        yield f"Illumination was {by}."
        yield f"Intensities from percentile {low} to percentile {high} of a plate and channel were mapped to 0 to 255."


def _part(kept: int, lost: int, noun: str) -> str:
    """How many of how many: `9 of 10 rows`, or `all 10 rows`."""
    return f"{number(kept)} of {counted(kept + lost, noun)}" if lost else f"all {counted(kept, noun)}"


def _cells(run: Run):
    """Segmentation and crops."""
    kept, crops = run.once(ledger).get("kept", {}), run.settings.get("crops", {})
    segmented = run.has_images and run.settings.get("segment") and "objects" in kept
    if segmented:
        yield f"Segmentation by {told('segment', run.settings['segment'])} found {counted(kept['objects'], 'cell')}."
    if run.has_images and "crops" in kept:
        fixed = isinstance(crops.get("size"), int) and crops.get("window") == "fixed"
        windows = f" in windows of {crops['size']} px around the {crops['around']}" if fixed else ""
        n = number(kept["crops"]) if segmented else counted(kept["crops"], "cell")
        was = "was" if kept["crops"] == 1 else "were"
        yield f"{'Of these' if segmented else 'In all'}, {n} {was} cut out{windows}."


def _embedding(embed: dict):
    """What is read of the encoder, where that is not its class token alone, and what is appended."""
    read, blocks = embed.get("features", "cls"), embed.get("blocks", 1)
    if read != "cls" or blocks > 1 or embed.get("turn"):
        of = f" of the last {blocks} blocks" if blocks > 1 else ""
        turned = ", averaged over the eight orientations of a crop" if embed.get("turn") else ""
        yield f"An embedding consists of the {FEATURES[read]}{of}{turned}."
    measures = [f"{name} (weight {number(embed[name])})" for name in ("intensity", "texture") if embed.get(name)]
    if measures:
        yield f"Hand-made measures of {' and '.join(measures)} were appended to embeddings."


def _model(run: Run):
    """The main model: how it was trained, or which weights were given."""
    model = run.config["models"][run.main[0]] if run.main[0] else {}
    encoder = model.get("encoder", {"vit": {}})
    if run.main[0] in run.by_folder("training"):
        fit = model.get("fit", {})
        epochs = f" over {counted(fit['epochs'], 'epoch')} in batches of {fit['batch']}" if "epochs" in fit else ""
        learnt = told("train", {name: {} for name in model.get("train", {"dino": {}})})
        yield f"Cells were embedded by {told('encoder', encoder)}, trained by {learnt}{epochs}."
    elif run.has_images and run.main[0]:
        yield f"Cells were embedded by {told('encoder', encoder)}."
    if run.has_images:
        yield from _embedding(model.get("embed", {}))
    if run.main[0] in run.by_folder("model"):
        digest = json.loads(run.by_folder("model")[run.main[0]].read_text())["sha256"]
        yield f"The SHA-256 hash of its weights begins with {digest[:16]}."


def _profiles(run: Run):
    """Pooling, the chain of corrections, and which controls it was fitted on."""
    pooled, wells = run.settings.get("aggregate", {}), wells_with_profile(run)
    if {"cells", "fields"} <= set(pooled) and run.has_images:
        cells, fields = pooled["cells"], pooled["fields"]
        yield f"Cells of a field were pooled by their {cells}, and fields of a well by their {fields}."
    if wells:
        yield f"This gave the profiles of {counted(wells, 'well')}."
    steps = run.config["corrections"].get(run.main[1], [])
    if isinstance(steps, list) and steps:
        yield f"Profiles were corrected by {', then '.join(told('correction', step) for step in steps)}."
        if not any(chosen("correction", step).spends_controls for step in steps):
            yield "Steps that are fitted on negative controls used one half of these."
    elif isinstance(steps, list):
        yield "Profiles were not corrected."
    else:
        yield (
            f"The correction ({_listed(steps['choose']['among'])}) was chosen by the task {steps['choose']['by']} "
            "on other compounds than it was then applied to."
        )


def _listed(names: list[str]) -> str:
    """Alternatives: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


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
        measure = told("measure", run.config["tasks"][name]["measure"])
        looked_at = run.looked_at("tasks", name).replace("every fov", "every field of view")
        yield f"The task {name} asked of the {looked_at} {measure}."
    if run.paths("hits"):
        threshold = run.config["hits"].get("threshold", 0.05)
        yield (
            "Treatments were compared with the negative controls by mean average precision [kalinin2025], Mahalanobis "
            "distance with a shrunk covariance [ledoit2004] and energy distance; by each of them a treatment was "
            f"called active at a false-discovery rate below {threshold} [benjamini1995]."
        )
    yield from _maps(run)


def _maps(run: Run):
    drawn = {run.config.get("map", {}).get("method", "umap")} if run.maps() else set()
    drawn |= {kind for name in run.by_pair("figures") for kind in run.config["figures"][name]["draw"] if kind in MAPS}
    if drawn:
        yield f"Maps were drawn by {' and '.join(MAPS[name] for name in sorted(drawn))}."


def _software(run: Run):
    by = {name: package_version(name) for name in ("snakemake", "numpy", "scikit-learn")}
    yield (
        f"All steps were run by wellread {__version__} [wellread] in Snakemake {by['snakemake']} [molder2021], with "
        f"Python {platform.python_version()}, NumPy {by['numpy']} and scikit-learn {by['scikit-learn']}, and with seed "
        f"{run.config['seed']}."
    )
