"""Pairing nuclei and cells that were segmented separately: each nucleus and its cell get the same label."""

import logging

import numpy as np
import pandas as pd

log = logging.getLogger("wellread")


def pair_labels(nuclei: np.ndarray, cells: np.ndarray, bare: str = "drop") -> tuple[np.ndarray, np.ndarray]:
    """Nuclei and cells (H, W) int32 with labels 1..n in common, every nucleus inside its cell, from any labels.

    A nucleus goes to the cell that holds most of it, cut to that cell; of several nuclei a cell keeps the one with
    most pixels in it, the others become cytoplasm. As in CellProfiler's IdentifySecondaryObjects, a nucleus that no
    cell kept is a cell of its own, as far as it lies outside of cells, unless most of it lies inside. Cells without a
    nucleus are dropped or kept without one: `bare` is "drop" or "keep".
    """
    (nuclei, n), (cells, m) = _consecutive(nuclei), _consecutive(cells)
    nucleus, cell = _matches(nuclei, cells)
    kept = np.arange(1, m + 1) if bare == "keep" else np.sort(cell)
    free = _nuclei_outside_cells(nuclei, cells, n, nucleus)
    of_cell, of_nucleus, of_free = np.zeros(m + 1, np.int32), np.zeros(n + 1, np.int32), np.zeros(n + 1, np.int32)
    of_cell[kept] = np.arange(1, len(kept) + 1)  # new labels by old ones
    of_nucleus[nucleus] = of_cell[cell]
    of_free[free] = len(kept) + np.arange(1, len(free) + 1)
    _log_unpaired(m - len(cell), bare, len(free), n - len(nucleus) - len(free))
    body, core, alone = of_cell[cells], of_nucleus[nuclei], np.where(cells > 0, 0, of_free[nuclei])
    return np.where(core == body, core, 0) + alone, body + alone


def _consecutive(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels renumbered 1..n without gaps, in their order (0 stays 0), and n."""
    codes, known = pd.factorize(np.asarray(labels).ravel(), sort=True)
    zero = int(known[0] == 0)
    return (codes + 1 - zero).reshape(np.shape(labels)), len(known) - zero


def _matches(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of nuclei and of their cells, (k,) each, one to one.

    Every nucleus is a candidate for the cell that holds most of it, and every cell takes its largest candidate.
    """
    both = (nuclei > 0) & (cells > 0)
    width = int(cells.max(initial=0)) + 1
    pairs, overlap = np.unique(nuclei[both].astype(np.int64) * width + cells[both], return_counts=True)
    pairs = pairs[np.argsort(-overlap, kind="stable")]  # the largest overlap first
    candidates = pairs[np.sort(np.unique(pairs // width, return_index=True)[1])]
    chosen = candidates[np.unique(candidates % width, return_index=True)[1]]
    return chosen // width, chosen % width


def _nuclei_outside_cells(nuclei: np.ndarray, cells: np.ndarray, n: int, kept: np.ndarray) -> np.ndarray:
    """Labels of nuclei that are not among `kept` and of which more than half lies outside of cells."""
    area, outside = (np.bincount(x.ravel(), minlength=n + 1) for x in (nuclei, np.where(cells > 0, 0, nuclei)))
    free = 2 * outside > area
    free[0] = free[kept] = False
    return np.flatnonzero(free)


def _log_unpaired(empty: int, bare: str, free: int, surplus: int) -> None:
    """Log how many cells and nuclei were not one nucleus in one cell."""
    if empty or free or surplus:
        fate = "kept" if bare == "keep" else "dropped"
        text = "%d cells without a nucleus %s; %d nuclei are cells of their own; %d second nuclei became cytoplasm"
        log.info(text, empty, fate, free, surplus)
