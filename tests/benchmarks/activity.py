"""What the statistics answer on painted profiles, whose truth is known: false positives, power, recall, mechanisms.

    python tests/benchmarks/activity.py [SEEDS]

Screens with the covariances of four real plates (`tests/painted_profiles.py`), half of the variance of
positions linear in row and column; 100 seeds. Treatments keep their positions, or change them from plate to plate.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from made_profiles import values  # noqa: E402
from painted_profiles import LEVELS, painted, true_recall  # noqa: E402
from wellread.measure.average_precision import average_precision  # noqa: E402
from wellread.measure.nearest_class import nearest_class  # noqa: E402
from wellread.measure.retrieval import retrieval  # noqa: E402
from wellread.profiles import controls  # noqa: E402
from wellread.profiles.consensus import consensus  # noqa: E402

EFFECTS, SHARES = (0.2, 0.3), (0.25, 0.5, 0.75)
RECALL = {"active": 40, "controls": 16, "plates": 2, "batches": 2, "sources": 2, "layouts": 2}


def activity(seeds, repeated: bool, permute: str, effect: float) -> dict[str, float]:
    """Shares of 60 treatments that do nothing, and of 40 that do something, which are called active."""
    found = []
    for seed in seeds:
        frame = painted(seed, active=40, nothing=60, effect=effect, repeated=repeated)
        answers = average_precision(frame, 0, controls.swapped(frame), permute=permute, null_size=400)
        p, active = values(answers, "p_value"), values(answers, "active")
        found.append(
            {
                "q < .05 of nothing": np.mean([active[name] for name in active if name[0] == "n"]),
                "p < .05 of nothing": np.mean([p[name] < 0.05 for name in p if name[0] == "n"]),
                "power, q < .05": np.mean([active[name] for name in active if name[0] == "a"]),
                "power, p < .05": np.mean([p[name] < 0.05 for name in p if name[0] == "a"]),
                "decidable": values(answers, "fraction_decidable")[""],
                "fakes active": values(answers, "fakes_active").get("", np.nan),
                "smallest effect": values(answers, "smallest_effect").get("", np.nan),
            }
        )
    return pd.DataFrame(found).mean().to_dict()


def recalls(seeds, effect: float) -> pd.DataFrame:
    """What `retrieval` tells at every level, a row per seed."""
    rows = (retrieval(painted(seed, effect=effect, **RECALL), 0) for seed in seeds)
    return pd.DataFrame([{level: values(found, f"recall_{level}")[""] for level in LEVELS} for found in rows])


def true_recalls(seeds, effect: float) -> pd.DataFrame:
    """The same by a loop over wells, of as many other screens."""
    frames = (painted(10_000 + seed, effect=effect, **RECALL) for seed in seeds)
    return pd.DataFrame([{level: true_recall(frame, level) for level in LEVELS} for frame in frames])


def mechanisms(seeds, effect: float, common: float) -> float:
    """Mean NSC of 60 treatments of 12 mechanisms, which share a part `common` of their variance."""
    rules = {"active": 60, "classes": 12, "common": common, "repeated": False}
    frames = (consensus(painted(seed, effect=effect, controls=20, **rules)) for seed in seeds)
    return float(np.mean([values(nearest_class(frame, 0, permutations=0), "nsc")[""] for frame in frames]))


def main(seeds=range(100)) -> None:
    """Print all tables."""
    settings = [(r, p, e) for r in (False, True) for p in ("auto", "wells") for e in EFFECTS]
    tested = {
        ("one layout" if r else "shuffled", "by wells" if p == "wells" else "auto", e): activity(seeds, r, p, e)
        for r, p, e in settings
    }
    print(pd.DataFrame(tested).T.rename_axis(["layout", "null", "effect"]).round(3).to_string(), "\n", flush=True)
    for effect in EFFECTS:
        found, truth = recalls(seeds, effect), true_recalls(seeds, effect)
        rows = {"told": found.mean(), "sd of a screen": found.std(), "truth": truth.mean()}
        rows |= {"difference": found.mean() - truth.mean()}
        print(f"recall at effect {effect}\n{pd.DataFrame(rows).T.round(3).to_string()}\n")
    nsc = {share: {effect: mechanisms(seeds, effect, share) for effect in (0.1, 0.2, 0.4)} for share in SHARES}
    print("NSC by effect, and by the share of variance of mechanisms")
    print(pd.DataFrame(nsc).round(3).to_string())


if __name__ == "__main__":
    main(range(int(sys.argv[1])) if sys.argv[1:] else range(100))
