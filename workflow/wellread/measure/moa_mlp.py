"""Can a small network tell the mechanisms of compounds that it has not seen? The protocol for LINCS."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from wellread.inputs.cleaning import parts
from wellread.measure import mlp
from wellread.measure.held_out import moa_split, only_in_training, sets
from wellread.measure.multi_label import average_precisions, means_of_units, resampled_micro_ap
from wellread.measure.tidy import (
    MIN_UNITS,
    labelled_profiles,
    multi_hot,
    one_class,
    row,
    shuffled_among,
    table,
    undecidable,
)
from wellread.profiles import tables
from wellread.profiles.similarity import TEST
from wellread.runtime.registry import choice
from wellread.train.shares import folds_of

DRAWS = 200  # of the bootstrap over compounds


@choice(
    "measure",
    columns=("label", "held_out", "split", "by"),
    levels=("well",),
    needs=("groups to hold out",),
    metrics={
        "macro_ap": "mean over mechanisms of the average precision of wells; by chance the base rate",
        "micro_ap": "average precision over all pairs of well and mechanism (published as AUPRC, there times 100)",
        "compound_macro_ap": "mean over mechanisms of the average precision of compounds",
        "compound_micro_ap": "average precision over pairs of compound and mechanism, wells of a compound averaged",
        "prior_macro_ap": "macro AP of predictions that only know how frequent mechanisms are in training",
        "prior_micro_ap": "micro AP of such predictions: what micro AP has to exceed",
        "base_rate": "share of the pairs of well and mechanism that are true",
    },
    headline=("macro_ap", "micro_ap", "prior_micro_ap"),
    items={"macro_ap": "ap"},
)
def moa_mlp(
    frame, seed, *, label="moa", held_out="treatment", split="", split_seed=333, new_splits=False, folds=5, repeats=10,
    components=25, width=512, early_stop=True, permutations=1, by="",
) -> pd.DataFrame:  # fmt: skip
    """Average precision with which a two-layer network finds the mechanisms of wells of compounds it has not seen.

    Compounds, values of the column `held_out`, are split as Way et al. (2022) did by `split_seed`, or by the column
    `split`, of train and test; with `new_splits` every repeat has another seed, else repeats differ in
    the network only, as published. The training compounds are dealt to `folds`: a network is trained on all but one,
    which stops it, and the predictions are averaged. `components`: see `mlp.with_components`; `width`, `early_stop`:
    `mlp.predict`. Scores are of the mechanisms with a well in the test set; those without one are left out.

    A row per repeat of micro AP (that of scikit-learn), macro AP, both of compounds, both of predictions that only know
    the frequencies of mechanisms, and the base rate. The interval of micro AP is by bootstrap over test compounds.
    `chance_*`: labels permuted among the compounds of the training and of the test set, and trained anew. With a column
    `by`, such as dose, networks are also trained and tested on the wells of every value of it alone, with the same
    split: `micro_ap_of` and `macro_ap_of`, items such as `dose 3`. Where fewer than two classes or too few compounds
    are left, macro and micro AP are undecidable.
    """
    meta, X, rows = labelled_profiles(frame, label, False, split)
    compounds = tables.text_column(meta, held_out)
    classes, Y = multi_hot(tables.text_column(meta, label))
    network = Network(X, compounds, folds, components, width, early_stop)
    splits = [_tests(meta, label, split, held_out, split_seed + i * new_splits) for i in range(repeats)]
    if reason := one_class(classes, label, len(meta)) or _too_few(compounds, splits[0], folds, held_out):
        return table([*rows, *(undecidable(name, reason, len(meta)) for name in ("macro_ap", "micro_ap"))])
    scores = []
    for repeat, test in enumerate(splits):
        scores.append(Scores.of(network, Y, test, classes, [seed, repeat]))
        rows += [row(name, value, test.sum(), "", repeat) for name, value in scores[-1].overall().items()]
        rows += [row("ap", value, n, item, repeat) for item, value, n in scores[-1].of_classes()]
    rows += only_in_training(compounds, Y, classes, held_out)
    rows += [] if new_splits else _interval(scores, seed)
    for repeat in range(permutations):
        test, rng = splits[repeat % repeats], np.random.default_rng([seed, repeat, 1])
        own = Scores.of(network, _shuffled(Y, compounds, test, rng), test, classes, [seed, repeat]).overall()
        rows += [row(f"chance_{name}", own[name], test.sum(), "", repeat) for name in own if name in NETWORKS]
    return table(rows + (_by_value(network, Y, splits, tables.text_column(meta, by), by, seed) if by else []))


NETWORKS = ("macro_ap", "micro_ap", "compound_macro_ap", "compound_micro_ap")


@dataclass(frozen=True)
class Network:
    """Profiles X (N, D) of `compounds` (N,) and how networks are trained on them."""

    X: np.ndarray
    compounds: np.ndarray
    folds: int
    components: int
    width: int
    early_stop: bool

    def predicted(self, Y: np.ndarray, test: np.ndarray, seed) -> np.ndarray:
        """Probabilities (n, C) of the test profiles, the mean over networks that all but one fold of others train."""
        own, total = np.flatnonzero(~test), 0
        fold = folds_of(self.compounds[own], Y[own], self.folds, seed)
        for held in range(self.folds):
            train, validation = own[fold != held], own[fold == held]
            inputs = mlp.with_components(self.X[train], [self.X[validation], self.X[test]], self.components)
            pairs = (inputs[0], Y[train]), (inputs[1], Y[validation])
            state = int(np.random.default_rng([*seed, held]).integers(2**31))
            total = total + mlp.predict(*pairs, inputs[2], width=self.width, early_stop=self.early_stop, seed=state)
        return total / self.folds


@dataclass(frozen=True)
class Scores:
    """Truth Y (n, C), probabilities P (n, C) and `prior` (C,) of test profiles of `compounds` (n,), and the classes."""

    Y: np.ndarray
    P: np.ndarray
    prior: np.ndarray
    compounds: np.ndarray
    classes: list[str]

    @classmethod
    def of(cls, network: Network, Y: np.ndarray, test: np.ndarray, classes: list[str], seed) -> "Scores":
        """Of one network for all classes; those without a test profile are left out."""
        kept = Y[test].any(axis=0)
        P, names = network.predicted(Y, test, seed), [n for n, own in zip(classes, kept, strict=True) if own]
        return cls(Y[test][:, kept], P[:, kept], Y[~test].mean(axis=0)[kept], network.compounds[test], names)

    def overall(self) -> dict[str, float]:
        """The metrics of `moa_mlp` by name."""
        of_compounds = average_precisions(*(means_of_units(values, self.compounds) for values in (self.Y, self.P)))
        prior = average_precisions(self.Y, np.tile(self.prior, (len(self.Y), 1)))
        found = average_precisions(self.Y, self.P)
        found |= {f"compound_{name}": value for name, value in of_compounds.items()}
        return found | {f"prior_{name}": value for name, value in prior.items()} | {"base_rate": self.Y.mean()}

    def of_classes(self):
        """Yield every class, its average precision and its number of test profiles."""
        values = average_precision_score(self.Y, self.P, average=None)
        yield from zip(self.classes, np.atleast_1d(values), self.Y.sum(axis=0), strict=True)


def _by_value(network: Network, Y: np.ndarray, splits: list[np.ndarray], values: np.ndarray, by: str, seed: int):
    """Result rows of networks of the profiles of every one of the `values` (N,) of the column `by` alone."""
    rows = []
    for value in sorted(set(values) - {""}, key=lambda text: (_number(text), text)):
        own, item = values == value, f"{by} {value}"
        part = replace(network, X=network.X[own], compounds=network.compounds[own])
        if reason := _too_few(part.compounds, splits[0][own], part.folds, "compounds"):
            rows.append(row("left_out", own.sum(), len(values), f"{item}: {reason}"))
            continue
        for repeat, test in enumerate(splits):
            overall = Scores.of(part, Y[own], test[own], list(map(str, range(Y.shape[1]))), [seed, repeat]).overall()
            rows += [
                row(f"{name}_of", overall[name], test[own].sum(), item, repeat) for name in ("micro_ap", "macro_ap")
            ]
    return rows


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.inf


def _interval(scores: list[Scores], seed: int) -> list[dict]:
    """Limits of the mean micro AP of repeats with one split, by bootstrap over their compounds."""
    first = scores[0]
    m = len(np.unique(first.compounds))
    if m < MIN_UNITS:
        return []
    weights = np.random.default_rng([seed, m]).multinomial(m, np.full(m, 1 / m), DRAWS)
    draws = np.mean([resampled_micro_ap(own.Y, own.P, own.compounds, weights) for own in scores], axis=0)
    limits = zip(("low", "high"), np.percentile(draws, [2.5, 97.5]), strict=True)
    return [row(f"micro_ap_{end}", value, len(first.Y)) for end, value in limits]


def _tests(meta: pd.DataFrame, label: str, split: str, held_out: str, seed: int) -> np.ndarray:
    """Which profiles (n,) are of the test set."""
    if split:
        return sets(meta, label, split, held_out, seed) == TEST
    compounds, labels = (tables.text_column(meta, name) for name in (held_out, label))
    trains = moa_split({compound: parts(own) for compound, own in zip(compounds, labels, strict=True)}, seed)
    return np.array([not trains[compound] for compound in compounds])


def _too_few(compounds: np.ndarray, test: np.ndarray, folds: int, held_out: str) -> str:
    """Why nothing can be held out of so few compounds; "" if it can."""
    train, tested = len(set(compounds[~test])), len(set(compounds[test]))
    if train >= folds and tested:
        return ""
    return f"{train} of {held_out} in training and {tested} in test: they cannot be held out in {folds} folds"


def _shuffled(Y: np.ndarray, compounds: np.ndarray, test: np.ndarray, rng) -> np.ndarray:
    """Labels Y (N, C) permuted among the compounds of the training set, and among those of the test set."""
    Y = Y.copy()
    for own in (test, ~test):
        Y[own] = shuffled_among(Y[own], compounds[own], rng)
    return Y
