"""Screens at the level of profiles, whose treatments change the number of cells alone, or shapes alone."""

import numpy as np
import pandas as pd
from wellread.measure.nearest_class import nearest_class
from wellread.profiles import baselines, controls, tables
from wellread.profiles.consensus import consensus
from wellread.profiles.correct import correct
from wellread.profiles.pool import mean
from wellread.runtime import table_files

MECHANISMS, COMPOUNDS, PLATES, CONTROLS, D = 8, 4, 3, 16, 16
ENCODERS = {"net": baselines.embedded, "count": baselines.cell_count}
CORRECTIONS = {"none": [], "standardize": [{"standardize": {}}]}
ITEMS = {"moa": {"nsc": "nsc_treatment"}}


def screen(seed: int, count: float, shape: float) -> tuple[pd.DataFrame, list]:
    """Its wells table, and (table of fields, embeddings (F, D)) of every plate, one field a well.

    Mechanisms differ in the log2 of the number of cells, from 0 to `count` octaves fewer, and by `shape` (in standard
    deviations of wells) in a direction of their own. Wells vary by a fifth in their number of cells; the embedding of a
    well goes along with it, as that of crowded cells does, and plates are one deviation apart.
    """
    rng = np.random.default_rng(seed)
    names = ["DMSO"] * CONTROLS + [f"c{i:02d}" for i in range(MECHANISMS * COMPOUNDS)]
    mechanism = np.array([-1] * CONTROLS + [i // COMPOUNDS for i in range(MECHANISMS * COMPOUNDS)])
    treated, crowded = mechanism >= 0, rng.normal(size=D)
    octaves = -np.where(treated, count * (mechanism + 1) / MECHANISMS, 0)
    towards = np.where(treated[:, None], shape * rng.normal(size=(MECHANISMS, D))[mechanism] / np.sqrt(D), 0)
    wells, plates = [], []
    for plate in range(PLATES):
        own = octaves + rng.normal(size=len(names)) * 0.25
        X = rng.normal(size=(len(names), D)) / np.sqrt(D) + towards + own[:, None] * crowded / np.sqrt(D) / 2
        keys = {"plate": f"p{plate}", "well": [f"A{i:02d}" for i in range(len(names))]}
        cells = rng.poisson(200 * 2.0**own) + 1
        plates.append((pd.DataFrame({**keys, "site": "1", "cells": cells}), X + rng.normal(size=D) / np.sqrt(D)))
        moa = np.where(treated, [f"m{m}" for m in mechanism], "")
        wells.append(pd.DataFrame({**keys, "batch": "b", "treatment": names, "moa": moa, "control": ""}))
        wells[-1].loc[~treated, "control"] = "negative"
    return pd.concat(wells, ignore_index=True), plates


def answers(folder, seed: int, **effects) -> list:
    """The paths of the answers about mechanisms of a screen, of an encoder and of cell count."""
    wells, plates = screen(seed, **effects)
    wells = wells.assign(control_use=controls.control_use(wells, seed))
    paths = []
    for model, encoder in ENCODERS.items():
        levels = [encoder(*plate, mean, seed)[1] for plate in plates]
        keys, X = pd.concat([own for own, _ in levels]), np.concatenate([X for _, X in levels])
        meta = keys.rename(columns={"cells": "object_count"}).merge(wells, on=["plate", "well"])
        frame = tables.join(meta.rename(columns=tables.column), X)
        for correction, steps in CORRECTIONS.items():
            table = nearest_class(consensus(correct(frame, steps, seed=seed)), seed, permutations=10)
            paths.append(folder / "moa" / f"{model}_{correction}.parquet")
            table_files.write(table, paths[-1], "answers")
    return paths
