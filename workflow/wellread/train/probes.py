"""A look at the encoder while it trains: do the nearest neighbours of a cell share its label?"""

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from wellread.encoder.views import centre_view
from wellread.train import distributed
from wellread.train.labels import truth

CELLS = 2000  # looked at
NEIGHBOURS = 5


def none(_encoder) -> dict:
    """No probe."""
    return {}


def knn(crops, cells, wells, label, *, seed, device):
    """A probe of `label`, a column of the wells tables; several labels count as their combination."""
    targets = truth(cells, wells, label).targets
    rows = np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(targets.any(1)))[:CELLS])
    kinds = torch.from_numpy(np.unique(targets[rows], axis=0, return_inverse=True)[1].ravel())
    home = np.concatenate([pd.read_parquet(p, columns=["plate", "well"]).agg("/".join, axis=1) for p in cells])[rows]
    same_well = torch.from_numpy(home[:, None] == home)  # (n, n)

    @torch.inference_mode()
    def look(encoder):
        """Balanced accuracy of the vote of a cell's nearest neighbours from other wells."""
        x = F.normalize(embed(encoder, crops, rows, device), dim=1)
        nearest = (x @ x.T).masked_fill(same_well, -torch.inf).topk(NEIGHBOURS).indices
        right = (F.one_hot(kinds)[nearest].sum(1).argmax(1) == kinds).float()
        return {"probe": torch.stack([right[kinds == kind].mean() for kind in kinds.unique()]).mean().item()}

    return look if distributed.rank() == 0 else none


def embed(encoder, crops, rows, device, batch=256):
    """CLS tokens (n, dim) of some rows of crops."""
    was, tokens = encoder.training, []
    encoder.eval()
    for block in np.array_split(rows, -(-len(rows) // batch)):
        view = centre_view(torch.from_numpy(crops[block]).to(device), encoder.architecture["image"])
        tokens.append(encoder(view)[0].float().cpu())
    encoder.train(was)
    return torch.cat(tokens)
