"""Published values beside ours: never mixed with them, but compared in the order of models."""

from itertools import combinations

import pandas as pd

CAUTION = "Published values are of other data, networks and trainings: only the order of models can be compared."


def beside(table: pd.DataFrame, metrics: dict[str, list[str]], published) -> pd.DataFrame:
    """The table with the columns `published`, `published_sd`, `published_of` and `source`, NaN or empty where none is.

    `published`: dicts of the model, correction ("": every one) and task in whose rows a `value` and its `sd` stand, of
    the first metric of the task in `metrics`; `of`: what it is the value of; `source`: its citation.
    """
    table = table.assign(published=float("nan"), published_sd=float("nan"), published_of="", source="")
    for one in published:
        rows = (table["model"] == one["model"]) & (table["task"] == one["task"])
        rows &= table["metric"].isin(metrics.get(one["task"], [])[:1])
        rows &= (table["correction"] == one["correction"]) if one.get("correction") else True
        sd = one.get("sd")
        values = one["value"], float("nan") if sd is None else sd, one["of"], one["source"]
        table.loc[rows, ["published", "published_sd", "published_of", "source"]] = values
    return table


def cell_of(row) -> str:
    """A published value as it is printed, such as `0.65 ± 0.02 (OpenPhenom)`."""
    spread = f" ± {row.published_sd:.3g}" if pd.notna(row.published_sd) else ""
    return f"{row.published:.3g}{spread} ({row.published_of})"


def remarks(table: pd.DataFrame) -> list[str]:
    """What a reader has to know of published values: their sources, and pairs of models in another order than ours."""
    told = table[table["published_of"] != ""]
    if told.empty:
        return []
    sources = [f"Published: {source}." for source in dict.fromkeys(told["source"])]
    return [CAUTION, *sources, *disagreements(told)]


def disagreements(told: pd.DataFrame) -> list[str]:
    """A sentence for every pair of models, of one dataset, task, metric and correction, whose orders are not the same.

    Ours is undecided where both have intervals, and these overlap.
    """
    found = []
    for (dataset, task, metric, correction), rows in told.groupby(
        ["dataset", "task", "metric", "correction"], sort=False
    ):
        for one, other in combinations(rows.dropna(subset=["value"]).itertuples(), 2):
            lower, higher = sorted((one, other), key=lambda row: row.published)
            if lower.published == higher.published or higher.value > lower.value:
                continue
            verdict = "which its intervals leave open" if lower.low <= higher.high else "against the published order"
            found.append(
                f"{dataset}, {task}, {correction}: {metric} of {higher.model} {higher.value:.3g} is not above that of "
                f"{lower.model} {lower.value:.3g}, {verdict} ({higher.published_of} {higher.published:.3g}, "
                f"{lower.published_of} {lower.published:.3g})."
            )
    return found
