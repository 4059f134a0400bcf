"""Whether there are cells enough for what the config asks, and disk and memory enough for the run."""

from wellread.plan.dag import Plan
from wellread.preview import terminal
from wellread.preview.costs import Costs, free_bytes, total_memory
from wellread.preview.finding import Finding
from wellread.runtime.counted import counted


def found(plan: Plan, cost: Costs) -> list[Finding]:
    """The findings about what is too few or too much."""
    return [*_of_machine(cost), *_to_learn_from(plan, cost), *_in_wells(plan, cost)]


def _to_learn_from(plan: Plan, cost: Costs):
    """Findings about models that learn from fewer cells than a batch has."""
    for model in plan.trained():
        cells = sum(cost.cells.get(name, 0) for name in plan.config["models"][model]["train_on"])
        if cells < (batch := plan.config["models"][model]["fit"]["batch"]):
            found = f"about {counted(cells, 'cell')} to learn from, fewer than a batch of {batch}"
            edit = "more fields; or `crops.edge: pad`; or a given encoder"
            yield Finding("warning", "few_cells", f"models.{model}.train_on", found, edit)


def _in_wells(plan: Plan, cost: Costs):
    """Findings about datasets most of whose wells have fewer cells than a profile needs."""
    for name, cells in cost.cells.items():
        least = plan.config["datasets"][name]["aggregate"]["min_cells"]
        wells = len(plan.images[name][["plate", "well"]].drop_duplicates())
        if least > 1 and cells / wells < least:
            each = counted(int(cells // wells), "cell")
            found = f"about {each} a well, fewer than {least}: most wells get no profile"
            yield Finding(
                "warning", "few_cells_in_wells", f"datasets.{name}.aggregate.min_cells", found, "a lower number"
            )


def _of_machine(cost: Costs):
    """Findings about a disk or a memory that is too small."""
    if cost.disk > (free := free_bytes()):
        found = f"{terminal.size(cost.disk)} will be written, {terminal.size(free)} are free"
        edit = "make room; or `keep_crops: false`, smaller crops.size, or crops.max_per_well"
        yield Finding("error" if cost.disk > 2 * free else "warning", "disk", "results", found, edit)
    if cost.memory > (total := total_memory()):
        found = f"a job will take {terminal.size(cost.memory * 2**20)}, the machine has {terminal.size(total * 2**20)}"
        yield Finding(
            "warning", "memory", "results", found, "fit.batch smaller, fit.accumulate larger; or another machine"
        )
