"""What a choice of settings is worth on MitoCheck: made on half of the plates, scored on the cells of the other half.

python tests/benchmarks/mitocheck_halves.py DATA [FOLDER]

DATA and FOLDER as for mitocheck.py; the config is mitocheck_halves.yaml. Chosen are what of the embedding is read, the
power of partial whitening (of all cells, without labels) and the number of neighbours, which vote by the exp(cosine /
.07) that DINO's evaluation and the measure `knn` give them. The choice is the best mean over seeds of the balanced
accuracy within one half, its plates in 5 folds; what it is worth is that of the cells of the other half, whose
neighbours are of all other plates, in 5 folds. Nine random halves of the plates and every other plate, both ways. The
training and the readouts to choose from were themselves picked on all cells (levers.md); a phenotype without cells in a
half (ADCCM, in three of the twenty) is left out of its mean.
"""

import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from mitocheck import PLATE, clone, seconds, snakemake, write_tables
from sklearn.model_selection import GroupKFold
from wellread.profiles.whitening import partial_whitening

CONFIG = Path(__file__).with_suffix(".yaml")
DIM, BLOCKS = 64, 4
VECTORS = 4 * DIM * BLOCKS  # of every block CLS, mean, deviation, maximum; then textures
READOUTS = {
    "CLS and mean patch": range(VECTORS - 4 * DIM, VECTORS - 2 * DIM),  # of the last block
    "pooled": range(VECTORS),
}
POWERS, NEIGHBOURS, TEMPERATURE = (0, 0.25, 0.5, 0.75, 1), (1, 3, 5, 10, 20), 0.07
SETTINGS = ["readout", "power", "neighbours"]


def main(data, folder=None):
    data, folder = Path(data).absolute(), Path(folder or tempfile.mkdtemp())
    meta = pd.read_csv(data / "metadata.csv")
    if not (folder / "workflow").exists():
        clone(folder)
    write_tables(meta, data, folder)
    models = list(yaml.safe_load(CONFIG.read_text())["models"])
    (folder / "asked.yaml").write_text(CONFIG.read_text())
    paths = {model: f"results/mitocheck/{PLATE}/embeddings/{model}.npy" for model in models}
    snakemake(folder, "--", *paths.values(), config="asked.yaml", seconds=36_000)
    print("CPU-seconds of training:", *(round(seconds(folder, model)) for model in models))
    told = pd.concat([answers(np.load(folder / path), meta, model) for model, path in paths.items()])
    report(told)


def answers(embeddings, meta, model) -> pd.DataFrame:
    """Balanced accuracy of all settings: of all cells, and of every half (`half`, `side`) within it and among all."""
    sides = [(half, side) for half in halves(meta["plate"]) for side in (half, ~half)]
    everyone = np.ones(len(meta), bool)
    divided = [everyone, *(side for _, side in sides)]
    divided = [(asked, folds(asked, meta["plate"])) for asked in divided]
    rows = []
    for (readout, columns), power in product(readouts(embeddings.shape[1]).items(), POWERS):
        X = partial_whitening(embeddings[:, columns], None, 0, power=power)
        guesses = [predicted(X, meta["phenotype"], *own) for own in divided]
        for i, k in enumerate(NEIGHBOURS):
            among_all = guesses[0][i]
            rows.append((model, readout, power, k, -1, 0, balanced(meta, among_all, everyone), np.nan))
            for number, (_, side) in enumerate(sides):
                within = balanced(meta, guesses[1 + number][i], side)
                rows.append((model, readout, power, k, *divmod(number, 2), balanced(meta, among_all, side), within))
    return pd.DataFrame(rows, columns=["model", *SETTINGS, "half", "side", "among all", "within"])


def readouts(width: int) -> dict[str, np.ndarray]:
    """Columns of the embedding, with and without textures."""
    textures = np.arange(VECTORS, width)
    plain = {name: np.asarray(columns) for name, columns in READOUTS.items()}
    return plain | {f"{name}, textures": np.append(columns, textures) for name, columns in plain.items()}


def halves(plates) -> list[np.ndarray]:
    """Cells (n,) bool of every other plate, then of nine random halves of them."""
    names = np.unique(plates)
    drawn = (np.random.default_rng(seed).permutation(names)[: len(names) // 2] for seed in range(9))
    return [np.isin(plates, own) for own in (names[::2], *drawn)]


def folds(asked, plates) -> np.ndarray:
    """The fold (n,) of every cell that is `asked` (n,), whole plates in 5 folds; -1 for the others."""
    fold, rows = np.full(len(asked), -1), np.flatnonzero(asked)
    for number, (_, test) in enumerate(GroupKFold(5).split(rows, groups=np.asarray(plates)[rows])):
        fold[rows[test]] = number
    return fold


def predicted(X, labels, asked, fold) -> np.ndarray:
    """The class (k, n) that neighbours of other folds vote for, by number of neighbours; only of cells `asked`."""
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    classes, y = np.unique(labels, return_inverse=True)
    found = np.full((len(NEIGHBOURS), len(X)), "", object)
    for number in range(5):
        test, known = np.flatnonzero(fold == number), np.flatnonzero(asked & (fold != number))
        cosine = X[test] @ X[known].T
        nearest = np.argsort(-cosine, axis=1)[:, : max(NEIGHBOURS)]
        weight = np.exp(np.take_along_axis(cosine, nearest, 1) / TEMPERATURE)
        votes = weight[:, :, None] * np.eye(len(classes))[y[known[nearest]]]
        for i, k in enumerate(NEIGHBOURS):
            found[i, test] = classes[votes[:, :k].sum(axis=1).argmax(axis=1)]
    return found


def balanced(meta, guess, asked) -> float:
    """Mean recall of the phenotypes of cells `asked`."""
    right = (guess == meta["phenotype"])[asked]
    return right.groupby(meta["phenotype"][asked]).mean().mean()


def report(told: pd.DataFrame):
    """Print the best settings of all cells, and of every half what was chosen and what it is worth."""
    everyone = told[told["half"] < 0].groupby(SETTINGS)["among all"].mean()
    best = ", ".join(map(str, everyone.idxmax()))
    print(f"\nbest of {len(everyone)} settings, asked of all cells: {everyone.max():.3f}, {best}\n")
    print("| half | chosen | of the other half, by seed | mean |\n|---|---|---|---|")
    means = []
    for (half, side), own in told[told["half"] >= 0].groupby(["half", "side"]):
        chosen = own.groupby(SETTINGS)["within"].mean().idxmax()
        other = told[(told["half"] == half) & (told["side"] == 1 - side)].set_index(SETTINGS).loc[[chosen]]
        means.append(other["among all"].to_numpy())
        by_seed = ", ".join(f"{value:.3f}" for value in means[-1])
        print(f"| {half} {'ab'[side]} | {', '.join(map(str, chosen))} | {by_seed} | {means[-1].mean():.3f} |")
    means = np.array(means)
    by_seed = ", ".join(f"{value:.3f}" for value in means.mean(axis=0))
    low, high = means.mean(axis=1).min(), means.mean(axis=1).max()
    print(f"\nmean over halves: {means.mean():.3f} (by seed {by_seed}; by half {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main(*sys.argv[1:])
