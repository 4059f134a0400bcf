"""What the steps after embedding take, in CPU seconds: many short jobs, and the maps, which grow with their points."""

import pandas as pd

from wellread.plan import collected
from wellread.plan.dag import Plan

SECONDS = {"draw": 8, "measure": 2.5, "look": 4, "report": 5, "hits": 5, "other": 1.2}  # of a job, in runs of the demo
SECONDS |= {"tabulate": 2, "chart": 4, "tokens": 4, "patches": 4}  # what they import, and about as much again
START = 1.0  # of Snakemake about every job
MAPS = {"umap": (15.0, 0.004), "tsne": (2.0, 0.004)}  # of a job, as UMAP compiles itself, and of a point of 64 numbers


def seconds(plan: Plan, cells: dict[str, int]) -> dict[str, float]:
    """CPU seconds by step; `cells` of every dataset."""
    counts, names = jobs(plan), list(plan.config["datasets"])
    spent = {step: n * (SECONDS[step] + START) for step, n in counts.items() if step != "map"}
    shown = {"map": sum(_of_maps(plan, name, cells.get(name, 0)) for name in names), "hits": spent.pop("hits")}
    return {"other": sum(spent.values())} | {step: of for step, of in shown.items() if of}


def jobs(plan: Plan) -> dict[str, int]:
    """How many jobs there will be: of steps after embedding, and `other` ones."""
    counts = dict.fromkeys((*SECONDS, "map"), 0)
    counts |= {"tabulate": len(plan.config["tables"]), "chart": len(collected.charted(plan))}
    for name in plan.config["datasets"]:
        plates, models = len(plan.plates(name)), plan.models(name)
        chains = len(plan.chains_of(name))
        counts["draw"] += len(plan.results(name, "figures", "draw"))
        counts["measure"] += len(plan.results(name, "tasks", "measure")) + len(plan.scores(name))
        counts["look"] += len(plan.looks(name))
        counts["report"] += 1
        counts["hits"] += bool(plan.hits(name))
        counts["map"] += len(plan.maps(name))
        counts["patches"] += len(plan.patches(name))
        counts["tokens"] += len(plan.patches(name))
        counts["other"] += plates * (3 + 2 * len(models)) + len(models) * (1 + 3 * chains) + 3
    return counts


def _of_maps(plan: Plan, dataset: str, cells: int) -> float:
    """CPU seconds of the maps of a dataset: all have its wells and treatments, uncorrected ones some cells, too."""
    models = [path.split("/")[-3] for path in plan.maps(dataset)]
    if not models:
        return 0.0
    options, wells = plan.config["map"], plan.screens[dataset].imaged
    first, each = MAPS[options["method"]]
    points = len(wells) + len(wells[_existing(wells, ["treatment", "dose"])].drop_duplicates())
    of_cells = min(options["cells"], cells) if plan.has_images(dataset) else 0
    with_cells = sum(map(plan.reads_crops, dict.fromkeys(models)))
    return len(models) * (first + START + each * points) + with_cells * each * of_cells


def _existing(table: pd.DataFrame, names: list[str]) -> list[str]:
    return [name for name in names if name in table]
