"""A dry run in a few lines: which steps would run, how many times, and on which plates, models and tasks."""

SHOWN = 6  # names of a kind that are printed
ORDER = ("paint", "stage", "calibrate", "segment", "crop_size", "crops", "temporary_crops", "train", "select")
ORDER += ("crops_to_embed", "embed", "embed_classical", "pool", "given", "aggregate", "correct", "cross", "consensus")
ORDER += ("sample", "choose", "measure", "nest", "hits", "compare", "score", "map", "draw", "look", "tokens", "patches")
ORDER += ("ledger", "alarms", "report", "overview")
ORDER += ("to_csv", "to_h5ad", "to_ome_tiff", "tabulate", "chart")
LEFT_OUT = ("dataset",)  # named in the heading


def summary(jobs: list[tuple[str, dict[str, str]]], notes=()) -> str:
    """A line for every step of `jobs`: (rule, wildcards), in the order in which they run; below them `notes`."""
    return "\n".join([_steps(jobs), *(f"note: {note}" for note in notes)])


def _steps(jobs: list[tuple[str, dict[str, str]]]) -> str:
    steps: dict[str, list[dict]] = {}
    for rule, wildcards in jobs:
        steps.setdefault(rule, []).append(wildcards)
    steps.pop("all", None)
    if not steps:
        return "Nothing would run: every result is there and up to date."
    datasets = sorted({wildcards["dataset"] for own in steps.values() for wildcards in own if "dataset" in wildcards})
    width = max(map(len, steps))
    lines = [
        f"  {rule:<{width}} {len(own):>5}  {_names(own)}".rstrip() for rule, own in sorted(steps.items(), key=_place)
    ]
    return "\n".join([f"What would run, for {_listed(datasets)}:" if datasets else "What would run:", *lines])


def _place(step: tuple[str, list]) -> tuple[int, str]:
    """Where a step stands in the pipeline, for sorting."""
    return (ORDER.index(step[0]) if step[0] in ORDER else len(ORDER), step[0])


def _names(jobs: list[dict]) -> str:
    """The distinct values of every wildcard: `plate P1, P2; model tiny`."""
    kinds = [kind for kind in dict.fromkeys(kind for job in jobs for kind in job) if kind not in LEFT_OUT]
    values = {kind: sorted({job[kind] for job in jobs if kind in job}) for kind in kinds}
    return "; ".join(f"{kind} {_listed(names)}" for kind, names in values.items())


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
