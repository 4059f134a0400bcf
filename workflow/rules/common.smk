# Everything the rules share: the plan, and short functions of wildcards. All other logic lives in wellread.
import os

from snakemake.exceptions import WorkflowError

from wellread.runtime.errors import InputError
from wellread.plan.dag import Plan
from wellread.plan.provenance import fingerprint

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin slow down every job beside them

try:
    PLAN = Plan.of(config)
except InputError as error:
    raise WorkflowError(f"the config or a table it names needs a change:\n{error}")

config.update(PLAN.config)


def one_of(names):
    """A wildcard constraint: one of these names, or nothing at all if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=one_of(PLAN.config["datasets"]),
    plate="[^/]+",
    model=one_of(PLAN.config["models"]),
    correction=one_of(PLAN.config["corrections"]),
    task=one_of(PLAN.config["tasks"]),
    figure=one_of(PLAN.config["figures"]),
    level="fov|well|treatment",


def setting(noun, *keys):
    """A param: what the config says below `noun`.`name`, where the wildcard called like the noun gives the name."""

    def value(wildcards):
        entry = PLAN.config[f"{noun}s"][wildcards[noun]]
        for key in keys:
            entry = entry[key]
        return entry

    return value


def plates(path):
    """An input: `path` for every plate of the dataset, other wildcards filled in."""
    return lambda wildcards: [path.format(plate=plate, **wildcards) for plate in PLAN.plates(wildcards.dataset)]


def staged(wildcards):
    """The images that a rule of ours makes; those of a user are no inputs, their table's rows are a param."""
    return f"results/{wildcards.dataset}/painted/{wildcards.plate}" if PLAN.is_painted(wildcards.dataset) else []


def found(name):
    """An input: what segmentation wrote of a plate, where objects are cells."""

    def paths(wildcards):
        return f"results/{wildcards.dataset}/{wildcards.plate}/{name}" if PLAN.has_masks(wildcards.dataset) else []

    return paths


def of_plates(path, where):
    """An input: `path` for every plate of the dataset, if it has such files."""
    return lambda wildcards: plates(path)(wildcards) if where(wildcards.dataset) else []


def training(path):
    """An input: `path` for every plate a model learns from."""
    return lambda wildcards: [path.format(dataset=d, plate=p) for d, p in PLAN.training_plates(wildcards.model)]


def begun(wildcards):
    """Inputs: the weights that a training starts from, if it does, and the wells tables, if it learns from labels.

    Of those tables a hash of the labels is a param, so that other edits do not train again.
    """
    wells, start = PLAN.training_wells(wildcards.model), PLAN.encoder(wildcards.model)["vit"]["start"]
    return {"wells": ancient(sorted(set(wells)))} | ({"start": start} if start else {})


def encoder(wildcards):
    """Inputs: the weights of an encoder, made here or given."""
    if PLAN.is_trained(wildcards.model):
        folder = f"results/models/{wildcards.model}"
        return {"weights": f"{folder}/weights.safetensors", "model": f"{folder}/model.json"}
    return {"given": PLAN.encoder_files(wildcards.model)}


def gpu(wildcards):
    """How many GPUs a training process or an embedding job asks the scheduler for."""
    return 0 if PLAN.config["device"] == "cpu" else 1


def grow(megabytes):
    """Memory that doubles with every attempt."""
    return lambda wildcards, attempt: megabytes * 2 ** (attempt - 1)


def profile(wildcards, noun, name):
    """The profiles that a task or figure looks at."""
    level = PLAN.config[noun][name]["level"]
    return f"results/{wildcards.dataset}/profiles/{wildcards.model}/{wildcards.correction}/{level}.parquet"


def per_model(path, which=lambda model: True):
    """An input: `path` for every model that embeds the dataset, and for every plate or correction it names."""

    def paths(wildcards):
        models = list(filter(which, PLAN.models(wildcards.dataset)))
        parts = {"model": models, "plate": PLAN.plates(wildcards.dataset)}
        parts = {"dataset": wildcards.dataset, "correction": PLAN.config["corrections"]} | parts
        return list(dict.fromkeys(expand(path, **parts)))

    return paths


def answers(noun, verb, path):
    """An input: `path` for every name of the noun, model and correction of the dataset."""

    def paths(wildcards):
        triples = PLAN.results(wildcards.dataset, noun, verb)
        return [path.format(dataset=wildcards.dataset, name=n, model=m, correction=c) for n, m, c in triples]

    return paths
