"""The tables of results that have answers of this dataset."""

from wellread.measure.published import remarks
from wellread.measure.tabulate import wide
from wellread.pictures import montage
from wellread.report.run import Run
from wellread.runtime import table_files

CHART_WIDTH = 1600  # px


def tables(run: Run) -> dict:
    """Every table as it is printed: name, title, columns (dataset, task, metric), rows, remarks, and its chart."""
    charts = {path.stem: montage.picture_uri(path, CHART_WIDTH) for path in run.paths("charts")}
    titles = {name: section["title"] for name, section in run.config.get("tables", {}).items()}
    return {
        "tables": [
            _printed(path) | {"title": titles.get(path.stem) or path.stem, "chart": charts.get(path.stem, "")}
            for path in run.paths("tables")
        ]
    }


def _printed(path) -> dict:
    table = table_files.read(path, "collected")
    cells = wide(table)
    rows = [(*names, values) for names, values in zip(cells.index, cells.to_numpy().tolist(), strict=True)]
    counts = table[["repeats", "n"]].agg(["min", "max"])
    return {
        "name": path.stem,
        "columns": list(cells.columns),
        "rows": rows,
        "remarks": remarks(table),
        "n": counts["n"].tolist(),
        "repeats": counts["repeats"].tolist(),
    }
