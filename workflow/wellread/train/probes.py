"""Probes of the encoder during training: do the nearest neighbours of a cell share its label?"""

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
