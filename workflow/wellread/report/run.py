"""The results of a dataset that the chapters of the report are made from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from wellread.profiles import tables
from wellread.profiles.subset import condition
from wellread.runtime import table_files
from wellread.runtime.registry import chosen

MAX_PICTURED_PLATES = 4  # a report has to stay small enough to be mailed


@dataclass(frozen=True)
class Run:
    """The paths of the results of a dataset by kind, its wells table, and the config."""

    dataset: str
    inputs: dict[str, list[str]]
    wells: pd.DataFrame
    config: dict
    made: dict = field(default_factory=dict)  # what `once` has made

    @classmethod
    def from_inputs(cls, dataset: str, inputs: dict, wells: pd.DataFrame | None, config: dict) -> "Run":
        """The run of the arguments of `report`; single paths become lists, a missing wells table an empty one."""
        lists = {kind: [paths] if isinstance(paths, str | Path) else list(paths) for kind, paths in inputs.items()}
        empty = pd.DataFrame(columns=["plate", "well", "treatment", "control"], dtype=object)
        return cls(dataset, lists, empty if wells is None else wells, config)

    def once(self, make: Callable):
        """`make(run)`, made once for all chapters that need it."""
        if make not in self.made:
            self.made[make] = make(self)
        return self.made[make]

    @property
    def settings(self) -> dict:
        """The dataset's section of the config."""
        return self.config["datasets"][self.dataset]

    @property
    def has_images(self) -> bool:
        """Whether the profiles were made from images, not read from feature tables."""
        return self.settings.get("object") != "profile"

    @cached_property
    def plates(self) -> list[str]:
        """The names of the plates, sorted."""
        if self.has_images:
            return sorted(self.by_folder("fields"))
        column = tables.column("plate")
        found = [table_files.read(path, "profiles", [column])[column] for path in self.paths("profiles")]
        return sorted({plate for plates in found for plate in plates})

    @property
    def pictured_plates(self) -> list[str]:
        """The plates of which pictures are shown: all, or some spread evenly over the list if they are many."""
        last, n = len(self.plates) - 1, min(len(self.plates), MAX_PICTURED_PLATES)
        return [self.plates[round(i * last / max(n - 1, 1))] for i in range(n)]

    def is_baseline(self, model: str) -> bool:
        """Whether others are compared with this model."""
        section = self.config["models"][model]
        return section.get("baseline", chosen("encoder", section.get("encoder", {"vit": {}})).baseline)

    def paths(self, kind: str) -> list[Path]:
        """The paths of a kind of result, none if it was not made."""
        return [Path(path) for path in self.inputs.get(kind, [])]

    def by_folder(self, kind: str) -> dict[str, Path]:
        """The paths of a kind by their folder: the plate's or the model's name."""
        return {path.parent.name: path for path in self.paths(kind)}

    def by_pair(self, kind: str) -> dict[str, dict[tuple[str, str], Path]]:
        """The paths of tasks or figures: {name: {(model, correction): path}}, in the order of the config."""
        found = {(path.parent.name, path.stem): path for path in self.paths(kind)}
        names = [name for name in self.config[kind] if name in {name for name, _ in found}]
        return {
            name: {(m, c): found[name, f"{m}_{c}"] for m, c in self.pairs if (name, f"{m}_{c}") in found}
            for name in names
        }

    def looked_at(self, noun: str, name: str) -> str:
        """What a task or figure looks at: `profiles of every well of a and b, where dose: max`."""
        entry = self.config[noun][name]
        pooled, conditions = entry.get("pool", []), entry.get("where", {})
        words = f"profiles of every {entry['level']}" + (f" of {' and '.join(pooled)}" if pooled else "")
        return words + (f", where {'; '.join(condition(*pair) for pair in conditions.items())}" if conditions else "")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every model with every correction, in the order of the config."""
        return [(model, correction) for model in self.config["models"] for correction in self.config["corrections"]]

    @cached_property
    def main(self) -> tuple[str, str]:
        """The model and the correction that the page tells first: the headline, else those of the list of hits.

        Without either the first model that is no baseline, of those with results, and the last correction.
        """
        told = [table_files.read(path, "hits", ["model", "correction"]) for path in self.paths("hits")]
        model, correction = told[0].iloc[0] if told and len(told[0]) else ("", "")
        with_profiles = self.profiles()
        models = [name for name in self.config["models"] if any(name == own for own, _ in with_profiles)]
        first = next((name for name in models if not self.is_baseline(name)), next(iter(models), ""))
        corrections = [name for name in self.config["corrections"] if (model or first, name) in with_profiles]
        return model or first, self.settings.get("headline") or correction or next(iter(corrections[::-1]), "")

    def profiles(self) -> dict[tuple[str, str], Path]:
        """The well profiles: {(model, correction): path}."""
        found = {(path.parents[1].name, path.parent.name): path for path in self.paths("profiles")}
        return {pair: found[pair] for pair in self.pairs if pair in found}

    def maps(self) -> dict[tuple[str, str], Path]:
        """The maps of wells, treatments and cells: {(model, correction): path}."""
        found = {(path.parents[1].name, path.parent.name): path for path in self.paths("maps")}
        return {pair: found[pair] for pair in self.pairs if pair in found}
