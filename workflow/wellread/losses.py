"""Losses of Cell-DINO. K prototypes; teacher rows are probabilities, student rows are logits."""

import torch
from torch.nn import functional as F

STUDENT_TEMPERATURE = 0.1
ROUNDS = 3  # of Sinkhorn-Knopp


def centred_softmax(logits, centre, temperature):  # (n, K), (K,)
    """Teacher probabilities; subtracting the running mean keeps one prototype from taking all."""
    return F.softmax((logits - centre) / temperature, dim=-1)


def sinkhorn_knopp(logits, _centre, temperature):  # (n, K)
    """Teacher probabilities that use all prototypes about equally often over the n rows; needs no centre."""
    q = logits / temperature  # logarithms throughout: sums of tiny exponentials would be 0 / 0
    for _ in range(ROUNDS if len(q) else 0):
        q = q - q.logsumexp(dim=0)
        q = q - q.logsumexp(dim=1, keepdim=True)
    return q.exp()


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


def ibot(targets, logits, masks):  # (M, K), (M, K), (2B, N) bool with M true
    """Masked patches must predict what the teacher sees there: mean per image, then over *all* 2B images."""
    weights = (1 / masks.sum(1, keepdim=True).clamp(min=1)).expand_as(masks)[masks]  # (M,)
    return (weights * cross_entropy(targets, logits)).sum() / len(masks)


def koleo(tokens):  # (B, D)
    """Kozachenko-Leonenko entropy estimate, negative: pushes each token away from its nearest neighbour."""
    x = F.normalize(tokens, dim=-1, eps=1e-8)
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        nearest = (x @ x.T).fill_diagonal_(-1).argmax(1)
    return -torch.log(F.pairwise_distance(x, x[nearest], eps=1e-8) + 1e-8).mean()
