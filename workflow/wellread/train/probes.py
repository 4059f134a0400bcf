"""Probes of the encoder during training: do the nearest neighbours of a cell share its label? Do the cells of a well
agree?"""

import numpy as np
import torch
from torch.nn import functional as F

from wellread.encoder.views import centre_view
from wellread.runtime import table_files
from wellread.train import distributed
from wellread.train.labels import read_labels

CELLS = 2000  # at most, drawn at random
NEIGHBOURS = 5


def no_probe(_encoder) -> dict:
    """A probe that measures nothing."""
    return {}


def asked(crops, cells, wells, label, agree, **how):
    """A probe that tells what those tell that are asked for: of a `label`, "" for none, and of agreement."""
    probes = [knn(crops, cells, wells, label, **how)] if label else []
    probes += [agreement(crops, cells, **how)] if agree else []
    return lambda encoder: {name: value for probe in probes for name, value in probe(encoder).items()}


def knn(crops, cells, wells, label, *, seed, device):
    """A function from an encoder to {"probe": accuracy} of kNN classification of `label`, a column of the wells tables.

    `cells`, `wells`: as for `read_labels`. Several labels of a cell count as one class, their combination.
    """
    labels = read_labels(cells, wells, label)
    rows = np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(labels.labelled))[:CELLS])
    classes, keys = torch.from_numpy(labels.codes[rows]).long(), wells_of(cells, rows)
    same_well = torch.from_numpy(keys[:, None] == keys)  # (n, n)

    @torch.inference_mode()
    def probe(encoder):
        """Balanced accuracy of the vote of a cell's nearest neighbours from other wells."""
        x = F.normalize(cls_tokens(encoder, crops, rows, device), dim=1)
        nearest = (x @ x.T).masked_fill(same_well, -torch.inf).topk(NEIGHBOURS).indices
        right = (F.one_hot(classes)[nearest].sum(1).argmax(1) == classes).float()
        return {"probe": torch.stack([right[classes == name].mean() for name in classes.unique()]).mean().item()}

    return probe if distributed.rank() == 0 else no_probe


def agreement(crops, cells, *, seed, device):
    """A function from an encoder to {"agreement": area under the curve}: are two halves of a well's cells alike?

    Of at most CELLS cells, drawn at random, those of every well are halved at random; a profile is the mean of the unit
    CLS tokens of a half, less that of all profiles of its plate. The answer is the share of profiles of other wells of
    the plate that are less similar (cosine) to a profile than its other half is, over all profiles: 1 at best, .5 by
    chance. No labels are read. Without two wells of two cells each on a plate there is no answer.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(crops))[:CELLS])
    wells, plates, half = halved(wells_of(cells, rows), seed)
    if not any((plates == plate).sum() > 1 for plate in plates):
        return no_probe

    @torch.inference_mode()
    def probe(encoder):
        x = F.normalize(cls_tokens(encoder, crops, rows, device), dim=1).double()
        found = [half_profiles(x, wells, half, np.flatnonzero(plates == plate)) for plate in np.unique(plates)]
        return {
            "agreement": torch.cat([shares_below(profiles) for profiles in found if profiles.shape[1] > 1])
            .mean()
            .item()
        }

    return probe if distributed.rank() == 0 else no_probe


def halved(keys, seed):
    """Of cells, by their plate and well (n,): the number of the well, -1 where it has one cell, and 0 or 1 (n,).

    Between them the plate of every well (w,). The halves of a well differ by at most one cell.
    """
    names, wells = np.unique(keys.astype(str), return_inverse=True)
    counts = np.bincount(wells)
    order = np.random.default_rng([seed, 1]).permutation(len(wells))
    order = order[np.argsort(wells[order], kind="stable")]
    half = np.empty(len(wells), int)
    half[order] = np.concatenate([np.arange(count) % 2 for count in counts])
    enough = counts > 1
    numbers = np.where(enough, np.cumsum(enough) - 1, -1)
    return numbers[wells], np.array([name.rsplit("/", 1)[0] for name in names[enough]]), half


def half_profiles(x, wells, half, members):
    """Unit profiles (2, w, D) of the halves of the wells of a plate, `members` (w,), less the mean of all of them."""
    means = [torch.stack([x[(wells == well) & (half == side)].mean(0) for well in members]) for side in (0, 1)]
    return F.normalize(torch.stack(means) - torch.stack(means).mean((0, 1)), dim=2)


def shares_below(profiles):  # (2, w, D) -> (2 * w,)
    """The share of other wells whose profile of the other half is less similar to a profile than its own well's is."""
    cosine = profiles[0] @ profiles[1].T
    return torch.cat([(of < of.diagonal()[:, None]).double().sum(1) / (len(of) - 1) for of in (cosine, cosine.T)])


def wells_of(cells, rows):
    """Plate and well of some rows, sorted, of tables of cells one after another: texts (n,)."""
    starts, found = np.cumsum([0] + [table_files.check(path, "cells").num_rows for path in cells]), []
    for path, own in zip(cells, np.split(rows, np.searchsorted(rows, starts[1:-1])), strict=True):
        if len(own):
            keys = table_files.read(path, "cells", ["plate", "well"]).iloc[own - starts[len(found)]]
        found.append(keys.agg("/".join, axis=1) if len(own) else [])
    return np.concatenate(found).astype(object)


def cls_tokens(encoder, crops, rows, device, batch=256):
    """CLS tokens (n, dim) of the centres of some rows of crops; the encoder is in evaluation mode meanwhile."""
    training, tokens = encoder.training, []
    encoder.eval()
    for chunk in np.array_split(rows, -(-len(rows) // batch)):
        view = centre_view(torch.from_numpy(crops[chunk]).to(device), encoder.architecture["image"])
        tokens.append(encoder(view)[0].float().cpu())
    encoder.train(training)
    return torch.cat(tokens)
