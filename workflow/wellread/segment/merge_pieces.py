"""Merging the pieces of nuclei that a watershed has oversegmented."""

import heapq
from math import log2, sqrt

import numpy as np

DIP = 0.94  # where a border is brighter than this fraction of the dimmer peak, there is one nucleus
# Logistic regression of "one nucleus" on pairs of pieces of half the fields of BBBC038, rounded; what a border says is
# weighed for the logarithm of light. See `_log_odds`.
FILL, NECK, SIZE, CONTRAST, BORDER, INTERCEPT = 10, 2, -2, 4, 7, -8.7


def borders(labels: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of labels that touch (n, 2), and of their borders (n,): length (px), mean and maximum of `plane`.

    Of every two pixels that touch across a border the dimmer one is taken.
    """
    found = []
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        a, b = labels[here], labels[there]
        touch = (a != b) & (a > 0) & (b > 0)
        dim = np.minimum(plane[here][touch], plane[there][touch])
        found.append((np.minimum(a, b)[touch], np.maximum(a, b)[touch], dim))
    a, b, dim = (np.concatenate(part) for part in zip(*found, strict=True))
    size = int(labels.max(initial=0)) + 1
    keys, which, length = np.unique(a.astype(np.int64) * size + b, return_inverse=True, return_counts=True)
    highest = np.zeros(len(keys))
    np.maximum.at(highest, which, dim)
    return np.stack(np.divmod(keys, size), 1), length, np.bincount(which, dim, len(keys)) / length, highest


def merge_dips(labels: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Merge labels (H, W) whose border is somewhere nearly as bright as the dimmer of their peaks, brightest first."""
    pairs, _, _, highest = borders(labels, plane)
    parent = np.arange(labels.max(initial=0) + 1)
    peak = np.zeros(len(parent))
    np.maximum.at(peak, labels[inside := labels > 0], plane[inside])
    for pair in np.argsort(-highest, kind="stable"):
        a, b = sorted((_root(parent, label) for label in pairs[pair]), key=lambda label: -peak[label])
        if a != b and highest[pair] >= DIP * peak[b]:
            parent[b] = a
    return _consecutive(parent)[labels]


def merge_pieces(labels: np.ndarray, plane: np.ndarray, diameter: float) -> np.ndarray:
    """Merge labels (H, W), the pair of highest log odds first, as long as these are positive (see `_log_odds`)."""
    pairs, length, mean, _ = borders(labels, plane)
    graph = _PieceGraph(moments(labels, plane), pairs, length, length * mean, diameter**2)
    return _consecutive(graph.merged())[labels]


class _PieceGraph:
    """Pieces, by their `moments` (n, 7), and the borders between them, each (length, sum of light)."""

    def __init__(self, sums, pairs, length, light, area):
        self.moments, self.area = sums, area
        self.border = {
            tuple(p): np.array(b) for p, b in zip(pairs.tolist(), zip(length, light, strict=True), strict=True)
        }
        self.neighbours = {piece: set() for piece in range(len(sums))}
        for a, b in self.border:
            self.neighbours[a].add(b)
            self.neighbours[b].add(a)
        self.log_odds, self.queue = {}, []

    def merged(self) -> np.ndarray:
        """The piece (n,) that every piece has been merged into: itself, or one that has in turn been merged."""
        parent = np.arange(len(self.moments))
        for pair in self.border:
            self._score(pair)
        while self.queue:
            log_odds, pair = heapq.heappop(self.queue)
            if self.log_odds.get(pair) == -log_odds:  # else the entry is outdated
                parent[pair[1]] = pair[0]
                self._merge(*pair)
        return parent

    def _score(self, pair: tuple[int, int]) -> None:
        a, b = (self.moments[piece] for piece in pair)
        self.log_odds[pair] = _log_odds(a, b, *self.border[pair], self.area)
        if self.log_odds[pair] > 0:
            heapq.heappush(self.queue, (-self.log_odds[pair], pair))

    def _merge(self, a: int, b: int) -> None:
        self.moments[a] += self.moments[b]
        self.neighbours[a].discard(b)
        for other in self.neighbours.pop(b) | {a}:
            border = self.border.pop(gone := _ordered(b, other))
            self.log_odds.pop(gone, None)
            if other != a:
                self.border[_ordered(a, other)] = self.border.get(_ordered(a, other), 0) + border
                self.neighbours[other] = self.neighbours[other] - {b} | {a}
                self.neighbours[a].add(other)
        for other in self.neighbours[a]:
            self._score(_ordered(a, other))


def _log_odds(a: np.ndarray, b: np.ndarray, length: float, light: float, area: float) -> float:
    """Log odds that two pieces are one nucleus.

    They rise if together they fill the ellipse of their moments better than apart, if their border is long for the size
    of the smaller, and if it is no darker than they are; they fall if together they would be large for a nucleus
    (`area` is that of a typical one), and if one is brighter than the other. `a` and `b` are moments (7,), `length` and
    `light` those of the border.
    """
    both, (small, large) = a + b, sorted((a[0], b[0]))
    dim, bright = sorted((max(a[6] / a[0], 1e-9), max(b[6] / b[0], 1e-9)))
    fills = ellipse_fill(np.stack([a, b, both]))
    gain = fills[2] - (a[0] * fills[0] + b[0] * fills[1]) / both[0]
    odds = FILL * gain + NECK * length / sqrt(small) + SIZE * log2((small + large) / area)
    return odds + CONTRAST * log2(dim / bright) + BORDER * light / length / dim + INTERCEPT


def ellipse_fill(moments: np.ndarray) -> np.ndarray:
    """Area of pieces (..., 7) over that of the ellipses with their second moments: 1 for an ellipse, else less."""
    n, yy, xx, xy = _second_moments(moments)
    return n / (4 * np.pi * np.sqrt(np.maximum(yy * xx - xy * xy, 1e-9)))


def half_axes(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Long and short half axes (...) in px of the ellipses with the second moments of pieces (..., 7)."""
    _, yy, xx, xy = _second_moments(moments)
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return 2 * np.sqrt(middle + spread), 2 * np.sqrt(np.maximum(middle - spread, 0))


def _second_moments(moments: np.ndarray) -> tuple[np.ndarray, ...]:
    """Area, at least 1, and central second moments yy, xx, xy of pieces (..., 7), pixels being squares."""
    n, y, x, yy, xx, xy = np.moveaxis(moments, -1, 0)[:6]
    n = np.maximum(n, 1)
    return n, yy / n - (y / n) ** 2 + 1 / 12, xx / n - (x / n) ** 2 + 1 / 12, xy / n - y * x / n**2


def moments(labels: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Sums over every label, by label (n, 7): 1, y, x, yy, xx, xy, light of `plane`; those of label 0 are 0."""
    y, x = np.nonzero(labels)
    ids, size = labels[y, x], int(labels.max(initial=0)) + 1
    y, x = y.astype(float), x.astype(float)
    weights = (np.ones(len(y)), y, x, y * y, x * x, x * y, plane[labels > 0])
    return np.stack([np.bincount(ids, weight, size) for weight in weights], 1)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _root(parent: np.ndarray, label: int) -> int:
    while parent[label] != label:
        label = parent[label]
    return int(label)


def _consecutive(parent: np.ndarray) -> np.ndarray:
    """New label of every old one: one for each tree of `parent`, from 1 without gaps; 0 stays 0."""
    roots = np.array([_root(parent, label) for label in range(len(parent))])
    return np.unique(roots, return_inverse=True)[1].astype(np.int32)
