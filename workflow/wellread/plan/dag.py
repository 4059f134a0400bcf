"""The plan: the config with the tables that it names, checked, and a hash of every plate's rows."""

import os
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from wellread.inputs import joining, sources, user_tables
from wellread.plan import choosing, collected, demands, given, kept, leaks, owners, raw_files, settings, taught
from wellread.plan.contradictions import spent
from wellread.plan.datasets import files
from wellread.plan.kept import Kept
from wellread.plan.provenance import rows_hash
from wellread.plan.results import Results
from wellread.plan.screen import Pool, Screen
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

RESERVED = ("painted", "staged", "load_data", "profiles", "tasks", "figures")  # folders beside those of the plates


@dataclass
class Plan(Results):
    """The config, checked and filled in, with the tables of every dataset; `notes`: what to tell of them, in lines."""

    images: dict[str, pd.DataFrame] = field(default_factory=dict)
    wells: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # that a user should read before a run, though nothing is wrong
    kept: Kept | None = None  # what this or an earlier process has written down of the plan
    _places: dict[str, dict] = field(default_factory=dict)  # of every dataset, {plate: numbers of its rows}

    @classmethod
    def of(cls, config: dict, config_file: str = "", job: bool | None = None) -> "Plan":
        """Check the config and the tables it names; raise InputError telling all that is wrong.

        `config_file`: where the config is from, which models that are already trained belong to. `job`: whether this is
        the process of a single job, which takes over what its run has kept; None: nothing is kept (see `kept`).
        """
        plan = cls(settings.load(config))
        if job and (found := kept.of_run(plan.config)):
            return plan.known_from(found)
        asked, stamps = deepcopy(plan.config), None if job is None else kept.stamps(plan.config)
        if found := kept.find(asked, stamps):
            notes = plan.known_from(found).with_files(config_file)
        else:
            told, undecided = plan.read(config_file)
            notes = told + plan.notes + undecided
            if job is not None:
                plan.keep(asked, stamps, {"told": told, "undecided": undecided})
        notes += filter(None, (owners.grown(name, plan.training_plates(name)) for name in plan.trained()))
        plan.notes = list(dict.fromkeys(spent(plan.config) + notes))
        return plan

    def read(self, config_file: str) -> tuple[list[str], list[str]]:
        """Read and check all tables and the files that they name; notes on what tables tell, and cannot decide."""
        names = list(self.config["datasets"])
        errors = collected.errors(self.config)
        errors = errors or [error for name in names for error in self.opened(name) or self.unusable(name)]
        told, self.notes = self.notes, []
        errors = errors or [error for name in names for error in self.absent_files(name)]
        _refuse(errors or self.unanswerable() or collected.empty(self) or self.taken(config_file))
        return told, self.undecidable()

    def keep(self, asked: dict, stamps: list | None, notes: dict) -> None:
        """Keep what the tables tell; `asked`, `stamps`: the config and the tables' files, as of `kept.keep`."""
        datasets = self.config["datasets"]
        known = {
            "wells": {name: section["wells"] for name, section in datasets.items()},
            "fields": {name: len(self.images[name]) for name in datasets},
            "folders": {name: self._folders(name) for name in datasets},
            "columns": {name: list(self.wells[name]) for name in datasets},
            "labels": {model: self.labels_hash(model) for model in self.trained()},
            "marks": {
                f"{name}/{task}/{correction}": self.marks(name, task, correction)
                for name in datasets
                for task, _, correction in self.results(name, "tasks", "measure")
            },
        }
        if found := kept.keep(asked, stamps if self._listed() else None, self.images, known | notes):
            self.known_from(found)

    def with_files(self, config_file: str) -> list[str]:
        """Check what may have changed on disk while all tables are as they were; the notes on both."""
        self.notes, names = [], list(self.config["datasets"])
        errors = [error for name in names for error in self.unusable(name)]
        errors = errors or [error for name in names for error in self.absent_files(name)]
        _refuse(errors or self.taken(config_file))
        return self.kept.known["told"] + self.notes + self.kept.known["undecided"]

    def known_from(self, found: Kept) -> "Plan":
        """The same by a plan that is kept; a table is read only if something is asked of it that is not kept."""
        self.kept, self.images, self.wells = found, Tables(self._read_again), Tables(self._read_again)
        self.__dict__.pop("screens", None)
        for name, section in self.config["datasets"].items():
            section["wells"] = found.known["wells"][name]
        return self

    def _listed(self) -> bool:
        """Whether all images tables list files of one image each, for which no image had to be opened."""
        sections = {name: self.config["datasets"][name] for name in filter(self.has_images, self.config["datasets"])}
        return not any(self.images[name][own["channels"][0]].str.endswith("]").any() for name, own in sections.items())

    def _read_again(self, name: str) -> None:
        notes, self.notes = self.notes, []
        _refuse(self.opened(name))
        self.notes = notes

    def opened(self, name: str) -> list[InputError]:
        """Read the tables of a dataset; the errors that this meets."""
        dataset, where = self.config["datasets"][name], f"datasets.{name}"
        try:
            if self.is_given(name):
                self.images[name], self.wells[name] = given.read(self.config, name, self.notes.append)
                return []
            self.images[name] = sources.fields(dataset, name, self.notes.append)
            dataset["wells"] = sources.wells(dataset, name)
            self.wells[name] = user_tables.wells(dataset, where, self.notes.append)
            _check_plates(self.images[name], self.wells[name], where, dataset["min_joined"], self.notes.append)
        except InputError as error:
            return [error]
        return []

    def unusable(self, name: str) -> list[InputError]:
        """Errors of weights and illumination functions that are not there."""
        try:
            _check_weights(self.config["datasets"][name]["segment"] if self.has_masks(name) else {}, f"datasets.{name}")
            if self.has_images(name):
                self.check_functions(name)
        except InputError as error:
            return [error]
        return []

    def taken(self, config_file: str) -> list[InputError]:
        """Models that another config has trained in another way."""
        found = [owners.taken(name, config_file, *self.ownership(name)) for name in self.trained()]
        return [error for error in found if error]

    def ownership(self, model: str) -> tuple[dict, list[tuple[str, str]]]:
        """How a model is trained and on which (dataset, plate) pairs."""
        return {"training": self.training(model), "channels": self.channels(model)}, self.training_plates(model)

    def record_owners(self, config_file: str, models: list[str]) -> None:
        """Write down whose models are that are about to be trained, and those of which nothing is known."""
        for name in self.trained() if config_file else []:
            finished = (owners.FOLDER / name / "weights.safetensors").is_file()
            if name in models or (finished and not owners.of(name)):
                owners.record(name, config_file, *self.ownership(name))

    @cached_property
    def screens(self) -> dict[str, Screen]:
        """What the tables tell of the profiles of every dataset."""
        return {
            name: Screen(
                self.images[name],
                self.wells[name],
                section["consensus"],
                self.config["seed"],
                section["sample"]["by"],
            )
            for name, section in self.config["datasets"].items()
        }

    def unanswerable(self) -> list[InputError]:
        """What tasks, figures, corrections and training ask of wells tables that do not have it."""
        screens = self.screens
        embedded = [name for name in screens if self.models(name)]
        errors = [
            error
            for screen, verb, entry, where, _ in self._asked()
            for error in demands.of_entry(screen, verb, entry, where)
        ]
        errors += [
            error
            for name, steps in choosing.chains(self.config).items()
            for dataset in embedded
            for number, step in enumerate(steps)
            for error in demands.of_correction(screens[dataset], step, f"corrections.{name}.{number} of {dataset}")
        ]
        errors = errors or self._undividable() + leaks.determined(self.config, self._asked())
        return errors + [error for model in self.trained() for error in self._unlabelled(model, screens)]

    def _undividable(self) -> list[InputError]:
        """Chosen chains whose compounds a dataset does not tell apart."""
        return [
            error
            for name, how in choosing.choosers(self.config).items()
            for screen, _, entry, key, of in self._asked()
            if key == f"tasks.{how['by']}"
            for error in choosing.undividable(screen, how, entry, f"corrections.{name}.choose of {of}")
        ]

    def undecidable(self) -> list[str]:
        """Notes on tasks that the design of a dataset cannot answer: they get a row with the reason."""
        return [
            note
            for screen, verb, entry, where, of in self._asked()
            for note in demands.undecidable(screen, verb, entry, f"{where} of {of}")
        ]

    def _asked(self):
        """Every task and figure of profiles: (screen of an embedded dataset or a pool, verb, entry, its key, whose)."""
        for name in filter(self.hits, self.config["datasets"]):
            yield self.screens[name], "measure", demands.OF_HITS, "hits", name
        for noun, verb in (("tasks", "measure"), ("figures", "draw")):
            for name, entry in self.config[noun].items():
                if verb not in entry or chosen(verb, entry[verb]).masks:
                    continue
                pooled, key = entry["pool"], f"{noun}.{name}"
                if pooled:
                    yield Pool({one: self.screens[one] for one in pooled}), verb, entry, key, " + ".join(pooled)
                for one in [] if pooled else filter(self.models, entry["datasets"]):
                    yield self.screens[one], verb, entry, key, one

    def _unlabelled(self, model: str, screens: dict) -> list[InputError]:
        plates = pd.DataFrame(self.training_plates(model), columns=["dataset", "plate"]).groupby("dataset")["plate"]
        wells = [screens[name].imaged.query("plate in @own") for name, own in plates] if self.asked(model) else []
        where, method = f"models.{model}", self.config["models"][model]["train"]
        errors = demands.of_training(wells, self.labels(model), self.balance(model), where)
        return errors or taught.of_wells(wells, method, where)

    def columns(self, dataset: str) -> list[str]:
        """The columns of the wells table."""
        return self.kept.known["columns"][dataset] if self.kept else list(self.wells[dataset])

    def plates(self, dataset: str) -> list[str]:
        """The plates of a dataset, sorted."""
        return list(self.kept.known["plates"][dataset]) if self.kept else sorted(self.images[dataset]["plate"].unique())

    def rows(self, dataset: str, plate: str) -> pd.DataFrame:
        """The rows of one plate in the images table."""
        if self.kept and (found := self.kept.rows(dataset, plate)) is not None:
            return found
        images = self.images[dataset]
        if dataset not in self._places:
            self._places[dataset] = images.groupby("plate", sort=False).indices
        return images.iloc[self._places[dataset].get(plate, [])].reset_index(drop=True)

    def rows_hash(self, dataset: str, plate: str) -> str:
        """A hash of what the images table says of one plate."""
        if self.kept:
            return self.kept.known["plates"][dataset][plate][0]
        return rows_hash(self.rows(dataset, plate))

    def watched(self, dataset: str) -> str:
        """What is looked at to notice replaced files: files, folders, or nothing where a rule makes them."""
        section = self.config["datasets"][dataset]
        fields = self.kept.known["fields"][dataset] if self.kept else len(self.images[dataset])
        count = fields * len(section["channels"])
        return "nothing" if self.is_made(dataset) else raw_files.watched(section["watch"], count)

    def image_stamps(self, dataset: str, plate: str) -> str:
        """A hash of sizes and times of the images of a plate."""
        if (watch := self.watched(dataset)) == "nothing":
            return ""
        if watch == "folders" and self.kept:
            return raw_files.folders_hash(self.kept.known["folders"][dataset][plate])
        return raw_files.stamps_hash(self._files(dataset, plate), watch)

    def _files(self, dataset: str, plate: str) -> list[str]:
        return raw_files.files(self.rows(dataset, plate), self.config["datasets"][dataset]["channels"])

    def _folders(self, dataset: str) -> dict[str, list[str]]:
        """The folders of every plate's images, where these are what is looked at."""
        plates = self.plates(dataset) if self.has_images(dataset) and self.watched(dataset) == "folders" else []
        return {plate: raw_files.folders(self._files(dataset, plate)) for plate in plates}

    def label_images(self, section: str, settings: dict, dataset: str, plate: str) -> list[str]:
        """The label images of a plate that a segmenter or a measure reads, but for those that rules of ours make."""
        ((_, options),) = settings.items()
        patterns = [options[option] for option in chosen(section, settings).patterns if options[option]]
        if not patterns:
            return []
        rows, (first, *_) = self.rows(dataset, plate), self.config["datasets"][dataset]["channels"]
        paths = [path for pattern in patterns for path in raw_files.of_pattern(pattern, rows, first)]
        return [path for path in dict.fromkeys(paths) if not path.startswith("results/")]

    def mask_stamps(self, dataset: str, plate: str) -> str:
        """A hash of sizes and times of the label images of a plate that were given instead of a segmentation."""
        files = self.label_images("segment", self.config["datasets"][dataset]["segment"], dataset, plate)
        return raw_files.stamps_hash(files, self.watched(dataset))

    def truth_stamps(self, dataset: str, task: str) -> list[str]:
        """Hashes of sizes and times of the true label images of every plate."""
        measure, watch = self.config["tasks"][task]["measure"], self.watched(dataset)
        every = [self.label_images("measure", measure, dataset, plate) for plate in self.plates(dataset)]
        return [raw_files.stamps_hash(files, watch) for files in every]

    def absent_files(self, dataset: str) -> list[InputError]:
        """Errors of plates whose images or label images are not there; a few that lack are noted."""
        check = self.config["datasets"][dataset].get("check_files", "none")
        if check == "none" or self.is_made(dataset):
            return []
        found = [self._absent(dataset, plate, check) for plate in self.plates(dataset)]
        self.notes += [note for _, notes in found for note in notes]
        return [error for errors, _ in found for error in errors] + self._absent_truth(dataset)

    def _absent(self, dataset: str, plate: str, check: str) -> tuple[list[InputError], list[str]]:
        section, rows = self.config["datasets"][dataset], self.rows(dataset, plate)
        some, most = raw_files.looked_for(rows, check), section["calibrate"]["max_failed_fields"]
        fields = raw_files.of_fields(some, section["channels"])
        whole, where = len(some) == len(rows), f"datasets.{dataset}.images, plate {plate}"
        errors, notes = raw_files.missing(fields, most, where, whole)
        if self.has_masks(dataset) and (masks := self.label_images("segment", section["segment"], dataset, plate)):
            picked = raw_files.looked_for(pd.DataFrame({"path": masks}), check)["path"]
            where = f"datasets.{dataset}.segment, plate {plate}"
            more = raw_files.missing([[path] for path in picked], most, where, len(picked) == len(masks))
            errors, notes = errors + more[0], notes + more[1]
        return errors, notes

    def _absent_truth(self, dataset: str) -> list[InputError]:
        """Tasks for which no field has a label image; some fields may have none."""
        errors = []
        for task in self.scores(dataset):
            measure = self.config["tasks"][task]["measure"]
            every = [self.label_images("measure", measure, dataset, plate) for plate in self.plates(dataset)]
            paths = [path for files in every for path in files]
            if paths and not any(map(os.path.exists, paths)):
                found = f"none of {len(paths)}, such as {paths[0]}"
                errors.append(InputError("label images of some fields", found, f"tasks.{task}, truth", "the pattern"))
        return errors

    def illumination_functions(self, dataset: str, plate: str) -> list[str]:
        """The files of illumination functions that the calibration of a plate reads."""
        section = self.config["datasets"][dataset]
        options = section["calibrate"]["illumination"].get("functions")
        if not options:
            return []
        called = [options["names"].get(channel, channel) for channel in section["channels"]]
        try:
            return [options["path"].format(plate=plate, channel=channel) for channel in called]
        except (KeyError, IndexError, ValueError) as error:
            where, edit = f"datasets.{dataset}.calibrate.illumination.functions.path", "use only {plate} and {channel}"
            raise InputError("a path with {plate} and {channel}", options["path"], where, edit) from error

    def check_functions(self, dataset: str) -> None:
        """Raise InputError if illumination functions are missing."""
        paths = [path for plate in self.plates(dataset) for path in self.illumination_functions(dataset, plate)]
        if missing := [path for path in paths if not Path(path).is_file()]:
            found = f"no file at {missing[0]}" + (f" and {len(missing) - 1} others" if len(missing) > 1 else "")
            where = f"datasets.{dataset}.calibrate.illumination.functions"
            raise InputError("an illumination function of every plate and channel", found, where, "path or names")

    def training_plates(self, model: str) -> list[tuple[str, str]]:
        """The (dataset, plate) pairs a model learns from."""
        settings_of = self.config["models"][model]
        pairs = [(dataset, plate) for dataset in settings_of["train_on"] for plate in self.plates(dataset)]
        return [pair for pair in pairs if pair[1] in settings_of["plates"] or not settings_of["plates"]]

    def training_wells(self, model: str) -> list[dict]:
        """Where the wells table of every plate is read from that a model learns from, if it looks at any column."""
        pairs = self.training_plates(model) if self.asked(model) else []
        return [user_tables.wells_section(self.config["datasets"][dataset]) for dataset, _ in pairs]

    def labels_hash(self, model: str) -> str:
        """A hash of what the wells tables say of the plates and labels that training asks for."""
        if self.kept:
            return self.kept.known["labels"][model]
        columns = list(dict.fromkeys(["plate", "well", *self.asked(model)]))
        pairs = self.training_plates(model) if self.asked(model) else []
        places = {
            dataset: self.wells[dataset].groupby("plate").indices for dataset in dict.fromkeys(d for d, _ in pairs)
        }
        rows = [self.wells[dataset].iloc[places[dataset].get(plate, [])][columns] for dataset, plate in pairs]
        return rows_hash(pd.concat(rows)) if rows else ""

    def marks(self, dataset: str, task: str, correction: str) -> list[list[str]]:
        """What the results of a task under a correction have to tell: pairs (kind of mark, column or step)."""
        if self.kept:
            return self.kept.known["marks"][f"{dataset}/{task}/{correction}"]
        entry = self.config["tasks"][task]
        screens = [self.screens[name] for name in entry["pool"] or [dataset]]
        return leaks.marks(choosing.steps_of(self.config, correction), entry["measure"], screens)


class Tables(dict):
    """Tables by dataset, which `read` puts here when they are first asked for."""

    def __init__(self, read):
        super().__init__()
        self.read = read

    def __missing__(self, name: str) -> pd.DataFrame:
        self.read(name)
        return self[name]


def _refuse(errors: list[InputError]) -> None:
    """Raise all errors as one, if there are any."""
    if errors:
        raise InputError.together(errors)


def _check_plates(images: pd.DataFrame, wells: pd.DataFrame, where: str, min_joined: float, say) -> None:
    plates = set(images["plate"])
    if clash := plates & set(RESERVED):
        found = f"a plate called {', '.join(clash)}"
        raise InputError(f"plates not called {', '.join(RESERVED)}", found, f"{where}.images", "rename the plate")
    joining.check(images, wells, where, min_joined, say)


def _check_weights(segment: dict, where: str) -> None:
    """Weights of a segmenter are files: a name is never looked up or downloaded."""
    for key, path in (files("segment", segment) if segment else {}).items():
        if not Path(path).is_file():
            edit = "download the weights yourself and give their path"
            raise InputError(
                "a file of weights", f"no file at {path}", f"{where}.segment.{next(iter(segment))}.{key}", edit
            )
