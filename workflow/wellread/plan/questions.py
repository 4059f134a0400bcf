"""What the config asks of tables: tasks, figures, corrections and training, and whether there is an answer."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from wellread.inputs import crop_files
from wellread.plan import choosing, demands, grids, leaks, needs_of_controls, taught
from wellread.plan.screen import Pool, Screen
from wellread.plan.watched import Watched
from wellread.profiles.chains import steps_of
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen


@dataclass
class Questions(Watched):
    """The config and its tables, and what it asks of them."""

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
            for dataset in embedded
            for name, steps in choosing.chains_of(self.config, dataset).items()
            for number, step in enumerate(steps)
            for error in demands.of_correction(screens[dataset], step, f"corrections.{name}.{number} of {dataset}")
        ]
        errors = errors or self._undividable() + leaks.determined(self.config, self._asked())
        models = dict.fromkeys(map(grids.model_of, self.trained()))
        errors += [error for model in models for error in self._unlabelled(model, screens)]
        return errors or self._tested()

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
        """Notes on tasks that the design of a dataset cannot answer: they get a row with the reason.

        So does a design in which it is left to a draw.
        """
        screens = {name: self.screens[name] for name in self.screens if self.models(name)}
        words = {name: needs_of_controls.alone(screen.imaged) for name, screen in screens.items()}
        return [f"datasets.{name}.wells: {told}" for name, told in words.items() if told] + [
            note.replace("the wells table", self.labelled_by(of))
            for screen, verb, entry, where, of in self._asked()
            for note in demands.undecidable(screen, verb, entry, f"{where} of {of}")
        ]

    def labelled_by(self, dataset: str) -> str:
        """The table that says what wells are, in words: a wells table, or that of cells or images it was made of."""
        section = self.config["datasets"].get(dataset, {})
        made, images = crop_files.WELLS.format(dataset=dataset), section.get("images", {})
        sources = (images.get("crops", {}).get("cells"), images.get("hpa", {}).get("labels"))
        return next(filter(None, sources), "") * (section.get("wells") == made) or "the wells table"

    def _asked(self):
        """Every task and figure of profiles: (screen of an embedded dataset or a pool, verb, entry, its key, whose)."""
        for name in filter(self.hits, self.config["datasets"]):
            yield self.screens[name], "measure", demands.OF_HITS, "hits", name
        for noun, verb in (("tasks", "measure"), ("figures", "draw"), ("figures", "patches")):
            for name, entry in self.config[noun].items():
                if verb not in entry or chosen(verb, entry[verb]).masks:
                    continue
                pooled, key = entry["pool"], f"{noun}.{name}"
                if pooled:
                    yield Pool({one: self.screens[one] for one in pooled}), verb, entry, key, " + ".join(pooled)
                for one in [] if pooled else filter(self.models, entry["datasets"]):
                    yield self.screens[one], verb, entry, key, one

    def _tested(self) -> list[InputError]:
        """Tasks of heads whose test sets have wells that taught the model."""
        triples = [triple for name in self.screens for triple in self.results(name, "tasks", "measure")]
        heads = [(task, m) for task, m, _ in dict.fromkeys(triples) if taught.has_head(self.config["models"][m])]
        return [error for task, model in dict.fromkeys(heads) for error in self._tested_by(task, model)]

    def _tested_by(self, task: str, model: str) -> list[InputError]:
        entry, method = self.config["tasks"][task], self.config["models"][model]["train"]
        wells = self._learned_from(model, entry["pool"] or entry["datasets"])
        return taught.tested(wells, method, entry["measure"], task, f"models.{model}")

    def _learned_from(self, model: str, datasets) -> list[pd.DataFrame]:
        """The wells, of some datasets, of the plates that a model learns from."""
        plates = pd.DataFrame(self.training_plates(model), columns=["dataset", "plate"]).groupby("dataset")["plate"]
        return [self.screens[name].imaged.query("plate in @own") for name, own in plates if name in datasets]

    def _unlabelled(self, model: str, screens: dict) -> list[InputError]:
        wells = self._learned_from(model, list(screens)) if self.asked(model) else []
        where, method = f"models.{model}", self.config["models"][model]["train"]
        errors = demands.of_training(wells, self.labels(model), self.balance(model), where)
        return errors or taught.of_wells(wells, method, where, bool(self.grid(model)))

    def marks(self, dataset: str, task: str, correction: str) -> list[list[str]]:
        """What the results of a task under a correction have to tell: pairs (kind of mark, column or step)."""
        if self.kept:
            return self.kept.known["marks"][f"{dataset}/{task}/{correction}"]
        entry = self.config["tasks"][task]
        screens = [self.screens[name] for name in entry["pool"] or [dataset]]
        return leaks.marks(steps_of(self.config, correction), entry["measure"], screens)
