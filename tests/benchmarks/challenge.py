"""Sixty entries to a challenge of the painted atlas: the scores among which Figure 5 of the miniature places its own.

`python tests/benchmarks/challenge.py RESULTS > resources/painted_atlas/challenge.csv`, with the results of
`config/paper/miniature.yaml`: classifiers of scikit-learn, each with several settings, of features that need no
training, means over the cells of a field. All learn from the fields whose column `set` is train and are scored on those
whose is test, by macro F1 over the locations that occur there, as `linear` and `own_head` do. They stand in for the
teams of a real challenge and are nobody's scores. Three minutes on two cores.
"""

import sys
import warnings
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch.nn import functional as F
from wellread.encoder.textures import Textures
from wellread.encoder.views import self_normalise
from wellread.measure.probe import METRICS
from wellread.measure.tidy import multi_hot
from wellread.profiles import tables

CLASSIFIERS = {
    "logistic regression": (partial(LogisticRegression, max_iter=200), "C", (0.001, 0.1, 10.0)),
    "support vectors": (partial(SVC, class_weight="balanced"), "C", (0.1, 1.0, 10.0)),
    "nearest neighbours": (KNeighborsClassifier, "n_neighbors", (1, 5)),
    "random forest": (partial(RandomForestClassifier, 100, random_state=0), "min_samples_leaf", (1, 4)),
    "extra trees": (partial(ExtraTreesClassifier, 100, random_state=0), "min_samples_leaf", (1, 4)),
    "discriminant": (partial(LinearDiscriminantAnalysis, solver="lsqr"), "shrinkage", (0.1, 0.9)),
    "naive Bayes": (GaussianNB, "var_smoothing", (1e-9,)),
}


def main(results: Path):
    meta, features = read(results / "atlas")
    train, test = (tables.text_column(meta, "set") == name for name in ("train", "test"))
    _, Y = multi_hot(tables.text_column(meta, "location"))
    print("team,features,classifier,setting,score")
    for team, (name, kind, option, value, model) in enumerate(entries(features), start=1):
        found = make_pipeline(StandardScaler(), OneVsRestClassifier(model)).fit(features[name][train], Y[train])
        score = METRICS["macro_f1_present"](found.predict(features[name][test]).astype(bool), Y[test])
        print(f"{team},{name},{kind},{option} {value:g},{score:.4f}", flush=True)


def entries(features):
    """Every classifier with each of its settings, of all features."""
    for name in features:
        for kind, (make, option, values) in CLASSIFIERS.items():
            yield from ((name, kind, option, value, make(**{option: value})) for value in values)


def read(folder: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Metadata of the fields with a location, and their features (fields, D) by name."""
    profiles = {
        name: pd.read_parquet(folder / f"profiles/{name}/none/fov.parquet") for name in ("intensities", "untrained")
    }
    features = {name: tables.split(frame)[1] for name, frame in profiles.items()}
    meta = tables.split(profiles["intensities"])[0]
    cells, textures, pixels = zip(*map(of_plate, sorted(folder.glob("*/cells.parquet"))), strict=True)
    rows = pd.concat(cells, ignore_index=True).groupby(["plate", "well"]).indices
    rows = [rows[key] for key in zip(meta["Metadata_Plate"], meta["Metadata_Well"], strict=True)]
    pixels = PCA(50, random_state=0).fit_transform(np.concatenate(pixels))
    for name, X in (("textures", np.concatenate(textures)), ("pixels", pixels)):
        features[name] = np.stack([X[own].mean(axis=0) for own in rows])
    keep = tables.text_column(meta, "location") != ""
    return meta[keep], {name: X[keep] for name, X in features.items()}


def of_plate(path: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Cells of a plate, their textures (n, 12C), and means (n, C * 16 * 16) of 4 x 4 pixels of normalised crops."""
    crops, outlines = (torch.from_numpy(np.load(path.with_name(f"{name}.npy"))) for name in ("crops", "outlines"))
    texture, parts = Textures(crops.shape[1]), zip(crops.split(256), outlines.split(256), strict=True)
    pixels = self_normalise(F.avg_pool2d(crops.float(), 4))
    return pd.read_parquet(path), torch.cat([texture(*part) for part in parts]).numpy(), pixels.flatten(1).numpy()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(Path(sys.argv[1]))
