"""Labels of some of the cells only: those of a training set, or of a share of it that is drawn by wells."""

import numpy as np

from wellread.inputs.cleaning import parts
from wellread.runtime.errors import InputError
from wellread.train.labels import FoldedLabels, Labels, read_groups, read_labels

TRAIN, VALIDATION = "train", "validation"


def read_taught(cells, wells, seed: int, options: dict) -> Labels | None:
    """The labels that the options of a method ask for; None if for none.

    `label`, and `labels`, the options of `taught`; with `folds` every value of the column `held_out` is in one of them.
    """
    if not (label := options.get("label", "")):
        return None
    labels = taught(cells, wells, label, seed, **options.get("labels") or {})
    if not options.get("folds"):
        return labels
    held_out = (options.get("labels") or {}).get("held_out", "treatment")
    rows, codes = read_groups(cells, wells, ["plate", "well", *filter(None, [held_out])])
    groups = np.array([row[-1] for row in rows]) if held_out else np.arange(len(rows))
    sets = np.zeros((len(rows), len(labels.classes)), bool)
    sets[codes] = labels.sets[labels.codes]
    own = np.zeros(len(rows), int)
    known = sets.any(axis=1)
    own[known] = folds_of(groups[known], sets[known], options["folds"], seed)
    return FoldedLabels(labels.classes, sets, codes, np.eye(options["folds"], dtype=bool)[own])


def folds_of(groups: np.ndarray, Y: np.ndarray, folds: int, seed) -> np.ndarray:
    """The fold (n,) of profiles: `groups`, in the order of their rarest class, random within, are dealt in turn.

    `Y` (n, C): their classes; those of a group are taken to be those of its first profile.
    """
    names, first, code = np.unique(groups, return_index=True, return_inverse=True)
    frequency = Y[first].sum(axis=0)
    rarest = np.where(Y[first], frequency, np.inf).argmin(axis=1)
    order = np.lexsort((np.random.default_rng(seed).random(len(names)), rarest))
    fold = np.empty(len(names), int)
    fold[order] = np.arange(len(names)) % folds
    return fold[code]


def taught(cells, wells, label: str, seed: int, *, split="", share=1.0, repeat=0, held_out="treatment") -> Labels:
    """The labels that training may read: of the column `label`, those of wells that are `train` in the column `split`.

    `cells`, `wells`: as for `read_labels`. Of the wells a `share` is drawn by `drawn`, in the order of plate and well,
    by the seed and the `repeat`; `split` "": of all. `classes` are those of all wells, whatever is drawn. `held_out` is
    what no split divides, which planning looks at. An InputError if no well is to train.
    """
    everything = read_labels(cells, wells, label)
    if not split and share == 1:
        return everything
    rows, Y, codes = _of_wells(cells, wells, label, split, everything.classes)
    order = np.array(sorted(range(len(rows)), key=rows.__getitem__))
    train = order[[Y[i].any() and (not split or rows[i][3] == TRAIN) for i in order]]
    if not len(train):
        raise InputError(f"wells that are {TRAIN} in {split}", "none with a label", f"column {split}", "`labels.split`")
    kept = np.isin(np.arange(len(rows)), train[drawn(Y[train], share, np.random.default_rng([seed, repeat]))])
    return Labels(everything.classes, Y & kept[:, None], codes)


def read_validating(cells, wells, options: dict) -> Labels | None:
    """The labels, by the options of a method, of wells that are `validation` in the column `labels.split`.

    `codes` are those of wells, and no cell of another well has a label. None without such a column or such cells.
    """
    label, split = options.get("label", ""), (options.get("labels") or {}).get("split", "")
    if not label or not split:
        return None
    classes = read_labels(cells, wells, label).classes
    rows, Y, codes = _of_wells(cells, wells, label, split, classes)
    found = Labels(classes, Y & np.array([row[3] == VALIDATION for row in rows])[:, None], codes)
    return found if found.labelled.any() else None


def _of_wells(cells, wells, label: str, split: str, classes: list[str]):
    """Of w wells: texts of plate, well, label and `split`, classes Y (w, classes), and the well of every cell (N,)."""
    rows, codes = read_groups(cells, wells, ["plate", "well", label, *filter(None, [split])])
    own = [set(parts(row[2])) for row in rows]
    return rows, np.array([[name in names for name in classes] for names in own]), codes


def drawn(Y: np.ndarray, share: float, rng) -> np.ndarray:
    """Sorted row numbers of a share of the profiles of classes Y (n, C): of a class of m max(1, floor(share m)).

    Where profiles have several classes these are more labels than the share says: they are drawn again, with a share
    that is lower by that factor (the few-shot subsets of DINOv2, for Cell-DINO).
    """
    state = rng.bit_generator.state
    rows = _of_every_class(Y, share, rng)
    excess = Y[rows].sum() / max(share * Y.sum(), 1)
    if excess <= 1 or (Y.sum(axis=1) == 1).all():
        return rows
    rng.bit_generator.state = state
    return _of_every_class(Y, share / excess, rng)


def _of_every_class(Y: np.ndarray, share: float, rng) -> np.ndarray:
    own = [np.flatnonzero(members) for members in Y.T if members.any()]
    return np.unique(np.concatenate([rng.permutation(rows)[: max(1, int(share * len(rows)))] for rows in own]))
