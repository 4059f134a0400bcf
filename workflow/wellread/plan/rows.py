"""What the tables of datasets say: their plates and rows, and what training takes of them, by plans that are kept."""

from dataclasses import dataclass, field

import pandas as pd

from wellread.inputs import user_tables
from wellread.inputs.columns import places
from wellread.plan.kept import Kept
from wellread.plan.provenance import rows_hash
from wellread.plan.results import Results


@dataclass
class Rows(Results):
    """The config, with the tables of every dataset; `notes`: what to tell of them, in lines."""

    images: dict[str, pd.DataFrame] = field(default_factory=dict)
    wells: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # that a user should read before a run, though nothing is wrong
    kept: Kept | None = None  # what this or an earlier process has written down of the plan
    _places: dict[str, dict] = field(default_factory=dict)  # of every dataset, {plate: the slice of its rows}

    def columns(self, dataset: str) -> list[str]:
        """The columns of the wells table."""
        return self.kept.known["columns"][dataset] if self.kept else list(self.wells[dataset])

    def plates(self, dataset: str) -> list[str]:
        """The plates of a dataset, sorted."""
        return list(self.kept.known["plates"][dataset]) if self.kept else sorted(self.images[dataset]["plate"].unique())

    def fields(self, dataset: str) -> int:
        """The number of fields in the images table, of all plates."""
        return self.kept.known["fields"][dataset] if self.kept else len(self.images[dataset])

    def rows(self, dataset: str, plate: str) -> pd.DataFrame:
        """The rows of one plate in the images table."""
        if self.kept and (found := self.kept.rows(dataset, plate)) is not None:
            return found
        images = self.images[dataset]
        if dataset not in self._places:
            self._places[dataset] = places(images["plate"])
        return images.iloc[self._places[dataset].get(plate, slice(0))].reset_index(drop=True)

    def rows_hash(self, dataset: str, plate: str) -> str:
        """A hash of what the images table says of one plate."""
        if self.kept:
            return self.kept.known["plates"][dataset][plate][0]
        return rows_hash(self.rows(dataset, plate))

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


class Tables(dict):
    """Tables by dataset, which `read` puts here when they are first asked for."""

    def __init__(self, read):
        super().__init__()
        self.read = read

    def __missing__(self, name: str) -> pd.DataFrame:
        self.read(name)
        return self[name]
