# Everything the rules share: the plan, and short functions of wildcards. All other logic lives in wellread.
import atexit
import gc
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from wellread.inputs import user_tables
from wellread.plan import code_hashes, collected, exports, kept
from wellread.plan.code_hashes import fingerprint
from wellread.plan.dag import Plan
from wellread.plan.resources import MINUTES, OF_SIGNAL, PER_GB, growing, minutes_of_fields
from wellread.plan.summary import summary
from wellread.plan.yaml_slips import slips
from wellread.runtime import slurm
from wellread.runtime.errors import InputError
from wellread.runtime.failures import Failures, advice
from wellread.runtime.files import remove
from wellread.runtime.registry import chosen
from wellread.runtime.scheduling import ask_once, one_timer, outlast_the_controller

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin slow down every job beside them
one_timer()
ask_once()
gc.freeze()  # as in the Snakefile: of the modules that came since, and at the end of all that is left
atexit.register(gc.freeze)

if workflow.is_main_process and re.search(r"[\s()\[\]{}'\"&;$*?<>|!`\\]", sys.executable):
    raise WorkflowError(
        f"the path of Python, {sys.executable}, has blanks or brackets, which the shell of every step would stumble over: "
        "move the folder to a path without them and make .venv again, or use a Python elsewhere"
    )

GIVEN = dict(config)  # as its user wrote it, before defaults are filled in
CONFIG_FILE = os.path.relpath(workflow.configfiles[0]) if workflow.configfiles else ""
try:
    if workflow.is_main_process and (found := [slip for path in workflow.configfiles for slip in slips(path)]):
        raise InputError.together(found)
    PLAN = Plan.of(config, CONFIG_FILE, job=not workflow.is_main_process)
except InputError as error:
    raise WorkflowError(f"the config or a table it names needs a change:\n{error}")

config.update(PLAN.config)
os.environ[kept.RUN] = PLAN.kept.key if PLAN.kept else ""  # jobs take the plan from there

# On one machine one job at a time has the GPU, unless --resources gpu=N says otherwise; a cluster has its own scheduler.
ON_CLUSTER = bool(workflow.resource_settings.nodes)
if workflow.is_main_process and not ON_CLUSTER and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)


if ON_CLUSTER and workflow.is_main_process:
    FAILURES = Failures(show="RULES" in {quiet.name for quiet in workflow.output_settings.quiet or ()})
    logger.addHandler(FAILURES)


@atexit.register
def print_summary():
    """After a dry run: which steps would run, and on what; before that what the plan has noted."""
    if workflow.dryrun and workflow.is_main_process and workflow.dag:
        code_hashes.keep()
        jobs = workflow.dag.needrun_jobs(exclude_finished=False)
        print(summary([(job.rule.name, dict(job.wildcards_dict)) for job in jobs], PLAN.notes), flush=True)


onstart:
    code_hashes.keep()
    if workflow.executor_plugin.name == "slurm":
        outlast_the_controller()
        try:
            slurm.check_alone(os.getcwd())
        except InputError as error:
            raise WorkflowError(
                f"jobs of an earlier run here are still in Slurm's queue, and would write the same files:\n{error}"
            )
    PLAN.record_owners(
        CONFIG_FILE,
        [job.wildcards.model for job in workflow.dag.needrun_jobs() if job.rule.name in ("train", "select")],
    )
    for note in PLAN.notes:
        print(f"note: {note}", file=sys.stderr, flush=True)


onerror:
    for line in advice(FAILURES.text if ON_CLUSTER else ""):
        print(f"advice: {line}", file=sys.stderr, flush=True)


onsuccess:
    done = workflow.is_main_process and not workflow.dryrun
    for dataset in filter(PLAN.removes_images, PLAN.config["datasets"] if done else ()):
        if Path("results", "reports", f"{dataset}.html").is_file():
            remove(Path("results", dataset, "staged"))


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


def setting(noun, *keys):
    """A param: what the config says below `noun`.`name`, where the wildcard called like the noun gives the name.

    Without what changes no result (schema: `reruns: false`), which scripts take from the config itself.
    """

    def value(wildcards):
        entry = PLAN.result_settings[f"{noun}s"][wildcards[noun]]
        for key in keys:
            entry = entry[key]
        return entry

    return value


def code(*modules, **picked):
    """A param: a hash of the code of a step, and of the functions that the config picks for it.

    `picked`: a section of the config and the param that says what it names, such as measure=setting("task", "measure").
    """

    def value(wildcards):
        steps = [(section, named(wildcards)) for section, named in picked.items()]
        steps = [
            (section, step) for section, named in steps for step in (named if isinstance(named, list) else [named])
        ]
        return fingerprint(*modules, *(chosen(section, step).module for section, step in steps))

    return value


def every_plate(path, where=lambda dataset: True):
    """An input: `path` for every plate of a dataset with images, if it has such files; other wildcards filled in."""

    def paths(wildcards):
        has = PLAN.has_images(wildcards.dataset) and where(wildcards.dataset)
        plates = PLAN.plates(wildcards.dataset) if has else []
        return [path.format(plate=plate, **wildcards) for plate in plates]

    return paths


def pooled_embeddings(wildcards):
    """An input: the embeddings of the cells of a plate; none if the model looks at no pixels, but counts cells."""
    path = "results/{dataset}/{plate}/embeddings/{model}.npy"
    return path.format(**wildcards) if PLAN.reads_crops(wildcards.model) else []


def pooled_fields(ending):
    """An input: the pooled embeddings of every plate that become the profiles of a model."""

    def paths(wildcards):
        folders = [f"results/{wildcards.dataset}/{plate}/pooled" for plate in PLAN.plates(wildcards.dataset)]
        return [f"{folder}/{PLAN.pooled_from(wildcards.model)}.{ending}" for folder in folders]

    return paths


def wells_files(wildcards):
    """An input: the files that the wells table of the dataset is read from."""
    return user_tables.wells_files(PLAN.config["datasets"][wildcards.dataset])


def wells_section(wildcards):
    """A param: how the wells table of the dataset is read from them."""
    return user_tables.wells_section(PLAN.config["datasets"][wildcards.dataset])


def made_images(wildcards):
    """An input: the images that a rule of ours makes; those of a user are no inputs, their table's rows are a param.

    Copies of images on a server are the same whenever they are made, so that new ones make nothing run again.
    """
    folder = PLAN.made_images(wildcards.dataset, wildcards.plate) or []
    return ancient(folder) if PLAN.is_staged(wildcards.dataset) else folder


def all_made_images(wildcards):
    """An input: the same of every plate of a dataset."""
    plates = PLAN.plates(wildcards.dataset) if PLAN.has_images(wildcards.dataset) else []
    folders = [PLAN.made_images(wildcards.dataset, plate) for plate in plates if PLAN.is_made(wildcards.dataset)]
    return ancient(folders) if folders and PLAN.is_staged(wildcards.dataset) else folders


def segmented(path):
    """An input: a file that segmentation wrote of the plate, where objects are cells."""
    return lambda wildcards: path.format(**wildcards) if PLAN.has_masks(wildcards.dataset) else []


def of_grid(path):
    """An input: `path` for every model that a model is chosen from."""
    return lambda wildcards: [path.format(model=name) for name in PLAN.grid(wildcards.model)]


def training_plates(path):
    """An input: `path` for every plate that a model learns from."""
    return lambda wildcards: [path.format(dataset=d, plate=p) for d, p in PLAN.training_plates(wildcards.model)]


def training_inputs(wildcards):
    """Inputs: the weights that training starts from, if there are any, and the wells tables, if it learns from labels.

    Of those tables a hash of the labels is a param, so that other edits do not train again.
    """
    sections, start = PLAN.training_wells(wildcards.model), PLAN.encoder(wildcards.model)["vit"]["start"]
    wells = sorted({path for section in sections for path in user_tables.wells_files(section)})
    return {"wells": ancient(wells)} | ({"start": start} if start else {})


def outlines_to_embed(wildcards):
    """Inputs: the outlines of crops, for a model that looks at them."""
    wanted = PLAN.takes_outlines(wildcards.model, wildcards.dataset)
    return {"outlines": embedded_files(wildcards, "outlines.npy")} if wanted else {}


def encoder_inputs(wildcards):
    """Inputs: the weights of an encoder, made here or given."""
    if PLAN.is_trained(wildcards.model):
        folder = f"results/models/{wildcards.model}"
        return {"weights": f"{folder}/weights.safetensors", "model": f"{folder}/model.json"}
    return {"given": PLAN.encoder_files(wildcards.model)}


def embedded_files(wildcards, name):
    """An input: a file of the crops that are embedded, cut again where they do not stay."""
    folder = f"results/{wildcards.dataset}/{wildcards.plate}"
    return f"{folder}/{name}" if PLAN.keeps_crops(wildcards.dataset) else f"{folder}/to_embed/{name}"


def gpu(wildcards):
    """How many GPUs a training process or an embedding job asks the scheduler for."""
    return 0 if PLAN.config["device"] == "cpu" else 1


def segmenting_gpu(wildcards):
    """How many GPUs a segmentation job asks for: those of networks one, where they look for one."""
    return gpu(wildcards) * PLAN.segments_by_network(wildcards.dataset)


def training_nodes(wildcards):
    """How many machines a training asks for; nothing is asked where one will do."""
    nodes = PLAN.config["models"][wildcards.model]["nodes"]
    return nodes if nodes > 1 else None


def over_nodes(value):
    """A resource of trainings over several machines alone."""
    return lambda wildcards: value if training_nodes(wildcards) else None


def training_gpus(wildcards):
    """How many GPUs a training on one machine asks for; elsewhere it has all its processes on one."""
    several = ON_CLUSTER and training_nodes(wildcards)
    return None if several else gpu(wildcards) * PLAN.processes(wildcards.model)


def training_gres(wildcards):
    """The GPUs that a training over several machines asks for on each, as Slurm names them."""
    if not training_nodes(wildcards) or not gpu(wildcards):
        return None
    kind = [SITE["gpu_type"]] if SITE.get("gpu_type") else []
    return ":".join(["gpu", *kind, str(PLAN.config["models"][wildcards.model]["processes"])])


# Names of the profile's default-resources, as written there: partition, account, kind of GPU ...
SITE = {
    name: getattr(value, "raw", value) for name, value in (workflow.resource_settings.default_resources or {}).items()
}


def site(resource, of_gpus, uses=gpu):
    """A resource of jobs that may use a GPU: if they do what the profile has under `of_gpus`, else as of all jobs."""
    return lambda wildcards: (uses(wildcards) and SITE.get(of_gpus)) or SITE.get(resource)


OF_TABLES = 6  # MB in memory for each MB of tables: in 64 bits, and twice


def grow(megabytes, per_mb=0):
    """Memory, with so much more for every MB of input, that doubles with every attempt."""
    return growing(megabytes, per_mb)


def time_of_fields(wildcards, attempt):
    """Minutes of a job that looks at all fields of a plate, as if all plates had as many."""
    fields = PLAN.fields(wildcards.dataset) / len(PLAN.plates(wildcards.dataset))
    return int(minutes_of_fields(fields) * 2 ** (attempt - 1))


def nested(path):
    """An input: `path` for every correction that a chosen chain is chosen from."""
    return lambda wildcards: [
        path.format(**dict(wildcards) | {"correction": c}) for c in PLAN.among(wildcards.correction)
    ]


def choosing(wildcards):
    """An input: the profiles that a chosen chain is chosen by, of every correction among it and every pooled dataset."""
    task = PLAN.config["tasks"][PLAN.chosen_by(wildcards)]
    return [
        f"results/{name}/profiles/{wildcards.model}/{correction}/{task['level']}.parquet"
        for correction in PLAN.among(wildcards.correction)
        for name in task["pool"] or [wildcards.dataset]
    ]


def choosing_crossed(wildcards):
    """An input: the same corrected on the other half of the controls, for measures that use all controls."""
    task = PLAN.config["tasks"][PLAN.chosen_by(wildcards)]
    return [
        f"results/{name}/profiles/{wildcards.model}/{correction}/crossed.parquet"
        for correction in PLAN.among(wildcards.correction)
        for name in task["pool"] or [wildcards.dataset]
        if chosen("measure", task["measure"]).crossed and correction != "none"
    ]


def choosing_task(key):
    """A param: what the config says of the task that a chosen chain is chosen by."""
    return lambda wildcards: PLAN.result_settings["tasks"][PLAN.chosen_by(wildcards)][key]


def profiles_for(noun):
    """An input: the profiles that a task or figure is about, of its dataset or of all that it pools."""

    def paths(wildcards):
        entry = PLAN.config[f"{noun}s"][wildcards[noun]]
        folder = f"profiles/{wildcards.model}/{wildcards.correction}"
        return [f"results/{name}/{folder}/{entry['level']}.parquet" for name in entry["pool"] or [wildcards.dataset]]

    return paths


def crossed_profiles(wildcards):
    """Inputs: the profiles corrected on the other half of the controls, for measures that use all controls."""
    task = PLAN.config["tasks"][wildcards.task]
    if not chosen("measure", task["measure"]).crossed or wildcards.correction == "none":
        return []
    path = f"profiles/{wildcards.model}/{wildcards.correction}/crossed.parquet"
    return [f"results/{name}/{path}" for name in task["pool"] or [wildcards.dataset]]


def every_model(path, which=lambda model: True):
    """An input: `path` for every model that embeds the dataset, and for every plate or correction it names."""

    def paths(wildcards):
        models = list(filter(which, PLAN.models(wildcards.dataset)))
        values = {"dataset": wildcards.dataset, "correction": PLAN.chains_of(wildcards.dataset), "model": models}
        return list(dict.fromkeys(expand(path, plate=PLAN.plates(wildcards.dataset), **values)))

    return paths


def mapped_cells(path):
    """An input: `path` for every plate whose cells are on the map of a model without a correction."""

    def paths(wildcards):
        has = (
            wildcards.correction == "none" and PLAN.has_images(wildcards.dataset) and PLAN.reads_crops(wildcards.model)
        )
        return every_plate(path)(wildcards) if has else []

    return paths


def every_result(noun, verb, path):
    """An input: `path` for every name of the noun, model and correction of the dataset."""

    def paths(wildcards):
        triples = PLAN.results(wildcards.dataset, noun, verb)
        return [path.format(dataset=wildcards.dataset, name=n, model=m, correction=c) for n, m, c in triples]

    return paths


def every_name(names, path):
    """An input: `path` for every name of the dataset that the plan has, such as its measures of masks."""
    return lambda wildcards: [path.format(dataset=wildcards.dataset, name=name) for name in names(wildcards.dataset)]


def hits_file(wildcards):
    """An input: the list of hits of the dataset, if it has one."""
    return [f"results/{wildcards.dataset}/hits.parquet"] if PLAN.hits(wildcards.dataset) else []


def every_dataset(files):
    """An input: what an input of a rule of datasets is, of every dataset."""

    def paths(wildcards):
        return [path for dataset in config["datasets"] for path in files(SimpleNamespace(dataset=dataset))]

    return paths
