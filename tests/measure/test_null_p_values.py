"""Every p-value of a measure, and every rank among shuffled labels, over screens in which nothing happens.

P(p <= a) is at most a, and (but for one test whose p is not printed) at least a less the resolution of p, within two
standard errors.
"""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen, values
from wellread.measure import ec50
from wellread.measure.average_precision import average_precision
from wellread.measure.hits import hits
from wellread.measure.knn import knn
from wellread.measure.layout import layout
from wellread.measure.matching import matching
from wellread.measure.mixing import mixing
from wellread.measure.nearest_class import nearest_class
from wellread.measure.replicating import replicating
from wellread.measure.tidy import row
from wellread.profiles import controls

LEVELS = (0.01, 0.05, 0.1)
QUICK = {  # cases whose screens take less than a twentieth of a second, one of every kind: the others are SLOW alone
    "few positions",
    "accuracy of treatments",
}


def placed(seed, *, plates=3, controls=24, treatments=3, fixed=True, per_plate=1, layouts=1, D=6, strength=1.0):
    """Profiles of nothing: what positions do, the same on all plates, plates and noise; treatments in several wells."""
    rng = np.random.default_rng([seed, 5])
    names = ["DMSO"] * controls + [f"t{i}" for i in range(treatments)] * per_plate
    effects, rows, X = strength * rng.normal(size=(len(names), D)), [], []
    order = [rng.permutation(len(names)) for _ in range(layouts if fixed else plates)]
    for plate in range(plates):
        at = order[plate % len(order)]
        rows += [
            (f"p{plate}", f"A{i + 1:02d}", "b", n, "negative" if n == "DMSO" else "")
            for i, n in zip(at, names, strict=True)
        ]
        X.append(effects[at] + rng.normal(size=D) + rng.normal(size=(len(names), D)))
    return profiles(pd.DataFrame(rows, columns=["plate", "well", "batch", "treatment", "control"]), np.vstack(X), seed)


def activity(frame, **options):
    """p of the first treatment, as (smallest, largest), that differ by what counting can tell apart."""
    found = average_precision(frame, 0, controls.swapped(frame), null_size=200, **options)
    p = values(found, "p_value")["t0"]
    floor = values(found, "p_floor").get("", 1 / 21)
    return p - floor, p


def hit(frame, test):
    """The same of a test of the list of hits."""
    found = hits(frame, controls.swapped(frame), 0, null_size=200).set_index("treatment").loc["t0"]
    return found[f"{test}_p"] - found[f"{test}_floor"], found[f"{test}_p"]


def among(observed, chance):
    """p of a value among those of shuffled labels: with all that equal it below it, or above."""
    chance = np.asarray(chance)
    return (chance > observed + 1e-12).sum() / (1 + len(chance)), (1 + (chance >= observed - 1e-12).sum()) / (
        1 + len(chance)
    )


def shuffled(found, metric, chance):
    return among(values(found, metric)[""], found.loc[found["metric"] == chance, "value"])


def labelled(seed, treatments=24, classes=4):
    """A profile per treatment, of classes that tell nothing."""
    rng = np.random.default_rng([seed, 6])
    wells = {
        "plate": "p",
        "well": [f"A{i:02d}" for i in range(treatments)],
        "batch": np.arange(treatments) % 2,
        "control": "",
    }
    wells = pd.DataFrame(wells).assign(treatment=[f"t{i}" for i in range(treatments)])
    wells["moa"] = [f"m{i}" for i in rng.permutation(treatments) % classes]
    return profiles(wells.astype(str), rng.normal(size=(treatments, 5)))


def wells_of_classes(seed, **options):
    """p of classes that tell nothing of the wells of twelve treatments, which do something."""
    frame = screen(seed, plates=4, treatments=12, controls=0, D=6, effect=1.0)
    of = np.random.default_rng([seed, 9]).permutation(12) % 3
    frame["Metadata_moa"] = frame["Metadata_treatment"].map({f"t{i:03d}": f"m{of[i]}" for i in range(12)})
    return shuffled(knn(frame, seed, label="moa", permutations=99, **options), "accuracy", "chance_accuracy")


def first_of(measure, metric, frame, seed):
    """p of the first group of a measure of thresholds, told at the levels only."""
    for level in LEVELS:
        found = values(measure(frame, seed, percentile=100 * (1 - level), null_size=300), metric)
        if found[sorted(set(found) - {""})[0]]:
            return level, level
    return 1, 1


def no_effect(seed):
    """p <= .05 if the curve of a dose series of nothing has an EC50, or would have beyond its doses."""
    rng = np.random.default_rng([seed, 8])
    dose = np.repeat([0.0, 0.1, 0.3, 1, 3, 10], 4)
    distance = np.sqrt((rng.normal(size=(24, 6)) ** 2).sum(axis=1))
    return (1, 1) if ec50.fit(dose, distance, np.ones(24)) == "flat" else (0.05, 0.05)


def of_classes(measure, metric, chance, **options):
    """A function of the seed: p of a metric of profiles whose classes tell nothing."""
    return lambda seed: shuffled(measure(labelled(seed), seed, label="moa", **options), metric, chance)


def of_treatments(seed):
    found = knn(screen(seed, treatments=8, controls=2, D=6), seed, permutations=60)
    return shuffled(found, "accuracy", "chance_accuracy")


def of_positions(seed):
    found = layout(placed(seed, strength=0), seed, permutations=60)
    return shuffled(found, "position_of_wells", "position_of_wells_chance")


def replicates(seed):
    return first_of(replicating, "replicating", screen(seed, treatments=20, controls=2, plates=3, D=6), seed)


DISTANCES = {  # with controls enough for both to be fitted, and for positions to be followed
    "mahalanobis of wells": {"fixed": False, "plates": 2},
    "energy of several wells of a plate": {"plates": 1, "per_plate": 3, "strength": 0.0},
    "mahalanobis of several positions": {"controls": 40, "per_plate": 2},
    "energy of positions": {"controls": 40},
}


def of_hit(name, seed):
    return hit(placed(seed, **DISTANCES[name]), name.split()[0])


CASES = {
    "wells": lambda s: activity(placed(s, fixed=False)),
    "several wells of a plate": lambda s: activity(placed(s, plates=1, per_plate=3, strength=0.0)),
    "others": lambda s: activity(placed(s, treatments=12, controls=2, fixed=False), negatives="others"),
    "positions": lambda s: activity(placed(s)),
    "few positions": lambda s: activity(placed(s, controls=8)),
    "several positions": lambda s: activity(placed(s, per_plate=2)),
    "two layouts": lambda s: activity(placed(s, plates=4, layouts=2)),
    **{name: partial(of_hit, name) for name in DISTANCES},
    "replicating": replicates,
    "matching": lambda s: first_of(matching, "matching", labelled(s), s),
    "accuracy of treatments": of_treatments,
    "accuracy of classes": of_classes(knn, "accuracy", "chance_accuracy", permutations=99),
    "accuracy of wells": wells_of_classes,
    "accuracy of wells of other treatments": lambda s: wells_of_classes(s, diffby=["treatment"]),
    "nsc": of_classes(nearest_class, "nsc", "nsc_chance"),
    "nscb": of_classes(nearest_class, "nscb", "nscb_chance"),
    "label_map": of_classes(mixing, "label_map", "chance_label_map", permutations=60),
    "ilisi": of_classes(mixing, "ilisi", "chance_ilisi", permutations=60),
    "layout": of_positions,
    "ec50": no_effect,
}
ONE_LEVEL = {"ec50": (0.05,)}
CONSERVATIVE = {"ec50"}  # the F test of a curve whose slope and middle are bounded: no p-value is printed


@pytest.fixture(autouse=True)
def treatments_alone(monkeypatch):
    """Without tests of controls, which take most of the time and draw from streams of their own."""
    module = "wellread.measure.average_precision"
    monkeypatch.setattr(f"{module}.fake_results", lambda *args: [])
    monkeypatch.setattr(f"{module}.smallest_effect", lambda *args: row("smallest_effect", 0, 0))


def check(name, seeds):
    smallest, largest = np.array([CASES[name](seed) for seed in range(seeds)]).T
    for a in ONE_LEVEL.get(name, LEVELS):
        error = np.sqrt(a * (1 - a) / seeds)
        assert (largest <= a + 1e-12).mean() <= a + 2 * error, (name, a, (largest <= a + 1e-12).mean())
        assert name in CONSERVATIVE or (smallest <= a + 1e-12).mean() >= a - 2 * error, (
            name,
            a,
            (smallest <= a + 1e-12).mean(),
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_over_200_screens_of_nothing(name):
    check(name, 200)


@pytest.mark.dag
@pytest.mark.parametrize("name", sorted(QUICK))
def test_over_40_screens_of_nothing(name):
    check(name, 40)
