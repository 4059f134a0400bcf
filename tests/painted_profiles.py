"""Painted profiles: screens of well profiles whose truth is known, with the covariances of four real plates.

Every effect (of a well, position, plate or treatment) is normal, with variances that fall off as a power of the number
of the principal direction of wells of DMSO: c k^-a. The constants were fitted to four plates of the JUMP pilot (DMSO
in 64 positions, 306 compounds), by `fitted`; the variance of batches and sources, of which there is one there, is taken
to be that of plates.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from made_profiles import profiles

DIRECTIONS = 90  # that half of the control wells can tell, four plates less one of 32 less one
FITTED = {"well": (136.73, 1.282), "position": (17.14, 1.051), "plate": (2.512, 1.549), "treatment": (550.316, 0.846)}
ROWS, COLUMNS = 16, 24
LEVELS = {"well": ["plate", "well"], "batch": ["batch"], "source": ["source"], "position": ["well"]}


def deviations(what: str) -> np.ndarray:
    """Standard deviations (DIRECTIONS,) of the effects of wells, positions, plates or treatments."""
    height, fall = FITTED[what]
    return np.sqrt(height * np.arange(1, DIRECTIONS + 1.0) ** -fall)


def painted(
    seed: int, *, active=0, nothing=0, effect=1.0, controls=64, plates=4, repeated=True, layouts=1, sources=1,
    batches=1, classes=0, common=0.5, gradient=0.5,
) -> pd.DataFrame:  # fmt: skip
    """A profile table of `active` and `nothing` treatments, a well of each on every plate, and negative controls.

    Treatments are drawn from the fitted covariance times `effect` squared; with `classes`, `common` of their variance
    is that of their mechanism (column moa). A share `gradient` of the variance of positions is linear in row and
    column. Layouts are one, or `layouts` in turn if `repeated`, else one per plate. `batches` are those of a source, of
    `plates` plates each.
    """
    rng = np.random.default_rng([seed, 23])
    names = [f"a{i:03d}" for i in range(active)] + [f"n{i:03d}" for i in range(nothing)] + ["DMSO"] * controls
    moves, moa = _treatments(rng, active, effect, classes, common)
    moves = np.vstack([moves, np.zeros((nothing + controls, DIRECTIONS))])
    wells, places = _positions(rng, len(names), gradient)
    order = [rng.permutation(len(names)) for _ in range(layouts if repeated else plates * batches * sources)]
    of_source, of_batch = ({} for _ in range(2))
    rows, X = [], []
    for number in range(plates * batches * sources):
        source, batch = number // (plates * batches), number // plates
        shift = of_source.setdefault(source, rng.normal(size=DIRECTIONS) * (sources > 1))
        shift = shift + of_batch.setdefault(batch, rng.normal(size=DIRECTIONS) * (batches > 1))
        shift = (shift + rng.normal(size=DIRECTIONS)) * deviations("plate")
        at = order[number % len(order)]
        X.append(moves + places[at] + shift + rng.normal(size=moves.shape) * deviations("well"))
        rows += [
            (f"p{number:02d}", wells[i], f"b{batch}", f"s{source}", name, "negative" if name == "DMSO" else "", of)
            for i, name, of in zip(at, names, [*moa, *[""] * (nothing + controls)], strict=True)
        ]
    columns = ["plate", "well", "batch", "source", "treatment", "control", "moa"]
    return profiles(pd.DataFrame(rows, columns=columns), np.concatenate(X), seed)


def _treatments(rng, active: int, effect: float, classes: int, common: float) -> tuple[np.ndarray, list[str]]:
    """What active treatments do (active, DIRECTIONS), and their classes."""
    own = rng.normal(size=(active, DIRECTIONS))
    if not classes:
        return effect * own * deviations("treatment"), [""] * active
    of, shared = np.arange(active) % classes, rng.normal(size=(classes, DIRECTIONS))
    moves = np.sqrt(common) * shared[of] + np.sqrt(1 - common) * own
    return effect * moves * deviations("treatment"), [f"m{i:02d}" for i in of]


def _positions(rng, n: int, gradient: float) -> tuple[list[str], np.ndarray]:
    """Names of n wells of a plate, drawn at random, and their effects (n, DIRECTIONS)."""
    at = np.sort(rng.permutation(ROWS * COLUMNS)[:n])
    row, column = at // COLUMNS, at % COLUMNS
    slopes = rng.normal(size=(2, DIRECTIONS)) * np.sqrt(gradient / 2)
    linear = np.stack([(z - z.mean()) / z.std() for z in (row, column)], axis=1) @ slopes
    own = np.sqrt(1 - gradient) * rng.normal(size=(n, DIRECTIONS))
    names = [f"{chr(65 + r)}{c + 1:02d}" for r, c in zip(row, column, strict=True)]
    return names, (linear + own) * deviations("position")


def true_recall(frame: pd.DataFrame, level: str) -> float:
    """How many treated wells have a replicate for their nearest well that differs at a level, of those that could."""
    frame = frame[frame["Metadata_control"] == ""]
    X = frame.filter(regex="^emb_").to_numpy(float)
    S = np.corrcoef(np.hstack([X, -X]))  # of rows of mean 0, the correlation is the cosine
    names = frame["Metadata_treatment"].to_numpy()
    columns = {"plate": "Metadata_Plate", "well": "Metadata_Well"}
    facts = [frame[columns.get(name, f"Metadata_{name}")].to_numpy() for name in LEVELS[level]]
    found = []
    for i, name in enumerate(names):
        others = np.logical_or.reduce([values != values[i] for values in facts])
        if (names[others] == name).any():
            found.append(names[others][S[i, others].argmax()] == name)
    return float(np.mean(found))


def fitted(X: np.ndarray, treatments: np.ndarray, negative: np.ndarray) -> dict[str, tuple[float, float]]:
    """(c, a) of the variances of every effect, from plates X (P, W, D) of one layout.

    `treatments` (W,) and `negative` (W,) bool say what is in the wells. Directions come from every
    other control position, variances from the others.
    """
    control = X[:, negative]
    X = (X - control.mean(axis=(0, 1))) / control.std(axis=(0, 1), ddof=1)
    control = X[:, negative]
    basis, own = control[:, ::2], control[:, 1::2]
    V = np.linalg.svd(_residuals(basis).reshape(-1, X.shape[2]), full_matrices=False)[2][:DIRECTIONS]
    P, n = own.shape[:2]
    well = ((_residuals(own) @ V.T) ** 2).sum(axis=(0, 1)) / ((P - 1) * (n - 1))
    position = (own.mean(axis=0) @ V.T).var(axis=0, ddof=1) - well / P
    plate = (own.mean(axis=1) @ V.T).var(axis=0, ddof=1) - well / n
    names = sorted(set(treatments[~negative]))
    means = np.array([X[:, treatments == name].mean(axis=(0, 1)) for name in names])
    treatment = (means @ V.T).var(axis=0, ddof=1) - position - well / P
    return {name: _power_law(values) for name, values in
            {"well": well, "position": position, "plate": plate, "treatment": treatment}.items()}  # fmt: skip


def _residuals(X: np.ndarray) -> np.ndarray:
    """Wells (P, n, D) less the effects of their plate and of their position."""
    return X - X.mean(axis=1, keepdims=True) - X.mean(axis=0) + X.mean(axis=(0, 1))


def _power_law(values: np.ndarray) -> tuple[float, float]:
    """(c, a) of c k^-a, of means of variances (K,) over groups of directions, which may be below 0 one by one."""
    edges = np.unique(np.geomspace(1, len(values) + 1, 12).astype(int))
    k = np.array([np.exp(np.log(np.arange(a, b)).mean()) for a, b in pairwise(edges)])
    mean = np.array([values[a - 1 : b - 1].mean() for a, b in pairwise(edges)])
    kept = mean > 0
    slope, height = np.polyfit(np.log(k[kept]), np.log(mean[kept]), 1)
    return round(float(np.exp(height)), 3), round(float(-slope), 3)
