"""Losses of Cell-DINO. K prototypes; `targets` are probabilities of the teacher, `logits` are the student's.

With several processes each has some of the rows, and losses that compare rows compare those of all processes.
"""

import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from wellread.train import distributed

STUDENT_TEMPERATURE = 0.1
ITERATIONS = 3  # of Sinkhorn-Knopp
HELD = 2**26  # logits of masked patches that are held at a time: 256 MiB


def centred_softmax(logits, centre, temperature):  # (n, K), (K,)
    """Teacher probabilities (n, K); subtracting a running mean keeps one prototype from taking all (DINO)."""
    return F.softmax((logits - centre) / temperature, dim=-1)


def sinkhorn_knopp(logits, _centre, temperature):  # (n, K)
    """Teacher probabilities (n, K) that use all prototypes about equally often over the n rows; needs no centre.

    As in SwAV (Caron et al. 2020) and DINOv2; `logits` are divided by the temperature.
    """
    q = logits / temperature  # logarithms throughout: sums of tiny exponentials would be 0 / 0
    for _ in range(ITERATIONS):
        q = q - log_column_sums(q)
        q = q - q.logsumexp(dim=1, keepdim=True)
    return q.exp()


def log_column_sums(q):  # (n, K) -> (K,)
    """Logarithm of the sum of exp(q) over the rows of all processes; one of them may have none."""
    largest = distributed.max_over_processes(q.amax(0) if len(q) else q.new_full(q.shape[1:], -torch.inf))
    return largest + distributed.sum_over_processes((q - largest).exp().sum(0)).log()


CENTRINGS = {"softmax": centred_softmax, "sinkhorn_knopp": sinkhorn_knopp}


def cross_entropy(targets, logits):  # (..., K), (..., K) -> (...)
    """Cross-entropy of student logits, at the student's temperature, with teacher probabilities."""
    return -(targets * F.log_softmax(logits / STUDENT_TEMPERATURE, dim=-1)).sum(-1)


def dino_global(targets, logits):  # (2, B, K), (2, B, K)
    """Each global view predicts the teacher's targets of the other one: mean over the 2B images, a scalar."""
    return cross_entropy(targets.flip(0), logits).mean()


def dino_local(targets, logits):  # (2, B, K), (L, B, K)
    """Each local view predicts the targets of both global ones: sum over pairs of the mean over images, a scalar."""
    return cross_entropy(targets.sum(0), logits).mean(-1).sum()


def ibot(targets, logits, weights, images):  # (M, K), (M, K), (M,)
    """Masked patches predict the teacher's targets of these patches: mean per image, then over *all* 2B `images`.

    `weights`: 1 / number of masked patches of the image. A scalar (Zhou et al. 2022).
    """
    return (weights * cross_entropy(targets, logits)).sum() / images


def ibot_in_parts(targets, head, points, weights, images):  # (M, K), (M, d), (M,)
    """`ibot` of the logits `head(points)`, of at most HELD at a time: others are computed again for their gradients.

    `targets`: a tensor, or rows of it that are computed when they are asked for (`Targets`).
    """
    rows = rows_held(head)
    if len(points) <= rows:
        return ibot(targets[:], head(points), weights, images)

    def part(some):
        return ibot(targets[some], head(points[some]), weights[some], images)

    parts = [slice(start, start + rows) for start in range(0, len(points), rows)]
    return sum(checkpoint(part, some, use_reentrant=False, preserve_rng_state=False) for some in parts)


def rows_held(head):
    """How many rows of the logits of a head are held at a time."""
    return max(1, HELD // len(head.weight_v))


class Targets:
    """Teacher probabilities (M, K) of the logits `head(points)`, whose rows are computed when they are asked for."""

    def __init__(self, head, points, centre, temperature):
        self.head, self.points, self.centre, self.temperature = head, points, centre, temperature

    def __getitem__(self, rows):
        with torch.no_grad():
            return centred_softmax(self.head(self.points[rows]), self.centre, self.temperature)


def koleo(tokens, over="batch"):  # (B, D)
    """Negative Kozachenko-Leonenko estimate of the entropy: pushes each token away from its nearest neighbour.

    Mean over tokens of -log(distance to the nearest), for tokens of unit length (Sablayrolles et al. 2019). A scalar.
    `over`: the nearest in the batch, or among those of this process alone.
    """
    x = F.normalize(tokens, dim=-1, eps=1e-8)
    others, first = (x, 0) if over == "process" else (distributed.gather_rows(x), distributed.rank() * len(x))
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        itself = torch.arange(len(x), device=x.device) + first
        nearest = (x @ others.T).scatter(1, itself[:, None], -1).argmax(1)
    return -torch.log(F.pairwise_distance(x, others[nearest], eps=1e-8) + 1e-8).mean()
