"""The plan: the config with the tables that it names, checked, and a hash of every plate's rows."""

from copy import deepcopy
from dataclasses import dataclass

import pandas as pd

from wellread.inputs import joining, painted_wells, sources, user_tables
from wellread.inputs.cleaning import alike
from wellread.plan import collected, given, kept, owners, settings, stamps
from wellread.plan.contradictions import spent
from wellread.plan.kept import Kept
from wellread.plan.questions import Questions
from wellread.plan.rows import Tables
from wellread.runtime.errors import InputError

NO_GPU = "device: cuda, and this machine has no graphics card that torch can use"
RESERVED = ("painted", "staged", "load_data", "profiles", "tasks", "figures")  # folders beside those of the plates


@dataclass
class Plan(Questions):
    """The config, checked and filled in, with the tables of every dataset."""

    @classmethod
    def of(cls, config: dict, config_file: str = "", job: bool | None = None) -> "Plan":
        """Check the config and the tables it names; raise InputError telling all that is wrong.

        `config_file`: where the config is from, which models that are already trained belong to. `job`: whether this is
        the process of a single job, which takes over what its run has kept; None: nothing is kept (see `kept`).
        """
        if job and (found := kept.of_run(config)):
            return cls(found.known["config"]).known_from(found)
        plan = cls(settings.load(config))
        asked, seen = deepcopy(plan.config), None if job is None else stamps.of(plan.config)
        if found := kept.find(config, seen):
            notes = plan.known_from(found).with_files(config_file)
        else:
            told, undecided = plan.read(config_file)
            notes = told + plan.notes + undecided
            if job is not None:
                plan.keep(config, asked, seen, {"told": told, "undecided": undecided})
        notes += filter(None, (owners.grown(name, plan.training_plates(name)) for name in plan.trained()))
        notes += [] if job else _without_gpu(plan.config["device"])
        plan.notes = list(dict.fromkeys(spent(plan.config) + notes))
        return plan

    def read(self, config_file: str) -> tuple[list[str], list[str]]:
        """Read and check all tables and the files that they name; notes on what tables tell, and cannot decide."""
        names = list(self.config["datasets"])
        errors = collected.errors(self.config)
        errors = errors or [error for name in names for error in self.opened(name) or self.unusable(name)]
        errors += self.lost_weights()
        told, self.notes = self.notes, []
        errors = errors or [error for name in names for error in self.absent_files(name)]
        _refuse(
            errors
            or self.unanswerable()
            or collected.empty(self)
            or collected.undrawable(self)
            or self.taken(config_file)
        )
        return told, self.undecidable()

    def keep(self, given: dict, asked: dict, stamps: list | None, notes: dict) -> None:
        """Keep what the tables tell; `given`, `asked`, `stamps`: as of `kept.keep`."""
        datasets = self.config["datasets"]
        known = {
            "wells": {name: section["wells"] for name, section in datasets.items()},
            "result_settings": self.result_settings,
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
        if found := kept.keep(given, asked, stamps if self._listed() else None, self.images, known | notes):
            self.known_from(found)

    def with_files(self, config_file: str) -> list[str]:
        """Check what may have changed on disk while all tables are as they were; the notes on both."""
        self.notes, names = [], list(self.config["datasets"])
        errors = [error for name in names for error in self.unusable(name)] + self.lost_weights()
        errors = errors or [error for name in names for error in self.absent_files(name)]
        _refuse(errors or self.taken(config_file))
        return self.kept.known["told"] + self.notes + self.kept.known["undecided"]

    def known_from(self, found: Kept) -> "Plan":
        """The same by a plan that is kept; a table is read only if something is asked of it that is not kept."""
        self.kept, self.images, self.wells = found, Tables(self._read_again), Tables(self._read_again)
        self.__dict__.pop("screens", None)
        for name, section in self.config["datasets"].items():
            section["wells"] = found.known["wells"][name]
        self.result_settings = found.known["result_settings"]
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
            painted_wells.check(dataset["images"], self.wells[name], where)
            _check_plates(self.images[name], self.wells[name], where, dataset["min_joined"], self.notes.append)
        except InputError as error:
            return [error]
        return []

    def taken(self, config_file: str) -> list[InputError]:
        """Models that another config has trained in another way."""
        found = [owners.taken(name, config_file, *self.ownership(name)) for name in self.trained()]
        return [error for error in found if error]

    def ownership(self, model: str) -> tuple[dict, list[tuple[str, str]]]:
        """How a model is trained and on which (dataset, plate) pairs."""
        how = {"training": self.training(model), "channels": self.channels(model)}
        how |= {"grid": self.grid(model)} if self.grid(model) else {}
        return how, self.training_plates(model)

    def record_owners(self, config_file: str, models: list[str]) -> None:
        """Write down whose models are that are about to be trained, and those of which nothing is known."""
        for name in self.trained() if config_file else []:
            finished = (owners.FOLDER / name / "weights.safetensors").is_file()
            if name in models or (finished and not owners.of(name)):
                owners.record(name, config_file, *self.ownership(name))


def _without_gpu(device: str) -> list[str]:
    """A note where `cuda` is asked for and this machine has none; torch, which knows, takes a second to import."""
    if device != "cuda":
        return []
    from wellread.networks.device import has_gpu

    return [] if has_gpu() else [f"{NO_GPU}; jobs stop that have none either; write `device: auto` or cpu"]


def _refuse(errors: list[InputError]) -> None:
    """Raise all errors as one, if there are any."""
    if errors:
        raise InputError.together(errors)


def _check_plates(images: pd.DataFrame, wells: pd.DataFrame, where: str, min_joined: float, say) -> None:
    plates = sorted(images["plate"].unique())
    if clash := [plate for plate in plates if plate.casefold() in RESERVED]:
        found = f"a plate called {', '.join(clash)}"
        raise InputError(f"plates not called {', '.join(RESERVED)}", found, f"{where}.images", "rename the plate")
    if groups := alike(plates):
        found, edit = " and ".join(groups[0]), "one spelling, if they are one plate, else other names"
        raise InputError("plates whose names differ in more than case", found, f"{where}.images", edit)
    joining.check(images, wells, where, min_joined, say)
