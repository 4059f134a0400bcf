"""Tables of results over datasets, models and corrections: which answers they collect, and slips in what they name."""

from pathlib import Path

from wellread.plan.names import unknown
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

SHARES = "low_shot"  # the chart, and the measure that it draws
NOUNS = ("tasks", "datasets", "models", "corrections")


def errors(config: dict) -> list[InputError]:
    """Errors of the section `tables` of a config with defaults filled in: names and metrics that there are not."""
    found = []
    for table, section in config["tables"].items():
        where = f"tables.{table}"
        for noun in NOUNS:
            own, words = config[noun], f"one of the {noun}"
            found += [unknown(name, list(own), f"{where}.{noun}", words) for name in section[noun] if name not in own]
        if section["drop_from"] not in ("", *config["corrections"]):
            names = list(config["corrections"])
            found.append(unknown(section["drop_from"], names, f"{where}.drop_from", "one of the corrections"))
        for number, one in enumerate(section["published"]):
            found += [
                unknown(
                    one[noun], list(config[f"{noun}s"]), f"{where}.published.{number}.{noun}", f"one of the {noun}s"
                )
                for noun in ("model", "task", "correction")
                if one[noun]
                and one[noun] not in [*config[f"{noun}s"], *(section["together"] if noun == "model" else ())]
            ]
        for name, models in section["together"].items():
            found += [
                unknown(model, list(config["models"]), f"{where}.together.{name}", "one of the models")
                for model in models
                if model not in config["models"]
            ]
        known = _metrics(config, section)
        found += [
            unknown(name, known, f"{where}.metrics", "a metric of its tasks")
            for name in section["metrics"]
            if name not in known and known
        ]
    return found


def answers(plan, table: str) -> list[tuple[str, str, str, str]]:
    """The answers that a table collects: (dataset, task, model, correction)."""
    section = plan.config["tables"][table]
    found = [
        (dataset, *one) for dataset in plan.config["datasets"] for one in plan.results(dataset, "tasks", "measure")
    ]
    wanted = [section[noun] for noun in ("datasets", "tasks", "models", "corrections")]
    return [row for row in found if all(not names or one in names for one, names in zip(row, wanted, strict=True))]


def files(plan, table: str) -> list[str]:
    """The files of the answers that a table collects."""
    return [f"results/{d}/tasks/{t}/{model}_{correction}.parquet" for d, t, model, correction in answers(plan, table)]


def wanted(plan, table: str) -> dict:
    """What `tabulate` has to know besides the answers: the metrics of every task, and what a drop is from."""
    section, tasks = plan.config["tables"][table], {}
    for _, task, _, _ in answers(plan, table):
        measure = chosen("measure", plan.config["tasks"][task]["measure"])
        own = [name for name in section["metrics"] if name in measure.metrics]
        tasks[task] = own or ([] if section["metrics"] else [*(measure.headline or list(measure.metrics))[:1]])
    return {
        "metrics": tasks,
        "drop_from": section["drop_from"],
        **{key: section[key] for key in ("published", "together")},
    }


def of_dataset(plan, dataset: str) -> list[str]:
    """The files of the tables that have answers of a dataset."""
    tables = plan.config["tables"]
    return [f"results/tables/{name}.parquet" for name in tables if dataset in {one[0] for one in answers(plan, name)}]


def charted(plan) -> list[str]:
    """The tables of which there is a picture."""
    return [name for name, section in plan.config["tables"].items() if "chart" in section]


def charts_of(plan, dataset: str) -> list[str]:
    """The pictures of the tables that have answers of a dataset."""
    own = {Path(path).stem for path in of_dataset(plan, dataset)}
    return [f"results/tables/{name}.png" for name in charted(plan) if name in own]


def chart_files(plan, table: str) -> dict[str, str]:
    """The files that the picture of a table is drawn from besides answers, by option."""
    section = plan.config["tables"][table]["chart"]
    ((_, options),) = section.items()
    return {option: options[option] for option in chosen("chart", section).files}


def undrawable(plan) -> list[InputError]:
    """Errors of pictures of tables: files that are not there, and curves over labels of which no task asks."""
    return [error for name in charted(plan) if (error := _undrawable(plan, name))]


def _undrawable(plan, table: str) -> InputError | None:
    where = f"tables.{table}.chart"
    for option, path in chart_files(plan, table).items():
        if not Path(path).is_file():
            return InputError("a file", f"none at {path}", f"{where}.{option}", "the path")
    (kind,) = plan.config["tables"][table]["chart"]
    measures = {measure for _, task, _, _ in answers(plan, table) for measure in plan.config["tasks"][task]["measure"]}
    if kind == SHARES and kind not in measures:
        found = ", ".join(sorted(measures)) or "no tasks"
        return InputError(f"a task of the measure {kind}", found, where, f"name one in tables.{table}.tasks")
    return None


def empty(plan) -> list[InputError]:
    """Errors of tables that collect nothing."""
    edit = "name other tasks, datasets, models or corrections"
    return [
        InputError("answers to collect", "none", f"tables.{table}", edit)
        for table in plan.config["tables"]
        if not answers(plan, table)
    ]


def _metrics(config: dict, section: dict) -> list[str]:
    """The metrics of the tasks of a table."""
    tasks = [config["tasks"][name] for name in section["tasks"] or config["tasks"] if name in config["tasks"]]
    return list(dict.fromkeys(name for task in tasks for name in chosen("measure", task["measure"]).metrics))
