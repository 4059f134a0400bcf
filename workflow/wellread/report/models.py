"""The chapters of the models: how training went, what the encoders are, what corrections did to the profiles."""

import json

import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.profiles.controls import is_evaluation, is_fitting
from wellread.report import svg
from wellread.report.run import Run
from wellread.train.collapse import signs

TOLD = {  # columns of training.parquet in plain words; others are shown without
    "loss": "the sum of all parts below: falls, and need not reach 0",
    "global": "how well the student predicts the teacher from another large view of the same cell",
    "local": "the same from a small view",
    "ibot": "how well it predicts hidden patches of a cell",
    "koleo": "falls as the cells of a batch move apart",
    "contrast": "how well two views of a cell find each other among all others",
    "paint": "how far painted pixels are from the hidden ones",
    "classify": "how well the labels are predicted",
    "accuracy": "share of training cells whose labels are predicted",
    "probe": "how well nearest cells of other wells tell a label (balanced accuracy)",
    "gradient": "length of the gradient before it is limited; rises that do not end are trouble",
    "entropy": "how undecided the teacher is: 1 if every prototype is as likely as any other, 0 if one takes all",
    "feature_sd": "how different cells are to the encoder: 1 in all directions, 0 all the same (collapse)",
    "effective_rank": "how many independent directions the embeddings use; near 1 is collapse",
}
SCHEDULES = ("lr", "backbone_lr", "last_lr", "weight_decay", "momentum", "temperature")


def train(run: Run) -> dict:
    """Curves of every model that was trained here."""
    training = run.by_folder("training")
    return {"models": [_curves(run, model, training[model]) for model in run.config["models"] if model in training]}


def _curves(run: Run, model: str, path) -> dict:
    ((method, options),) = run.config["models"][model].get("train", {"dino": {}}).items()
    table = pd.read_parquet(path)
    curves = [_curve(name, table[["step", name]].dropna()) for name in table if name not in ("step", "epoch")]
    last = table.iloc[-1]
    return {
        "model": model,
        "method": method,
        "label": options.get("label", ""),
        "steps": int(last["step"]) + 1,
        "curves": [curve for curve in curves if curve["name"] not in SCHEDULES],
        "schedules": [curve for curve in curves if curve["name"] in SCHEDULES],
        "signs": signs(last),
    }


def _curve(name: str, points: pd.DataFrame) -> dict:
    drawn = svg.curve(*points.to_numpy(float).T.tolist()) if len(points) else ""
    return {"name": name, "told": TOLD.get(name, ""), "svg": drawn}


def embed(run: Run) -> dict:
    """What every encoder is, and the width of its profiles."""
    wells = {model: path for (model, correction), path in run.profiles().items() if correction == "none"}
    cards = run.by_folder("model")
    shown = [model for model in run.config["models"] if model in {*cards, *wells}]
    return {"models": [_encoder(run, model, cards.get(model), wells.get(model)) for model in shown]}


def _encoder(run: Run, model: str, card, profile) -> dict:
    facts = json.loads(card.read_text()) if card else _given(run.config["models"][model])
    X = tables.split(pd.read_parquet(profile))[1] if profile else np.zeros((0, 0))
    return {
        "model": model,
        "facts": facts,
        "dimensions": X.shape[1],
        "wells": len(X),
        "rank": effective_rank(X) if len(X) > 1 else None,
    }


def _given(model: dict) -> dict:
    """The facts of an encoder that was not trained here, from the config."""
    ((kind, options),) = model.get("encoder", {"vit": {}}).items()
    told = {name: value for name, value in options.items() if name not in ("sha256", "channels") and value is not None}
    facts = {"encoder": {"": kind} | told, "channels": options.get("channels", [])}
    return facts | {"sha256": options.get("sha256", "")} if kind != "vit" else {}


def effective_rank(X: np.ndarray) -> float:
    """Exponential of the entropy of the variances along the principal axes of X (n, D) (Roy & Vetterli 2007)."""
    S = np.linalg.eigvalsh(np.cov(X.T)).clip(0)
    p = S[S > 0] / S.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def correct(run: Run) -> dict:
    """For every model and correction: its controls, and whether it overfits them or leaves plates apart."""
    steps = run.config["corrections"]
    rows = [
        {"model": model, "correction": correction, "steps": steps[correction], **_controls(path)}
        for (model, correction), path in run.profiles().items()
    ]
    few = [row for row in rows if "sphering" in map(_name, row["steps"]) and row["fit"] < 2 * row["dimensions"]]
    return {"rows": rows, "few": few}


def _name(step: dict) -> str:
    return next(iter(step))


def _controls(path) -> dict:
    """Numbers of the negative controls of both halves, and how they lie.

    `spread`: mean squared distance of evaluation controls from the mean of the fitting ones, over that of the
    fitting controls themselves. `plate`: share of the variance of evaluation controls that lies between plates.
    """
    meta, X = tables.split(pd.read_parquet(path, filters=[(tables.column("control"), "==", "negative")]))
    fit, other = X[is_fitting(meta)], X[is_evaluation(meta)]
    facts = {"fit": len(fit), "evaluate": len(other), "dimensions": X.shape[1], "spread": None}
    if len(fit) > 1 and len(other):
        inside, outside = (((half - fit.mean(axis=0)) ** 2).sum(axis=1).mean() for half in (fit, other))
        facts["spread"] = outside / inside if inside else None
    return facts | _between(other, tables.text_column(meta, "plate")[is_evaluation(meta)])


def _between(X: np.ndarray, plates: np.ndarray) -> dict:
    """Share of the variance of X (n, D) between plates, and what plates that mean nothing would have."""
    names = sorted(set(plates))
    if len(names) < 2 or len(X) <= len(names):
        return {"plate": None, "plate_chance": None}
    total = ((X - X.mean(axis=0)) ** 2).sum()
    means = [(plates == name).sum() * ((X[plates == name].mean(axis=0) - X.mean(axis=0)) ** 2).sum() for name in names]
    return {"plate": sum(means) / total if total else None, "plate_chance": (len(names) - 1) / (len(X) - 1)}
