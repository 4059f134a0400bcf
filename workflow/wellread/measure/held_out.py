"""Which profiles train a classifier, which choose among classifiers, and which test: no group is divided."""

import random

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import listed, parts
from wellread.measure.tidy import row
from wellread.profiles import tables
from wellread.profiles.similarity import TEST, TRAIN
from wellread.runtime.errors import InputError

VALIDATION = "validation"
SHARES = {TRAIN: 0.6, TEST: 0.2, VALIDATION: 0.2}
MANY = 5  # values that an error names


def sets(meta: pd.DataFrame, label: str, split: str, held_out: str, seed: int) -> np.ndarray:
    """The set (n,) of every profile: train, validation, test, or "" for none.

    With the column `split` its values. Else the groups, values of the column `held_out`, are dealt by `dealt`, or with
    held_out "" the profiles. Raises InputError if the column `split` divides a group.
    """
    if split:
        if error := divided(meta, split, held_out, "the measure"):
            raise error
        own = tables.text_column(meta, split)
        return np.where(np.isin(own, list(SHARES)), own, "")
    groups = tables.text_column(meta, held_out) if held_out else np.arange(len(meta)).astype(str)
    return dealt(groups, tables.text_column(meta, label), seed)


def dealt(groups: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The set (n,) of profiles of `groups` (n,): three in five groups train, one chooses and one tests, in every class.

    From the rarest class of `labels` (n,), classes joined by `|`, on, its groups that have no set yet get, in random
    order, the set that is furthest below its share of that class: a class of one group only trains, of two it trains
    and tests. A group without a label only trains.
    """
    rng, members, placed = np.random.default_rng(seed), {}, {}
    for group, label in zip(groups, labels, strict=True):
        for name in parts(label):
            members.setdefault(name, {})[group] = None
    for _, own in sorted(members.items(), key=lambda item: (len(item[1]), item[0])):
        lacking = {part: share * len(own) - sum(placed.get(g) == part for g in own) for part, share in SHARES.items()}
        for group in rng.permutation(sorted(set(own) - set(placed))):
            placed[group] = max(lacking, key=lacking.get)
            lacking[placed[group]] -= 1
    return np.array([placed.get(group, TRAIN) for group in groups])


def divided(meta: pd.DataFrame, split: str, held_out: str, where: str) -> InputError | None:
    """The error of groups, values of `held_out`, that a column `split` has in two sets, one of them test; None if none.

    They would be known from training: compounds, antibodies, plates.
    """
    if not held_out or not split:
        return None
    own = pd.DataFrame({"group": tables.text_column(meta, held_out), "set": tables.text_column(meta, split)})
    own = own[own["set"].isin(list(SHARES)) & (own["group"] != "")].drop_duplicates()
    several = own[own["group"].duplicated(keep=False)]
    leaking = sorted(several.loc[several["set"] == TEST, "group"])
    if not leaking:
        return None
    more = f" and {len(leaking) - MANY} more" if len(leaking) > MANY else ""
    found = f"{len(leaking)} in both: {listed(leaking[:MANY])}{more}"
    edit = f'move them in the column {split}, name another column, or write held_out: "" if that is what is wanted'
    return InputError(f"no {held_out} in test that is also in train or validation", found, f"{where}.held_out", edit)


def seen_in_training(meta: pd.DataFrame, own: np.ndarray) -> dict[str, float]:
    """The share of profiles of the test set, by column, whose value of it some profile of another set has.

    Of plate, position of the well, batch and treatment, where there are such columns and more than one value.
    """
    found = {}
    for name in ("plate", "well", "batch", "treatment"):
        values = tables.text_column(meta, name) if tables.column(name) in meta else np.full(len(meta), "")
        if len(set(values)) > 1:
            known = set(values[(own != TEST) & (own != "")])
            found[name] = float(np.mean([value in known for value in values[own == TEST]]))
    return found


def moa_split(compounds: dict[str, list[str]], seed: int = 333) -> dict[str, bool]:
    """Whether each of some compounds, with their mechanisms, trains: the split of Way et al. (2022), as published.

    From the rarest mechanism on, of equals the first in the table: of its m compounds floor(.8 m) train and ceil(.2 m)
    test, one trains if it is the only one; who has no side yet is drawn by Python's `random`. Every mechanism of the
    test set is in the training set, and no compound is in both.
    """
    rng, members, trains = random.Random(seed), {}, {}
    for compound, moas in compounds.items():
        for moa in moas:
            members.setdefault(moa, []).append(compound)
    for own in sorted(members.values(), key=len):
        m = len(own)
        quota = (1, 0) if m == 1 else (4 * m // 5, -(-m // 5))
        needed = [
            max(q - sum(trains.get(c) is side for c in own), 0) for q, side in zip(quota, (True, False), strict=True)
        ]
        sides = [True] * needed[0] + [False] * needed[1]
        free = [compound for compound in own if compound not in trains]
        trains |= dict(zip(free, rng.sample(sides, len(sides)), strict=False))
    return trains


def only_in_training(groups: np.ndarray, Y: np.ndarray, classes: list[str], held_out: str) -> list[dict]:
    """Result rows of the profiles of classes, of Y (n, C), that are of one of `groups` (n,) alone."""
    names = [name for name, members in zip(classes, Y.T, strict=True) if len(set(groups[members])) == 1]
    counts = dict(zip(classes, Y.sum(axis=0), strict=True))
    return [row("left_out", counts[n], len(Y), f"{n}: one {held_out}, which cannot be held out") for n in names]
