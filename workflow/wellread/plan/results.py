"""What the config says of results: tasks and figures of every model and correction, hits, the ladder, alarms."""

from dataclasses import dataclass
from pathlib import Path

from wellread.plan import choosing, collected
from wellread.plan.models import Models
from wellread.plan.taught import has_head
from wellread.runtime.registry import chosen

OF_DATASETS = ("tasks", "figures")  # sections of the config whose entries name their datasets


@dataclass
class Results(Models):
    """The config, and the results that it asks for."""

    def results(self, dataset: str, noun: str, verb: str) -> list[tuple[str, str, str]]:
        """The (name, model, correction) triples of the tasks or figures that a verb makes for a dataset.

        Of models whose profiles are what their head says, only tasks that ask for that.
        """
        return [
            (name, model, correction)
            for name, entry in self.config[noun].items()
            if dataset in entry["datasets"] and verb in entry and not chosen(verb, entry[verb]).masks
            for model in entry.get("models", self._usually(noun))
            if {dataset, *entry["pool"]} <= set(self.config["models"][model]["embed_on"])
            if noun != "tasks" or chosen(verb, entry[verb]).of_head == has_head(self.config["models"][model])
            for correction in self.config["corrections"]
            if all(correction in choosing.named(self.config, one) for one in (dataset, *entry["pool"]))
            if correction in entry.get("corrections", [correction])
            if correction == "none" or entry["level"] != "cell"
            if correction in self.chains or (noun == "tasks" and self.nests(dataset, name, correction))
        ]

    def page_settings(self, dataset: str) -> dict:
        """Of `result_settings` what is about one dataset: its section, its models, tasks and figures, titles of tables.

        So its page is not made again for a model of another dataset.
        """
        known, tables = self.result_settings, [Path(path).stem for path in collected.of_dataset(self, dataset)]
        names = {"datasets": [dataset], "models": self.models(dataset)}
        names |= {
            noun: [one for one, entry in known[noun].items() if dataset in entry["datasets"]] for noun in OF_DATASETS
        }
        own = {noun: {name: known[noun][name] for name in found} for noun, found in names.items()}
        return known | own | {"tables": {name: {"title": known["tables"][name]["title"]} for name in tables}}

    def _usually(self, noun: str) -> list[str]:
        """The models that tasks or figures look at if these name none: figures leave baselines out, beside others."""
        models = list(self.config["models"])
        return [one for one in models if noun == "tasks" or not self.is_baseline(one)] or models

    def scores(self, dataset: str) -> list[str]:
        """The tasks that look at the masks of a dataset, not at profiles."""
        tasks = self.config["tasks"].items()
        return [
            name for name, entry in tasks if dataset in entry["datasets"] and chosen("measure", entry["measure"]).masks
        ]

    def looks(self, dataset: str) -> list[str]:
        """The figures that show fields and cells of a dataset, not profiles."""
        figures = self.config["figures"].items()
        return [name for name, entry in figures if dataset in entry["datasets"] and "look" in entry]

    def patches(self, dataset: str) -> list[str]:
        """The pictures of patch tokens of a dataset: of every such figure, and model that has patch tokens."""
        return [
            f"results/{dataset}/figures/{name}/{model}.patches.png"
            for name, model, correction in self.results(dataset, "figures", "patches")
            if correction == "none" and chosen("encoder", self.encoder(model)).patches
        ]

    def patched_cells(self, figure: str) -> dict:
        """Of which cells a figure shows patch tokens: the column `label`, its `values`, and how many of `each`."""
        ((_, options),) = self.config["figures"][figure]["patches"].items()
        return {name: options[name] for name in ("label", "values", "each")}

    @property
    def chains(self) -> set[str]:
        """The corrections that have profiles of their own."""
        return set(choosing.chains(self.config))

    def chains_of(self, dataset: str) -> list[str]:
        """Those of them that a dataset has profiles of."""
        return list(choosing.chains_of(self.config, dataset))

    @property
    def choosers(self) -> set[str]:
        """The chosen chains, which have not."""
        return set(choosing.choosers(self.config))

    def nests(self, dataset: str, task: str, correction: str) -> bool:
        """Whether a task has an answer under a chosen chain."""
        return choosing.answers(self.config, correction, task, dataset)

    def among(self, correction: str) -> list[str]:
        """The corrections that a chosen chain is chosen from."""
        return choosing.choosers(self.config)[correction]["among"]

    def chosen_by(self, wildcards) -> str:
        """The task that a chosen chain is chosen by."""
        return choosing.choosers(self.config)[wildcards.correction]["by"]

    def ladder(self, dataset: str) -> dict:
        """What `compare` takes of a dataset: its baselines, and of its tasks the items of their metrics; or nothing."""
        models = self.models(dataset)
        tasks = {name: self.config["tasks"][name]["measure"] for name, *_ in self.results(dataset, "tasks", "measure")}
        items = {name: own for name, measure in tasks.items() if (own := chosen("measure", measure).items)}
        baselines = [model for model in models if self.is_baseline(model)]
        return {"baselines": baselines, "items": items} if baselines and items and len(models) > 1 else {}

    def ladder_files(self, dataset: str) -> list[str]:
        """The answers that `compare` reads, of every task whose items can be compared, model and correction."""
        items = self.ladder(dataset).get("items", {})
        triples = [triple for triple in self.results(dataset, "tasks", "measure") if triple[0] in items]
        return [f"results/{dataset}/tasks/{name}/{model}_{correction}.parquet" for name, model, correction in triples]

    def doubted(self, dataset: str) -> dict:
        """What `alarms` has to know of a dataset besides its results: see there."""
        models, tasks = self.models(dataset), self.config["tasks"]
        asked = {name for name, *_ in self.results(dataset, "tasks", "measure")}
        return {
            "dataset": {
                key: self.config["datasets"][dataset].get(key) for key in ("channels", "pixel_size", "segment")
            },
            "baselines": [model for model in models if self.is_baseline(model)],
            "counts": [model for model in models if "cell_count" in self.encoder(model)],
            "mixed": sorted(name for name in asked if chosen("measure", tasks[name]["measure"]).chance_is_best),
            "headlines": {
                name: own[0] for name in sorted(asked) if (own := chosen("measure", tasks[name]["measure"]).headline)
            },
        }

    def hits(self, dataset: str) -> dict:
        """The options of `measure.hits` for a dataset, model and correction among them; nothing if it has no hits."""
        options, models = dict(self.result_settings.get("hits", {})), self.models(dataset)
        first = next((model for model in models if not self.is_baseline(model)), "".join(models[:1]))
        model = options.get("model") or first
        named = options.get("correction") or self.config["datasets"][dataset]["headline"]
        with_profiles = self.chains_of(dataset)
        correction = named if named in with_profiles else with_profiles[-1]
        return options | {"model": model, "correction": correction} if options and model in models else {}

    def maps(self, dataset: str) -> list[str]:
        """The maps of a dataset, of every model and correction with profiles; none if the config asks for none."""
        models, chains = self._usually("figures"), self.chains_of(dataset)
        models = [model for model in models if model in self.models(dataset)]
        folders = [f"results/{dataset}/profiles/{model}/{correction}" for model in models for correction in chains]
        return [f"{folder}/map.parquet" for folder in folders] if "map" in self.config else []

    def hit_profiles(self, dataset: str, name: str) -> str:
        """The profiles of the hits of a dataset: `well`, or `crossed`, corrected on the other half of the controls."""
        found = self.hits(dataset)
        return f"results/{dataset}/profiles/{found['model']}/{found['correction']}/{name}.parquet"
