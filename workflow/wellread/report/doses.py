"""Curves of distance from the controls over doses: fitted ones of a task, or else those of the list of hits."""

import math
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from wellread.measure.dose_curve import DRAWN
from wellread.report import svg
from wellread.report.run import Run
from wellread.runtime import table_files
from wellread.runtime.registry import chosen

FEWEST = 3  # doses of a curve
WIDTH, HEIGHT, LEFT, BELOW = 190, 84, 34, 16  # px


def dose_curves(run: Run, table: pd.DataFrame, most: int) -> dict:
    """{curves, more_curves, fitted}: pictures of up to `most` treatments of FEWEST doses or more, strongest first.

    `fitted` is the task whose curves, of the model and correction of the hits, are drawn with their doses of half the
    effect; treatments without one have the distances of the list of hits.
    """
    if "dose" not in table:
        return {"curves": [], "more_curves": 0, "fitted": ""}
    doses = table[(table["dose"] > 0) & table["mahalanobis"].notna()]
    series = {name: own.sort_values("dose") for name, own in doses.groupby("treatment", sort=False)}
    series = {name: own for name, own in series.items() if len(own) >= FEWEST}
    task, fits = _fits(run, table)
    curves = [_curve(name, own, fits.get(name)) for name, own in list(series.items())[:most]]
    return {"curves": curves, "more_curves": len(series) - len(curves), "fitted": task if fits else ""}


def _fits(run: Run, table: pd.DataFrame) -> tuple[str, dict[str, dict]]:
    """The first task of dose_response of the hits' model and correction: {treatment: {metric: values by repeat}}.

    Those with an EC50, its interval and a curve (`dose_curve.DRAWN`).
    """
    pair = tuple(table[["model", "correction"]].iloc[0])
    for name, paths in run.by_pair("tasks").items():
        if chosen("measure", run.config["tasks"][name]["measure"]).name == "dose_response" and pair in paths:
            answers = table_files.read(paths[pair], "answers")
            kept = answers[answers["metric"].isin(["ec50", "ec50_low", "ec50_high", *DRAWN]) & (answers["item"] != "")]
            groups = kept.sort_values("repeat", kind="stable").groupby("item")
            found = {item: {m: v.tolist() for m, v in own.groupby("metric")["value"]} for item, own in groups}
            return name, {item: own for item, own in found.items() if "ec50" in own and "curve" in own}
    return "", {}


def _curve(name: str, own: pd.DataFrame, fit: dict | None) -> dict:
    """A picture with its words: of the fitted curve, or else of the distances of the list of hits."""
    if not fit:
        return {"name": name, "told": "", "svg": _listed(own)}
    half, low, high = (fit[f"ec50{end}"][0] for end in ("", "_low", "_high"))
    return {"name": name, "told": f"half the effect at {half:.3g} ({low:.3g} to {high:.3g})", "svg": _fitted(fit)}


@dataclass(frozen=True)
class Axes:
    """Doses from `first` to `last` on a logarithmic axis, distances from 0 to `top`."""

    first: float
    last: float
    top: float

    def x(self, dose: float) -> float:
        """Where a dose lies, px from the left; those beyond the axis at its end."""
        part = math.log(dose / self.first) / math.log(self.last / self.first)
        return LEFT + 8 + (WIDTH - 16) * min(max(part, 0), 1)

    def y(self, distance: float) -> float:
        """Where a distance lies, px from above."""
        return 8 + (HEIGHT - 8) * (1 - distance / self.top if self.top > 0 else 1)

    def points(self, doses, distances) -> str:
        """The corners of a line or an area."""
        return " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(doses, distances, strict=True))

    def dot(self, kind: str, dose: float, distance: float) -> str:
        """A point."""
        return f'<circle class="{kind}" cx="{self.x(dose):.1f}" cy="{self.y(distance):.1f}" r="3"/>'

    def picture(self, parts: list[str]) -> Markup:
        """The parts with the ends of both axes."""
        ends = [svg.text(LEFT, 12, f"{self.top:.3g}", "axis left"), svg.text(LEFT, HEIGHT, "0", "axis left")]
        ends += [svg.text(self.x(d), HEIGHT + BELOW - 2, f"{d:g}", "axis mid") for d in (self.first, self.last)]
        return svg.picture(LEFT + WIDTH, HEIGHT + BELOW, parts + ends, "curve", "distance over dose")


def _fitted(fit: dict) -> Markup:
    """Wells, the fitted curve in the area of its interval, a tick at the dose of half the effect, its interval."""
    doses = fit["curve_dose"]
    axes = Axes(doses[0], doses[-1], max(*fit["curve_high"], *fit["well_distance"]))
    half, low, high = (axes.x(fit[f"ec50{end}"][0]) for end in ("", "_low", "_high"))
    area = axes.points(doses + doses[::-1], fit["curve_low"] + fit["curve_high"][::-1])
    parts = [f'<polygon class="area" points="{area}"/>', svg.box(half - 0.75, 8, 1.5, HEIGHT - 8, "chance")]
    parts.append(f'<polyline points="{axes.points(doses, fit["curve"])}"/>')
    parts += [axes.dot("open", *well) for well in zip(fit["well_dose"], fit["well_distance"], strict=True)]
    parts.append(svg.box(low, HEIGHT - 3, max(high - low, 1), 3, "span"))
    return axes.picture(parts)


def _listed(own: pd.DataFrame) -> Markup:
    """Distances of the list of hits with their intervals, joined by lines."""
    axes = Axes(own["dose"].iloc[0], own["dose"].iloc[-1], max(own["mahalanobis"].max(), own["mahalanobis_high"].max()))
    parts = [f'<polyline points="{axes.points(own["dose"], own["mahalanobis"])}"/>']
    for row in own.itertuples():
        if row.mahalanobis_low == row.mahalanobis_low:
            high, low = axes.y(row.mahalanobis_high), axes.y(row.mahalanobis_low)
            parts.append(svg.box(axes.x(row.dose) - 0.75, high, 1.5, low - high, "span"))
        kind = "value" if row.mahalanobis_active is not pd.NA and row.mahalanobis_active else "open"
        parts.append(axes.dot(kind, row.dose, row.mahalanobis))
    return axes.picture(parts)
