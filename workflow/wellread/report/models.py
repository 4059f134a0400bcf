"""The chapters train, embed and correct: training curves, the encoders, and the effect of corrections."""

import json

import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.profiles.controls import is_evaluation, is_fitting
from wellread.report import svg
from wellread.report.run import Run
from wellread.runtime import table_files
from wellread.train.collapse import collapse_warnings

DESCRIPTIONS = {  # of columns of training.parquet, on the page; others have none
    "loss": "sum of the losses, weighted; need not reach 0",
    "global": "cross-entropy of the student's prediction of the teacher from another global view of the same cell",
    "local": "the same from a local view",
    "ibot": "the same for masked patches of a cell",
    "koleo": "the lower, the more the embeddings of a batch are spread out",
    "contrast": "cross-entropy of finding the other view of a cell among all views of the batch",
    "paint": "reconstruction loss: mean squared error of the pixels of the masked patches",
    "classify": "cross-entropy of the predicted labels",
    "accuracy": "proportion of training cells whose labels are predicted",
    "validation_macro_f1": "macro F1 of the labels of wells that are to choose among models, at the end of training",
    "probe": "balanced accuracy of a label predicted by the nearest cells of other wells",
    "agreement": "how often halves of a well are more alike than halves of two wells (chance: 0.5)",
    "gradient": "norm of the gradient before clipping; a lasting rise means unstable training",
    "entropy": "entropy of the teacher's output: 1 if all prototypes are equally likely, 0 if one is certain; "
    "normal is between, below 0.97",
    "feature_sd": "spread of the embeddings: 1 if they point in all directions, 0 if all are the same; normal is a "
    "plateau well above 0.05, below which they have collapsed",
    "effective_rank": "number of independent directions of the tokens of single cells, each scaled to length 1, in the "
    "last batch of an epoch; normal is a rise, then a plateau; below 2 they have collapsed",
}
OF_TEACHER = ("global", "local", "ibot")  # losses against a teacher that learns too
LOSSES = ("loss", *OF_TEACHER, "koleo", "contrast", "paint", "classify")
WINDOW, RISE = 0.2, 0.1  # of the logged steps, whose mean is taken; of the range of a loss, from where on it has risen
DISPLAYED = {
    "paint": "reconstruction",
    "effective_rank": "effective rank of cells",
}  # columns whose name on the page is another
SCHEDULES = ("lr", "backbone_lr", "last_lr", "weight_decay", "momentum", "temperature")


def train(run: Run) -> dict:
    """Training curves of every model that was trained in this run."""
    training, cards = run.by_folder("training"), run.by_folder("model")
    models = [model for model in run.config["models"] if model in training]
    return {"models": [_curves(run, model, training[model]) | _chosen(cards.get(model)) for model in models]}


def _chosen(card) -> dict:
    """What model.json says of settings that were `chosen` from a grid, and `of` how many combinations; or None."""
    return {"grid": json.loads(card.read_text()).get("grid") if card else None}


def _curves(run: Run, model: str, path) -> dict:
    ((method, options),) = run.config["models"][model].get("train", {"dino": {}}).items()
    table = table_files.read(path, "training")
    curves = [_curve(name, table) for name in table if name not in ("step", "epoch")]
    last = table.iloc[-1]
    return {
        "model": model,
        "method": method,
        "label": options.get("label", ""),
        "steps": int(last["step"]) + 1,
        "curves": [curve for curve in curves if curve["name"] not in SCHEDULES],
        "schedules": [curve for curve in curves if curve["name"] in SCHEDULES],
        "warnings": collapse_warnings(last),
    }


def _curve(name: str, table: pd.DataFrame) -> dict:
    points = table[["step", name]].dropna()
    picture = svg.curve(*points.to_numpy(float).T.tolist()) if len(points) else ""
    told = {"name": DISPLAYED.get(name, name), "description": DESCRIPTIONS.get(name, ""), "svg": picture}
    return told | {"remark": rise(name, table)}


def rise(name: str, table: pd.DataFrame) -> str:
    """What is to be said of a loss that has risen by the end of the training run: from its lowest, by moving means.

    Against a teacher that became less certain a prediction costs more: its entropy is part of the cross-entropy. All
    other rises have no such reason. "" of what is no loss, or has risen by less than a tenth of its range.
    """
    means = {column: _moving_means(table[column]) for column in (name, "entropy") if column in table}
    if name not in LOSSES or len(means[name]) < 2:
        return ""
    lowest, end = int(np.argmin(means[name])), means[name][-1]
    if end - means[name][lowest] < RISE * np.ptp(table[name].dropna()):
        return ""
    told = f"It rose from {means[name][lowest]:.3g} to {end:.3g}"
    taught = set(OF_TEACHER) & set(table) and name in (*OF_TEACHER, "loss") and "entropy" in means
    if taught and means["entropy"][-1] > means["entropy"][lowest]:
        return (
            f"{told}, while the entropy of the teacher rose from {means['entropy'][lowest]:.3g} to "
            f"{means['entropy'][-1]:.3g}: what is to be predicted became less certain."
        )
    return f"{told}, for no reason that is known here: look at the learning rate and the views."


def _moving_means(values: pd.Series) -> np.ndarray:
    """Means of a fifth of the logged values each, from the first to the last."""
    values = values.dropna()
    return values.rolling(max(1, round(WINDOW * len(values)))).mean().dropna().to_numpy()


def embed(run: Run) -> dict:
    """The facts about every encoder, and the dimension and effective rank of its profiles."""
    wells = {model: path for (model, correction), path in run.profiles().items() if correction == "none"}
    cards = run.by_folder("model")
    shown = [model for model in run.config["models"] if model in {*cards, *wells}]
    return {"models": [_encoder(run, model, cards.get(model), wells.get(model)) for model in shown]}


def _encoder(run: Run, model: str, card, profile) -> dict:
    facts = json.loads(card.read_text()) if card else _facts_from_config(run.config["models"][model])
    X = tables.split(table_files.read(profile, "profiles"))[1] if profile else np.zeros((0, 0))
    return {
        "model": model,
        "facts": facts,
        "dimensions": X.shape[1],
        "wells": len(X),
        "rank": effective_rank(X) if len(X) > 1 else None,
    }


def _facts_from_config(model: dict) -> dict:
    """The facts about an encoder that was not trained in this run, from the config."""
    ((kind, options),) = model.get("encoder", {"vit": {}}).items()
    shown = {name: value for name, value in options.items() if name not in ("sha256", "channels") and value is not None}
    facts = {"encoder": {"": kind} | shown, "channels": options.get("channels", [])}
    return facts | {"sha256": options.get("sha256", "")} if kind != "vit" else {}


def effective_rank(X: np.ndarray) -> float:
    """Effective rank of X (n, D): exp of the entropy of the variances of its principal axes (Roy & Vetterli 2007)."""
    S = np.linalg.eigvalsh(np.cov(X.T)).clip(0)
    p = S[S > 0] / S.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def correct(run: Run) -> dict:
    """For every model and correction: its numbers of controls, how far it overfits them, and the plate effect left."""
    steps = run.config["corrections"]
    rows = [
        {"model": model, "correction": correction, "steps": steps[correction], **_control_statistics(path)}
        for (model, correction), path in run.profiles().items()
    ]
    few = [row for row in rows if "sphering" in map(_name, row["steps"]) and row["fit"] < 2 * row["dimensions"]]
    return {"rows": rows, "few": few}


def _name(step: dict) -> str:
    return next(iter(step))


def _control_statistics(path) -> dict:
    """Numbers of the negative controls of both halves, their spread and their plate effect.

    `spread`: mean squared distance of the evaluation controls to the mean of the n fitting ones, over that of the
    fitting controls, and over (n + 1) / (n - 1), which controls have that nothing was fitted on. `plate`: proportion of
    the variance of the evaluation controls that is between plates.
    """
    meta, X = tables.split(table_files.read(path, "profiles", filters=[(tables.column("control"), "==", "negative")]))
    fit, evaluate = X[is_fitting(meta)], X[is_evaluation(meta)]
    facts = {"fit": len(fit), "evaluate": len(evaluate), "dimensions": X.shape[1], "spread": None}
    if len(fit) > 1 and len(evaluate):
        inside, outside = (((half - fit.mean(axis=0)) ** 2).sum(axis=1).mean() for half in (fit, evaluate))
        facts["spread"] = outside / inside * (len(fit) - 1) / (len(fit) + 1) if inside else None
    return facts | _variance_between_plates(evaluate, tables.text_column(meta, "plate")[is_evaluation(meta)])


def _variance_between_plates(X: np.ndarray, plates: np.ndarray) -> dict:
    """Proportion of the variance of X (n, D) between plates, and its expectation if plates have no effect."""
    names = sorted(set(plates))
    if len(names) < 2 or len(X) <= len(names):
        return {"plate": None, "plate_chance": None}
    total = ((X - X.mean(axis=0)) ** 2).sum()
    means = [(plates == name).sum() * ((X[plates == name].mean(axis=0) - X.mean(axis=0)) ** 2).sum() for name in names]
    return {"plate": sum(means) / total if total else None, "plate_chance": (len(names) - 1) / (len(X) - 1)}
