"""A preview as lines of text for a terminal."""

from math import pi
from statistics import median

from wellread.preview import tables
from wellread.runtime.counted import between, counted

MARKS = {"error": "ERROR", "warning": "WARNING", "note": "note"}
CLASSES = 5  # of a label that are named


def text(shown) -> str:
    """All of a preview: datasets, costs, findings."""
    lines = [f"Preview of {shown.config_file}"]
    for name in shown.plan.config["datasets"] if shown.plan else ():
        lines += ["", f"{name}", *_dataset(shown, name)]
    if shown.costs:
        lines += ["", "A run will take about", *_indented(costs_lines(shown.costs))]
    return "\n".join([*lines, "", *findings_lines(shown.findings)])


def _dataset(shown, name: str) -> list[str]:
    plan = shown.plan
    lines = [*plates_lines(plan, name), "", *files_lines(shown.files.get(name, []))]
    return _indented(lines + shown.designs[name] + cells_lines(shown, name))


def plates_lines(plan, name: str) -> list[str]:
    """A line for every plate, and the maps of some."""
    counts, lines = tables.plates(plan.images[name], plan.wells[name]), []
    for row in counts.head(tables.SHOWN).itertuples():
        sites = f"{row.least}" if row.least == row.most else f"{row.least} to {row.most}"
        controls = ", ".join(counted(getattr(row, kind), f"{kind} control") for kind in ("negative", "positive"))
        fields = f"{counted(row.fields, 'field')} ({sites} a well)"
        lines.append(f"plate {row.plate}: {counted(row.wells, 'well')} with images, {fields}, {controls}")
    if (more := len(counts) - tables.SHOWN) > 0:
        rest = counts.iloc[tables.SHOWN :]
        sums = f"{counted(rest['wells'].sum(), 'well')}, {counted(rest['fields'].sum(), 'field')}"
        negative = between(rest["negative"].min(), rest["negative"].max(), "negative control")
        lines.append(f"and {counted(more, 'other plate')}: {sums}, {negative} a plate")
    first = counts["plate"].iloc[0]
    drawn = tables.map_lines(tables.signs(plan.images[name], plan.wells[name], first))
    return lines + ([f"map of {first} ({tables.LEGEND})", *drawn] if drawn else [])


def files_lines(files: list[dict]) -> list[str]:
    """For every channel its first file and what its header says."""
    lines = []
    for file in files:
        what = file["error"] or f"{file['size']}, {file['dtype']}"
        size = f", {file['pixel_size']:.4g} µm a pixel" if file["pixel_size"] else ""
        lines.append(f"{file['channel']}: {file['path']} ({file['field']}; {what}{size})")
    return lines


def design_lines(design: dict, labels: list[dict]) -> list[str]:
    """Treatments, replicates, layouts, and the labels of tasks."""
    lines = []
    if design["treatments"]:
        least, median, most = design["replicates"]
        wells = between(least, most, "well") + (f" each (median {median:g})" if least < most else " each")
        layouts = f"{counted(design['layouts'], 'layout')} on {counted(design['plates'], 'plate')}"
        lines.append(f"{counted(design['treatments'], 'treatment')} in {wells}; {layouts}")
    for one in labels:
        classes = [f"{name} ({n})" for name, n in list(one["classes"].items())[:CLASSES]]
        more = f" and {len(one['classes']) - CLASSES} more" if len(one["classes"]) > CLASSES else ""
        named = f": {', '.join(classes)}{more}" if classes else ""
        lines.append(f"task {one['task']}: {counted(len(one['classes']), 'value')} of {one['label']}{named}")
    return lines


def cells_lines(shown, name: str) -> list[str]:
    """What segmentation found in the samples, and the size of crops."""
    samples = shown.samples.get(name, [])
    objects = [one.table("objects") for one in samples if one.has("objects")]
    lines, n = [], sum(one.usable for one in samples)
    if areas := [area for table in objects for area in table["nucleus_area"] if area > 0]:
        diameter, pixel = 2 * (median(areas) / pi) ** 0.5, shown.plan.config["datasets"][name]["pixel_size"]
        length = f"{diameter:.1f} px" + (f" ({diameter * pixel:.1f} µm)" if pixel else "")
        cells = f"{counted(round(sum(map(len, objects)) / n), 'cell')} a field, in {counted(n, 'field')} looked at"
        lines.append(f"nuclei of {length} in the median, {cells}")
    if shown.suggested.get(name):
        config = shown.plan.config["datasets"][name]["crops"]["size"]
        lines.append(f"crops.size: {shown.suggested[name]} holds most cells whole; the config says {config}")
    return lines


def costs_lines(costs) -> list[str]:
    """Cells, disk, memory and time."""
    cells = ", ".join(f"{counted(n, 'cell')} of {name}" for name, n in costs.cells.items())
    steps = ", ".join(f"{step} {duration(costs.lasts(step))}" for step in costs.seconds)
    lines = [cells] if cells else []
    return [
        *lines,
        f"{size(costs.disk)} of disk ({size(costs.crops)} are crops)",
        f"{size(costs.memory * 2**20)} of memory for the largest job",
        f"{duration(costs.time)} on {counted(costs.cores, 'core')} ({steps})",
    ]


def findings_lines(findings) -> list[str]:
    """A line for every finding, and one for its remedy."""
    if not findings:
        return ["Nothing found that is wrong."]
    lines = []
    for one in findings:
        lines += [f"{MARKS[one.severity]} {one.code}: {one.of}: {one.found}"]
        lines += [f"    -> {one.remedy}"] if one.remedy else []
    return lines


def size(n: float) -> str:
    """Bytes in words: 1.5 GB."""
    for unit, of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n >= of:
            return f"{n / of:.3g} {unit}"
    return f"{n / 1e3:.3g} kB"


def duration(seconds: float) -> str:
    """Seconds in words: 3 min, 2.5 h."""
    for unit, of in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * of:
            return f"{seconds / of:.2g} {unit}"
    return f"{seconds:.0f} s"


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines]
