"""Losses of Cell-DINO. K prototypes; teacher rows are probabilities, student rows are logits.

Where several processes train together, each holds some of the rows, and losses that compare rows see those of all.
"""

import torch
from torch.nn import functional as F

from wellread.train import distributed

STUDENT_TEMPERATURE = 0.1
ROUNDS = 3  # of Sinkhorn-Knopp


def centred_softmax(logits, centre, temperature):  # (n, K), (K,)
    """Teacher probabilities; subtracting the running mean keeps one prototype from taking all."""
    return F.softmax((logits - centre) / temperature, dim=-1)


def sinkhorn_knopp(logits, _centre, temperature):  # (n, K)
    """Teacher probabilities that use all prototypes about equally often over the n rows; needs no centre."""
    q = logits / temperature  # logarithms throughout: sums of tiny exponentials would be 0 / 0
    for _ in range(ROUNDS):
        q = q - log_column_sums(q)
        q = q - q.logsumexp(dim=1, keepdim=True)
    return q.exp()


def log_column_sums(q):  # (n, K) -> (K,)
    """Logarithm of the sum of exp(q) over the rows of all processes; one of them may have none."""
    peak = distributed.largest(q.amax(0) if len(q) else q.new_full(q.shape[1:], -torch.inf))
    return peak + distributed.total((q - peak).exp().sum(0)).log()


CENTRINGS = {"softmax": centred_softmax, "sinkhorn_knopp": sinkhorn_knopp}


def cross_entropy(targets, logits):  # (..., K), (..., K) -> (...)
    """Cross-entropy of student logits, at the student's temperature, with teacher probabilities."""
    return -(targets * F.log_softmax(logits / STUDENT_TEMPERATURE, dim=-1)).sum(-1)


def dino_global(targets, logits):  # (2, B, K), (2, B, K)
    """Each global view must predict what the teacher saw in the other: mean over the 2B images."""
    return cross_entropy(targets.flip(0), logits).mean()


def dino_local(targets, logits):  # (2, B, K), (L, B, K)
    """Each local view must predict both global ones: sum over views of the mean over images."""
    return cross_entropy(targets.sum(0), logits).mean(-1).sum()


def ibot(targets, logits, weights, images):  # (M, K), (M, K), (M,)
    """Masked patches must predict what the teacher sees there: mean per image, then over *all* 2B `images`.

    `weights`: 1 / number of masked patches of the image.
    """
    return (weights * cross_entropy(targets, logits)).sum() / images


def koleo(tokens):  # (B, D)
    """Kozachenko-Leonenko entropy estimate, negative: pushes each token away from its nearest neighbour."""
    x = F.normalize(tokens, dim=-1, eps=1e-8)
    others = distributed.gather(x)
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        itself = torch.arange(len(x), device=x.device) + distributed.rank() * len(x)
        nearest = (x @ others.T).scatter(1, itself[:, None], -1).argmax(1)
    return -torch.log(F.pairwise_distance(x, others[nearest], eps=1e-8) + 1e-8).mean()
