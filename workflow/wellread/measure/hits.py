"""The list of hits: every treatment, how far it is from the controls by three tests, and what it resembles."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.halves import in_order
from wellread.measure.three_tests import TESTS, ThreeTests
from wellread.profiles import similarity, tables
from wellread.profiles.consensus import BY, consensus
from wellread.runtime.progress import progress

FACTS = {"treatment": "treatment", "dose": "dose", "replicates": "wells", "object_count": "cells"}  # {metadata: column}
ASIDE = ("plate", "well", "site", "control_use")  # metadata that are no labels either


def hits(
    frame, crossed, seed, *, model="", correction="", permute="auto", null_size=1000, threshold=0.05, neighbours=3
) -> pd.DataFrame:
    """One row per treatment, and dose if there are doses, of well profiles; the strongest first.

    `frame` are profiles corrected on one half of the controls, `crossed` on the other. Three statistics tell how far a
    treatment is from the controls that nothing was fitted on:
    - `map`, the mean average precision (`average_precision`);
    - `mahalanobis`, of the mean of its wells from the location and the shrunk covariance of the fitting controls;
    - `energy`, the energy distance of its wells from the controls of their plates.
    Each has a 95 % bootstrap interval over its wells (`_low`, `_high`; of three wells or more, of few too narrow), p by
    the null distribution of `average_precision`, which `permute` and `null_size` are about, the smallest p that
    counting alone can give (`_floor`), q by Benjamini-Hochberg over all rows, and `_active`: q < threshold. The two
    distances are means over both halves of the controls; p is by both where a treatment has one position on all plates,
    else by the first. Where p cannot be below the threshold, or treatments keep their positions and there are fewer
    than 20 control positions, there is no p and no q, and `reason` says why.
    `active` counts the tests that call a treatment active, `agree` says whether all three say the same.

    `distance`: root mean square over features of the difference from the controls of the plate, in standard deviations
    of a control well. `nearest_1` and so on: the most similar other treatments by cosine of mean profiles. All labels
    of the wells table follow; one that is called like a column before it as `label_` and its name.
    """
    told, profiles = _treatments(frame)
    tests = ThreeTests.of([frame, crossed], BY, permute, null_size, threshold, seed)
    names = progress(tables.row_names(told, BY), "treatments", unit="treatment")
    found = pd.DataFrame([tests.of_treatment(item) for item in names], index=told.index)
    facts = {new: told[tables.column(name)] for name, new in FACTS.items() if tables.column(name) in told}
    parts = [pd.DataFrame({"model": model, "correction": correction, **facts}, index=told.index)]
    parts += [_decided(found, threshold), _nearest(told, profiles, neighbours)]
    parts.append(_labels(told, [name for part in parts for name in part]))
    return _strongest_first(pd.concat(parts, axis=1))


def _treatments(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The metadata of the treatments of well profiles, negative controls left out, and their mean profiles (t, D)."""
    meta, _ = tables.split(frame)
    treated = (tables.text_column(meta, "control") != "negative") & (tables.text_column(meta, "treatment") != "")
    return tables.split(consensus(in_order(frame[treated]), by=BY))


def _decided(found: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """The tests of all treatments with q, how many call a treatment active, whether they agree, and why some do not."""
    parts = [_with_q(found, name, threshold) for name in TESTS]
    active = pd.concat([part.iloc[:, -1] for part in parts], axis=1)
    told = {
        "active": active.sum(axis=1, min_count=1).astype("Int64"),
        "agree": (active.nunique(axis=1) == 1).astype("boolean").where(active.notna().all(axis=1)),
        "distance": found.reindex(columns=["distance"]).iloc[:, 0].astype(float),
    }
    why = found.reindex(columns=[f"{name}_why" for name in TESTS]).to_numpy()
    reason = pd.Series([_reason(row) for row in why], found.index, dtype=object, name="reason")
    return pd.concat([pd.DataFrame(told, index=found.index), *parts, reason], axis=1)


def _with_q(found: pd.DataFrame, name: str, threshold: float) -> pd.DataFrame:
    """The columns of one test, with q and `_active`."""
    part = found.reindex(columns=[f"{name}{end}" for end in ("", "_low", "_high", "_p", "_q", "_floor")]).astype(float)
    decided = part[f"{name}_p"].notna()
    if decided.any():
        part.loc[decided, f"{name}_q"] = false_discovery_control(part.loc[decided, f"{name}_p"])
    active = (part[f"{name}_q"] < threshold).astype("boolean").where(decided)
    return part.assign(**{f"{name}_active": active})


def _reason(why) -> str:
    """Why tests decide nothing, in the order of TESTS: `undecidable: ...`, or which ones and why; "" if all do."""
    if len(set(why)) == 1:
        return f"undecidable: {why[0]}" if why[0] else ""
    return "; ".join(f"{name} undecidable: {words}" for name, words in zip(TESTS.values(), why, strict=True) if words)


def _nearest(told: pd.DataFrame, profiles: np.ndarray, neighbours: int) -> pd.DataFrame:
    """The most similar treatments other than a row's own, whatever the dose, and their cosines."""
    names, n = np.append(tables.row_names(told, BY), ""), len(told)
    index, cosines = np.full((n, neighbours), -1), np.full((n, neighbours), np.nan)
    if n:
        codes, k = similarity.exclusion_codes(told, ["treatment"]), min(n, neighbours)
        index[:, :k], cosines[:, :k] = similarity.nearest_neighbours(profiles, codes, k)
    cosines[index < 0] = np.nan
    columns = {}
    for i in range(neighbours):
        columns |= {f"nearest_{i + 1}": names[index[:, i]], f"nearest_{i + 1}_cosine": cosines[:, i]}
    return pd.DataFrame(columns, index=told.index)


def _labels(told: pd.DataFrame, taken: list[str]) -> pd.DataFrame:
    """The labels of treatments, called as in the wells table."""
    labels = told.drop(columns=[tables.column(name) for name in [*FACTS, *ASIDE]], errors="ignore")
    names = {column: column.removeprefix("Metadata_") for column in labels}
    return labels.rename(columns={old: f"label_{new}" if new in taken else new for old, new in names.items()})


def _strongest_first(table: pd.DataFrame) -> pd.DataFrame:
    """The rows by how many tests call them active, then by Mahalanobis distance; those undecided last."""
    order = ["active", "mahalanobis", "treatment", *(["dose"] if "dose" in table else [])]
    rising = [name in ("treatment", "dose") for name in order]
    return table.sort_values(order, ascending=rising, kind="stable", ignore_index=True)
