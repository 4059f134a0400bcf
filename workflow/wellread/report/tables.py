"""The tables of results that have answers of this dataset."""

from wellread.measure.published import remarks
from wellread.measure.tabulate import wide
from wellread.report.run import Run
from wellread.runtime import table_files


def tables(run: Run) -> dict:
    """Every table as it is printed: `name`, `columns` (dataset, task, metric), `rows` and `remarks`."""
    return {"tables": [_printed(path) for path in run.paths("tables")]}


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
