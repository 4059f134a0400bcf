"""One table of the answers of several tasks, datasets, models and corrections, as data, LaTeX and HTML."""

from html import escape
from pathlib import Path

import pandas as pd
from scipy.stats import t

from wellread.measure.published import beside, cell_of, remarks
from wellread.measure.tidy import chance_values, undecided
from wellread.runtime import table_files

KEYS = ["dataset", "task", "metric", "model", "correction"]
NUMBERS = ["value", "low", "high", "sd", "repeats", "chance", "drop", "n"]


def tabulate(answers, metrics: dict[str, list[str]], drop_from: str = "", published=(), together=None):
    """A row for every metric of the `answers`, paths DATASET/tasks/TASK/MODEL_CORRECTION.parquet of measures.

    `metrics`: those that are told of every task. `value` is the mean over repeats, `sd` their standard deviation, `low`
    and `high` the 95 % interval that the measure gives, `chance` the mean with labels that mean nothing. `drop` is how
    many percent the value is below that of the same model with the correction `drop_from`. What cannot be decided has
    no value, but `note` says why. `published`: values of others (see `published.beside`). `together`: models, by the
    name of their row, that are one row (see `_together`).
    """
    rows = [row for path in map(Path, answers) for row in _rows(path, metrics)]
    table = pd.DataFrame(rows, columns=[*KEYS, *NUMBERS, "note"]).astype(dict.fromkeys(NUMBERS, float))
    for name, models in (together or {}).items():
        table = _together(table, name, models)
    if drop_from and len(table):
        full = table["value"].where(table["correction"] == drop_from)
        full = full.groupby([table[key] for key in KEYS[:-1]]).transform("max")
        table["drop"] = (100 * (full - table["value"]) / full.where(full > 0)).where(table["correction"] != drop_from)
    return beside(table.astype({"repeats": int, "n": int}), metrics, published)


def _together(table: pd.DataFrame, name: str, models: list[str]) -> pd.DataFrame:
    """The table with one row, `name`, for these `models`: mean, deviation, Student's 95 % interval, their number.

    Those without a value take no part.
    """
    own, rows = table["model"].isin(models), []
    for _, group in table[own].groupby([key for key in KEYS if key != "model"], sort=False):
        values = group["value"].dropna()
        m, mean, sd = len(values), values.mean(), values.std()
        half = t.ppf(0.975, m - 1) * sd / m**0.5 if m > 1 else float("nan")
        numbers = {"value": mean, "low": mean - half, "high": mean + half, "sd": sd, "repeats": m}
        rows.append({**group.iloc[0], **numbers, "model": name, "chance": group["chance"].mean()})
    return pd.concat([table[~own], pd.DataFrame(rows, columns=table.columns)], ignore_index=True)


def _rows(path: Path, metrics: dict[str, list[str]]):
    """The rows of one file of answers."""
    table, task, (model, correction) = table_files.read(path, "answers"), path.parent.name, path.stem.split("_", 1)
    why, overall = undecided(table), table[table["item"] == ""]
    for metric in metrics[task]:
        own, low, high = (overall.loc[overall["metric"] == metric + end, "value"] for end in ("", "_low", "_high"))
        place = {"dataset": path.parents[2].name, "task": task, "metric": metric}
        place |= {"model": model, "correction": correction}
        numbers = {"value": own.mean(), "low": low.mean(), "high": high.mean(), "sd": own.std(), "repeats": len(own)}
        numbers |= {"chance": chance_values(table, metric).mean(), "drop": float("nan")}
        n = overall.loc[overall["metric"] == metric, "n"]
        reason, count = why.get(metric, ("", int(n.iloc[0]) if len(n) else 0))
        yield place | numbers | {"n": count, "note": reason}


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """Cells as they are printed, a row per model and correction, a column per dataset, task and metric.

    Such as `0.76 [0.67, 0.83]`, or `0.76 ± 0.02` over repeats, and the drop in percent, where there is one; `-` without
    a number. Published values have columns of their own.
    """
    cells = table.assign(cell=[_cell(row) for row in table.itertuples()])
    told = table[table["published_of"] != ""]
    others = told.assign(metric=told["metric"] + " (published)", cell=[cell_of(row) for row in told.itertuples()])
    cells = pd.concat([cells, others])
    return cells.pivot(index=KEYS[3:], columns=KEYS[:3], values="cell").fillna("").sort_index(axis=1)


def _cell(row) -> str:
    if pd.isna(row.value):
        return "-"
    interval = f" [{row.low:.2f}, {row.high:.2f}]" if pd.notna(row.low) else ""
    spread = f" ± {row.sd:.2f}" if not interval and pd.notna(row.sd) else ""
    drop = f" ({-row.drop:+.0f} %)" if pd.notna(row.drop) and round(row.drop) else ""
    return f"{row.value:.2f}{interval}{spread}{drop}"


def as_latex(table: pd.DataFrame) -> str:
    """The table as LaTeX, for \\input, with the package booktabs; citations and disagreements are comments."""
    notes = "".join(f"% {line}\n" for line in remarks(table))
    return notes + wide(table).to_latex(escape=True, multicolumn_format="c").replace("±", r"$\pm$")


def as_html(table: pd.DataFrame) -> str:
    """The table as an element `table` of HTML, and what is to say of published values in paragraphs."""
    notes = "".join(f"<p>{escape(line)}</p>\n" for line in remarks(table))
    return wide(table).to_html(escape=True, border=0) + "\n" + notes
