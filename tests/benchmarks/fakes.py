"""Positions of DMSO, called treatments, on four real plates of one layout: how many are called active?

    python tests/benchmarks/fakes.py [DRAWS] [FOLDER]

FOLDER has the profiles of config/datasets/jump_pilot.yaml, BR*.csv.gz. In every draw 32 of the 64 positions of DMSO
are treatments, of a well on each plate, and the others the negative controls. Mean over the draws and its standard
error, without a correction and after sphering; by the null that is chosen for such a layout, and by that of wells. Four
to eight minutes for 100 draws.
"""

import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from made_profiles import profiles, values  # noqa: E402
from wellread.measure.average_precision import average_precision  # noqa: E402
from wellread.profiles import controls  # noqa: E402
from wellread.profiles.correct import correct  # noqa: E402

CHAINS = {"none": [], "sphering": [{"sphering": {}}]}


def main(draws: int = 100, folder: Path = ROOT.parent / "shared" / "data" / "jump_pilot_profiles") -> None:
    logging.getLogger("wellread").setLevel(logging.ERROR)  # sphering warns in every draw of few controls
    wells, X = dmso(Path(folder))
    found = [tested(wells, X, seed) for seed in range(draws)]
    table = pd.concat(found, keys=range(draws), names=["draw"])
    of_draws = table.groupby(level=["correction", "null"])
    print(of_draws[["p < .05", "q < .05"]].agg(["mean", "sem"]).round(4).to_string())
    print(of_draws[["p-values", "treatments"]].sum().astype(int).to_string())


def dmso(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Plates and wells of DMSO, and their features but those of the brightfield planes."""
    every = pd.concat([pd.read_csv(path) for path in sorted(folder.glob("BR*.csv.gz"))], ignore_index=True)
    every = every[every["Metadata_control_type"] == "negcon"].reset_index(drop=True)
    features = every.loc[:, ~every.columns.str.contains("^Metadata_|Brightfield|ZBF")].dropna(axis=1)
    names = {"Metadata_Plate": "plate", "Metadata_Well": "well"}
    return every[list(names)].rename(columns=names), features.to_numpy(float)


def tested(wells: pd.DataFrame, X: np.ndarray, seed: int) -> pd.DataFrame:
    """Shares of 32 positions with p and with q < .05, a row for every correction and null."""
    positions = np.unique(wells["well"])
    fake = wells["well"].isin(np.random.default_rng(seed).permutation(positions)[: len(positions) // 2])
    labels = {"batch": "b", "treatment": wells["well"].where(fake, "DMSO"), "control": np.where(fake, "", "negative")}
    frame, rows = profiles(wells.assign(**labels), X, seed), {}
    for correction, chain in CHAINS.items():
        both = [correct(one, chain, seed=seed) for one in (frame, controls.swapped(frame))]
        for null in ("auto", "wells"):
            answers = average_precision(both[0], seed, both[1], permute=null)
            p, active = (np.array(list(values(answers, metric).values())) for metric in ("p_value", "active"))
            shares = {"p < .05": (p < 0.05).mean(), "q < .05": active.mean()}
            rows[correction, null] = shares | {"p-values": len(p), "treatments": len(set(wells.loc[fake, "well"]))}
    return pd.DataFrame(rows).T.rename_axis(["correction", "null"])


if __name__ == "__main__":
    main(*[kind(value) for kind, value in zip((int, Path), sys.argv[1:], strict=False)])
