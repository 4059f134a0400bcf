"""Cell-DINO beside its rivals on real cells: MitoCheck phenotypes, trained without labels, judged across plates.

python tests/benchmarks/mitocheck.py DATA [FOLDER [CONFIG [SEED]]]

DATA holds metadata.csv (file, phenotype, plate) and the images it names: 1,831 nuclei of 64 x 64 px, CC BY 4.0, from
github.com/WayScience/phenotypic_profiling. In FOLDER (default: a new one) the workflow runs with CONFIG (default:
mitocheck.yaml) and its seed, or SEED; then the table is printed: balanced accuracy of 5 nearest neighbours
(Euclidean), with whole plates held out in 5 folds.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import yaml
from flow import clone, snakemake

CONFIG = Path(__file__).with_suffix(".yaml")
PLATE = "mitocheck"  # one for all: a job per real plate would train nothing differently


def main(data, folder=None, config=CONFIG, seed=None):
    data, folder = Path(data).absolute(), Path(folder or tempfile.mkdtemp())
    settings = yaml.safe_load(Path(config).read_text())
    meta = pd.read_csv(data / "metadata.csv")
    if not (folder / "workflow").exists():
        clone(folder)
    write_tables(meta, data, folder)
    models = list(settings["models"])
    (folder / "asked.yaml").write_text(yaml.safe_dump(settings | ({} if seed is None else {"seed": int(seed)})))
    vectors = [f"results/mitocheck/{PLATE}/embeddings/{model}.npy" for model in models]
    snakemake(folder, "--", *vectors, config="asked.yaml", seconds=36_000)
    print("| encoder | CPU-seconds to train | CLS | CLS and mean patch |\n|---|---|---|---|")
    for model, path in zip(models, vectors, strict=True):
        both = np.load(folder / path)  # as `features: cls_mean` has them
        scores = [balanced(vectors, meta) for vectors in (both[:, : both.shape[1] // 2], both)]
        print(f"| {model} | {seconds(folder, model):.0f} | {scores[0]:.3f} | {scores[1]:.3f} |")


def write_tables(meta, data, folder):
    """Every crop is a well of its own; its real plate is its batch."""
    wells = pd.DataFrame({"plate": PLATE, "well": [f"c{i:04d}" for i in range(len(meta))]})
    wells.assign(H2B=[str(data / file) for file in meta["file"]]).to_csv(folder / "images.csv", index=False)
    labels = {"batch": meta["plate"], "treatment": "", "control": "", "phenotype": meta["phenotype"]}
    wells.assign(**labels).to_csv(folder / "wells.csv", index=False)


def balanced(vectors, meta):
    """Balanced accuracy of the phenotypes that the 5 nearest cells of other plates vote for."""
    knn, folds = KNeighborsClassifier(5), GroupKFold(5)
    guess = cross_val_predict(knn, vectors, meta["phenotype"], groups=meta["plate"], cv=folds)
    return balanced_accuracy_score(meta["phenotype"], guess)


def seconds(folder, model):
    path = folder / "results" / "benchmarks" / "train" / f"{model}.tsv"
    return pd.read_csv(path, sep="\t")["cpu_time"].sum() if path.exists() else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
