"""Putting together again what a watershed has cut too fine."""

import heapq
from math import log2, sqrt

import numpy as np

DIP = 0.94  # a border brighter than this share of the dimmer peak parts no nuclei
# Logistic regression of "one nucleus" on pairs of pieces of half the fields of BBBC038, rounded. See `_evidence`.
FILL, NECK, SIZE, LIKENESS, BORDER, REST = 10, 2, -2, 4, 5, -7


def borders(labels: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of labels that touch (n, 2), and of the border of each: its length (px), the mean of `plane`, its highest.

    The plane on a border is the dimmer one of every two pixels.
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
    """Join basins whose border somewhere is nearly as bright as the dimmer of their peaks, highest borders first."""
    pairs, _, _, highest = borders(labels, plane)
    parent = np.arange(labels.max(initial=0) + 1)
    peak = np.zeros(len(parent))
    np.maximum.at(peak, labels[inside := labels > 0], plane[inside])
    for pair in np.argsort(-highest, kind="stable"):
        a, b = sorted((_root(parent, label) for label in pairs[pair]), key=lambda label: -peak[label])
        if a != b and highest[pair] >= DIP * peak[b]:
            parent[b] = a
    return _numbered(parent)[labels]


def merge_pieces(labels: np.ndarray, plane: np.ndarray, diameter: float) -> np.ndarray:
    """Join the pieces of one nucleus, the surest pair first, for as long as the evidence says so."""
    pairs, length, mean, _ = borders(labels, plane)
    graph = _Graph(moments(labels, plane), pairs, length, length * mean, diameter**2)
    return _numbered(graph.merged())[labels]


class _Graph:
    """Pieces by their moments (n, 7: area, y, x, yy, xx, xy, light, all sums) and their borders (length, light)."""

    def __init__(self, sums, pairs, length, light, area):
        self.moments, self.area = sums, area
        self.border = {
            tuple(p): np.array(b) for p, b in zip(pairs.tolist(), zip(length, light, strict=True), strict=True)
        }
        self.beside = {piece: set() for piece in range(len(sums))}
        for a, b in self.border:
            self.beside[a].add(b)
            self.beside[b].add(a)
        self.evidence, self.queue = {}, []

    def merged(self) -> np.ndarray:
        """Which piece every piece has become part of."""
        parent = np.arange(len(self.moments))
        for pair in self.border:
            self._weigh(pair)
        while self.queue:
            evidence, pair = heapq.heappop(self.queue)
            if self.evidence.get(pair) == -evidence:  # else it has changed since
                parent[pair[1]] = pair[0]
                self._join(*pair)
        return parent

    def _weigh(self, pair: tuple[int, int]) -> None:
        a, b = (self.moments[piece] for piece in pair)
        self.evidence[pair] = _evidence(a, b, *self.border[pair], self.area)
        if self.evidence[pair] > 0:
            heapq.heappush(self.queue, (-self.evidence[pair], pair))

    def _join(self, a: int, b: int) -> None:
        self.moments[a] += self.moments[b]
        self.beside[a].discard(b)
        for other in self.beside.pop(b) | {a}:
            border = self.border.pop(gone := _pair(b, other))
            self.evidence.pop(gone, None)
            if other != a:
                self.border[_pair(a, other)] = self.border.get(_pair(a, other), 0) + border
                self.beside[other] = self.beside[other] - {b} | {a}
                self.beside[a].add(other)
        for other in self.beside[a]:
            self._weigh(_pair(a, other))


def _evidence(a: np.ndarray, b: np.ndarray, length: float, light: float, area: float) -> float:
    """Log odds that two pieces are one nucleus.

    For it speak that together they fill the ellipse of their moments better than apart, that their border is long for
    the size of the smaller, and that it is no darker than they are; against it, that together they would be large for
    a nucleus (`area` is that of a typical one), and that one is brighter than the other.
    """
    both, (small, large) = a + b, sorted((a[0], b[0]))
    dim, bright = sorted((max(a[6] / a[0], 1e-9), max(b[6] / b[0], 1e-9)))
    fills = fill(np.stack([a, b, both]))
    gain = fills[2] - (a[0] * fills[0] + b[0] * fills[1]) / both[0]
    odds = FILL * gain + NECK * length / sqrt(small) + SIZE * log2((small + large) / area)
    return odds + LIKENESS * log2(dim / bright) + BORDER * light / length / dim + REST


def fill(moments: np.ndarray) -> np.ndarray:
    """Area of pieces (..., 7) over that of the ellipses with their second moments: 1 for an ellipse, else less."""
    n, y, x, yy, xx, xy = np.moveaxis(moments, -1, 0)[:6]
    n = np.maximum(n, 1)
    yy, xx, xy = yy / n - (y / n) ** 2 + 1 / 12, xx / n - (x / n) ** 2 + 1 / 12, xy / n - y * x / n**2
    return n / (4 * np.pi * np.sqrt(np.maximum(yy * xx - xy * xy, 1e-9)))


def moments(labels: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Sums over every label, by index (n, 7): 1, y, x, yy, xx, xy, light of `plane`; of 0 all are 0."""
    y, x = np.nonzero(labels)
    ids, size = labels[y, x], int(labels.max(initial=0)) + 1
    y, x = y.astype(float), x.astype(float)
    weights = (np.ones(len(y)), y, x, y * y, x * x, x * y, plane[labels > 0])
    return np.stack([np.bincount(ids, weight, size) for weight in weights], 1)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _root(parent: np.ndarray, label: int) -> int:
    while parent[label] != label:
        label = parent[label]
    return int(label)


def _numbered(parent: np.ndarray) -> np.ndarray:
    """New labels, by old one, of groups whose members point to one of them: from 1 without gaps, 0 stays 0."""
    roots = np.array([_root(parent, label) for label in range(len(parent))])
    return np.unique(roots, return_inverse=True)[1].astype(np.int32)
