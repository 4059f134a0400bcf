"""Curves of distance from the controls over doses, from the list of hits and the doses of half the effect."""

import math

import pandas as pd
from markupsafe import Markup

from wellread.report import svg
from wellread.report.run import Run
from wellread.runtime import table_files
from wellread.runtime.registry import chosen

FEWEST = 3  # doses of a curve
WIDTH, HEIGHT, LEFT, BELOW = 190, 84, 34, 16  # px


def dose_curves(run: Run, table: pd.DataFrame, most: int) -> dict:
    """{curves, more_curves, fitted}: pictures of up to `most` treatments of FEWEST doses or more, strongest first.

    `fitted` is the task whose doses of half the effect, of the model and correction of the hits, are drawn too.
    """
    if "dose" not in table:
        return {"curves": [], "more_curves": 0, "fitted": ""}
    doses = table[(table["dose"] > 0) & table["mahalanobis"].notna()]
    series = {name: own.sort_values("dose") for name, own in doses.groupby("treatment", sort=False)}
    series = {name: own for name, own in series.items() if len(own) >= FEWEST}
    task, halves = _half_effects(run, table)
    curves = [
        {"name": name, "told": _told(halves.get(name)), "svg": _curve(own, halves.get(name))}
        for name, own in list(series.items())[:most]
    ]
    return {"curves": curves, "more_curves": len(series) - len(curves), "fitted": task if halves else ""}


def _half_effects(run: Run, table: pd.DataFrame) -> tuple[str, dict]:
    """The first task of dose_response of the hits' model and correction, and its {treatment: (EC50, low, high)}."""
    pair = tuple(table[["model", "correction"]].iloc[0])
    for name, paths in run.by_pair("tasks").items():
        measure = run.config["tasks"][name]["measure"]
        if chosen("measure", measure).name == "dose_response" and pair in paths:
            answers = table_files.read(paths[pair], "answers")
            wide = answers[answers["item"] != ""].pivot_table(index="item", columns="metric", values="value")
            if {"ec50", "ec50_low", "ec50_high"} <= set(wide):
                return name, {
                    row.Index: (row.ec50, row.ec50_low, row.ec50_high)
                    for row in wide.dropna(subset=["ec50"]).itertuples()
                }
    return "", {}


def _told(half: tuple | None) -> str:
    return f"half the effect at {half[0]:.3g} ({half[1]:.3g} to {half[2]:.3g})" if half else ""


def _curve(own: pd.DataFrame, half: tuple | None) -> Markup:
    """Points with intervals over log dose, joined by lines; `half` the dose of half the effect with its interval."""
    first, last = math.log(own["dose"].min()), math.log(own["dose"].max())
    top = max(own["mahalanobis"].max(), own["mahalanobis_high"].max())

    def x(dose):
        return LEFT + 8 + (WIDTH - 16) * min(max((math.log(dose) - first) / (last - first), 0), 1)

    def y(value):
        return 8 + (HEIGHT - 8) * (1 - value / top if top > 0 else 1)

    parts = []
    if half:
        parts.append(svg.box(x(half[1]), 8, max(x(half[2]) - x(half[1]), 1), HEIGHT - 8, "band"))
        parts.append(svg.box(x(half[0]) - 0.75, 8, 1.5, HEIGHT - 8, "chance"))
    points = [(x(dose), y(value)) for dose, value in zip(own["dose"], own["mahalanobis"], strict=True)]
    parts.append(f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>')
    for (a, b), row in zip(points, own.itertuples(), strict=True):
        if row.mahalanobis_low == row.mahalanobis_low:
            parts.append(
                svg.box(
                    a - 0.75, y(row.mahalanobis_high), 1.5, y(row.mahalanobis_low) - y(row.mahalanobis_high), "span"
                )
            )
        kind = "value" if row.mahalanobis_active is not pd.NA and row.mahalanobis_active else "open"
        parts.append(f'<circle class="{kind}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>')
    parts += [svg.text(LEFT, 12, f"{top:.3g}", "axis left"), svg.text(LEFT, HEIGHT, "0", "axis left")]
    parts += [svg.text(x(d), HEIGHT + BELOW - 2, f"{d:g}", "axis mid") for d in (own["dose"].min(), own["dose"].max())]
    return svg.picture(LEFT + WIDTH, HEIGHT + BELOW, parts, "curve", "distance over dose")
