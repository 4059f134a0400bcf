"""Nuclei and cells that were found apart, made to share their ids."""

import logging

import numpy as np
import pandas as pd

log = logging.getLogger("wellread")


def paired(nuclei: np.ndarray, cells: np.ndarray, bare: str = "drop") -> tuple[np.ndarray, np.ndarray]:
    """Label images (H, W) int32 with ids 1..n in common, every nucleus inside its cell; inputs number as they like.

    A nucleus goes to the cell that holds most of it, cut to that cell; of several nuclei a cell keeps the one with
    most pixels in it, the others become body. As in CellProfiler's IdentifySecondaryObjects, a nucleus that no cell
    kept is a cell of its own, as far as it lies outside of cells, unless most of it lies inside. Cells without a
    nucleus (`bare`) are dropped, or kept without one: "drop", "keep".
    """
    (nuclei, n), (cells, m) = _counted(nuclei), _counted(cells)
    nucleus, cell = _couples(nuclei, cells)
    kept = np.arange(1, m + 1) if bare == "keep" else np.sort(cell)
    alone = _alone(nuclei, cells, n, nucleus)
    body, core, free = np.zeros(m + 1, np.int32), np.zeros(n + 1, np.int32), np.zeros(n + 1, np.int32)
    body[kept] = np.arange(1, len(kept) + 1)
    core[nucleus] = body[cell]
    free[alone] = len(kept) + np.arange(1, len(alone) + 1)
    _tell(m - len(cell), bare, len(alone), n - len(nucleus) - len(alone))
    body, core, free = body[cells], core[nuclei], np.where(cells > 0, 0, free[nuclei])
    return np.where(core == body, core, 0) + free, body + free


def _counted(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels as 0, 1..n without gaps, and n."""
    codes, known = pd.factorize(np.asarray(labels).ravel(), sort=True)
    zero = int(known[0] == 0)
    return (codes + 1 - zero).reshape(np.shape(labels)), len(known) - zero


def _couples(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of nuclei and of their cells, (k,) each, one to one: every nucleus asks one cell, which chooses one."""
    both = (nuclei > 0) & (cells > 0)
    width = int(cells.max(initial=0)) + 1
    pairs, shared = np.unique(nuclei[both].astype(np.int64) * width + cells[both], return_counts=True)
    pairs = pairs[np.argsort(-shared, kind="stable")]  # the largest share comes first
    asked = pairs[np.sort(np.unique(pairs // width, return_index=True)[1])]
    chosen = asked[np.unique(asked % width, return_index=True)[1]]
    return chosen // width, chosen % width


def _alone(nuclei: np.ndarray, cells: np.ndarray, n: int, kept: np.ndarray) -> np.ndarray:
    """Labels of nuclei that no cell kept and that lie outside of cells for more than half."""
    area, outside = (np.bincount(x.ravel(), minlength=n + 1) for x in (nuclei, np.where(cells > 0, 0, nuclei)))
    lonely = 2 * outside > area
    lonely[0] = lonely[kept] = False
    return np.flatnonzero(lonely)


def _tell(empty: int, bare: str, alone: int, second: int) -> None:
    """Say what was not one nucleus in one cell."""
    if empty or alone or second:
        fate = "kept" if bare == "keep" else "dropped"
        text = "%d cells without a nucleus %s; %d nuclei are cells of their own; %d second nuclei became body"
        log.info(text, empty, fate, alone, second)
