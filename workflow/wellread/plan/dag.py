"""What the config asks for: its tables, the hash of every plate's rows, and the list of files to make."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from wellread.inputs import joining, sources, user_tables
from wellread.plan import choosing, demands, given, leaks, owners, raw_files, resources, settings
from wellread.plan.contradictions import spent
from wellread.plan.provenance import rows_hash, weights_fingerprint
from wellread.plan.screen import Pool, Screen
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

RESERVED = ("painted", "profiles", "tasks", "figures")  # folders beside those of the plates


@dataclass
class Plan:
    """The config, checked and filled in, with the tables of every dataset; `notes`: what to tell of them, in lines."""

    config: dict
    images: dict[str, pd.DataFrame] = field(default_factory=dict)
    wells: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # that a user should read before a run, though nothing is wrong

    @cached_property
    def result_settings(self) -> dict:
        """The config without the settings that change no result, so that nothing runs again when these change."""
        return settings.that_change_results(self.config)

    @classmethod
    def of(cls, config: dict, config_file: str = "") -> "Plan":
        """Check the config and the tables it names; raise InputError telling all that is wrong.

        `config_file`: where the config is from, which models that are already trained belong to.
        """
        plan = cls(settings.load(config))
        plan.notes += spent(plan.config)
        errors = [error for name in plan.config["datasets"] for error in plan.opened(name)]
        errors = errors or [error for name in plan.config["datasets"] for error in plan.absent_files(name)]
        errors = errors or plan.unanswerable() or plan.taken(config_file)
        if errors:
            raise InputError.together(errors)
        plan.notes += plan.undecidable()
        plan.notes += filter(None, (owners.grown(name, plan.training_plates(name)) for name in plan.trained()))
        plan.notes = list(dict.fromkeys(plan.notes))
        return plan

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
            _check_weights(dataset["segment"] if self.has_masks(name) else {}, where)
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
        return demands.of_training(wells, self.labels(model), self.balance(model), f"models.{model}")

    def plates(self, dataset: str) -> list[str]:
        """The plates of a dataset, sorted."""
        return sorted(self.images[dataset]["plate"].unique())

    def rows(self, dataset: str, plate: str) -> pd.DataFrame:
        """The rows of one plate in the images table."""
        return self.images[dataset].query("plate == @plate").reset_index(drop=True)

    def rows_hash(self, dataset: str, plate: str) -> str:
        """A hash of what the images table says of one plate."""
        return rows_hash(self.rows(dataset, plate))

    def watched(self, dataset: str) -> str:
        """What is looked at to notice replaced files: files, folders, or nothing where a rule makes them."""
        section = self.config["datasets"][dataset]
        count = len(self.images[dataset]) * len(section["channels"])
        return "nothing" if self.is_painted(dataset) else raw_files.watched(section["watch"], count)

    def image_stamps(self, dataset: str, plate: str) -> str:
        """A hash of sizes and times of the images of a plate."""
        if (watch := self.watched(dataset)) == "nothing":
            return ""
        files = raw_files.files(self.rows(dataset, plate), self.config["datasets"][dataset]["channels"])
        return raw_files.stamps_hash(files, watch)

    def label_images(self, section: str, settings: dict, dataset: str, plate: str) -> list[str]:
        """The label images of a plate that a segmenter or a measure reads, but for those that rules of ours make."""
        ((_, options),) = settings.items()
        patterns = [options[option] for option in chosen(section, settings).patterns if options[option]]
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
        if check == "none" or self.is_painted(dataset):
            return []
        found = [self._absent(dataset, plate, check) for plate in self.plates(dataset)]
        self.notes += [note for _, notes in found for note in notes]
        return [error for errors, _ in found for error in errors] + self._absent_truth(dataset)

    def _absent(self, dataset: str, plate: str, check: str) -> tuple[list[InputError], list[str]]:
        section, rows = self.config["datasets"][dataset], self.rows(dataset, plate)
        some, most = raw_files.looked_for(rows, check), section["calibrate"]["max_failed_fields"]
        fields = [raw_files.files(some.iloc[[i]], section["channels"]) for i in range(len(some))]
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

    def is_given(self, dataset: str) -> bool:
        """Whether the dataset has no images, but ready feature tables."""
        return self.config["datasets"][dataset]["object"] == "profile"

    def has_images(self, dataset: str) -> bool:
        """Whether the dataset has images, from which profiles are made."""
        return not self.is_given(dataset)

    def names_tables(self, model: str) -> bool:
        """Whether a model is no encoder of crops, but names feature tables."""
        return chosen("encoder", self.encoder(model)).given

    def reads_crops(self, model: str) -> bool:
        """Whether a model's encoder reads crops."""
        return not self.names_tables(model) and not self.blind_encoder(model)

    def feature_tables(self, dataset: str, model: str) -> list[str]:
        """The feature tables that a model names for a dataset."""
        return given.paths(self.config, dataset, model)

    def is_painted(self, dataset: str) -> bool:
        """Whether the images are made by a rule of ours."""
        return chosen("images", self.config["datasets"][dataset]["images"]).painted

    def painted_options(self, dataset: str) -> dict:
        """The options of a painted plate; how many plates there are changes none of them."""
        options = self.config["datasets"][dataset]["images"]["painted"]
        return {key: value for key, value in options.items() if key != "plates"}

    def has_masks(self, dataset: str) -> bool:
        """Whether objects are cells found by segmentation, not whole images."""
        return self.config["datasets"][dataset]["object"] == "cell"

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

    def segments_by_network(self, dataset: str) -> bool:
        """Whether segmentation runs a network, on a GPU where there is one."""
        return chosen("segment", self.config["datasets"][dataset]["segment"]).network

    def segmenter_weights(self, dataset: str) -> list[str]:
        """The weights that segmentation reads."""
        return list(_files("segment", self.config["datasets"][dataset]["segment"]).values())

    def keeps_crops(self, dataset: str) -> bool:
        """Whether crops stay when they have been embedded."""
        return self.config["datasets"][dataset]["keep_crops"]

    def finds_crop_size(self, dataset: str) -> bool:
        """Whether the size of crops is found from the cells of the dataset."""
        return self.config["datasets"][dataset]["crops"]["size"] == "auto"

    def temporary_crops(self) -> list[str]:
        """The datasets whose crops do not stay."""
        return [name for name in self.config["datasets"] if self.has_images(name) and not self.keeps_crops(name)]

    def models(self, dataset: str) -> list[str]:
        """The models that embed a dataset."""
        return [name for name, model in self.config["models"].items() if dataset in model["embed_on"]]

    def training_plates(self, model: str) -> list[tuple[str, str]]:
        """The (dataset, plate) pairs a model learns from."""
        settings_of = self.config["models"][model]
        pairs = [(dataset, plate) for dataset in settings_of["train_on"] for plate in self.plates(dataset)]
        return [pair for pair in pairs if pair[1] in settings_of["plates"] or not settings_of["plates"]]

    def is_trained(self, model: str) -> bool:
        """Whether a model's encoder is trained here."""
        return chosen("encoder", self.encoder(model)).trained

    def trained(self) -> list[str]:
        """The models whose encoder is trained here."""
        return [name for name in self.config["models"] if self.is_trained(name)]

    def encoder(self, model: str) -> dict:
        """The encoder of a model: `{kind: options}`."""
        return self.config["models"][model]["encoder"]

    def is_baseline(self, model: str) -> bool:
        """Whether other models are compared with this one."""
        return self.config["models"][model].get("baseline", chosen("encoder", self.encoder(model)).baseline)

    def classical(self) -> list[str]:
        """The models whose encoder looks at masks, too, and needs an environment of its own."""
        return [name for name in self.config["models"] if chosen("encoder", self.encoder(name)).masks]

    def takes_outlines(self, model: str, dataset: str) -> bool:
        """Whether the outlines of crops are embedded, too: they are wanted and there are any."""
        wanted = chosen("encoder", self.encoder(model)).outlines or self.config["models"][model]["embed"]["intensity"]
        return bool(wanted) and self.config["datasets"][dataset]["object"] == "cell"

    def blind_encoder(self, model: str) -> dict:
        """The encoder of a model if it looks at no pixels, else nothing."""
        return self.encoder(model) if chosen("encoder", self.encoder(model)).blind else {}

    def pooled_from(self, model: str) -> str:
        """The model whose pooled embeddings become the profiles of a model: itself, or that whose wells it shuffles."""
        return self.blind_encoder(model).get("shuffled", {}).get("of", model)

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

    def encoder_files(self, model: str) -> list[str]:
        """The files that a given encoder is read from."""
        return list(_files("encoder", self.encoder(model)).values())

    def training(self, model: str) -> dict:
        """All that says how a model is trained."""
        sections = self.result_settings["models"][model]
        how = {name: sections[name] for name in ("views", "fit", "probe")}
        return how | {"encoder": sections["encoder"]["vit"], "method": sections["train"]}

    def weights_code(self, model: str) -> str:
        """A hash of the code that the weights of a model depend on, and so a checkpoint of its training."""
        picked = {"encoder": self.encoder(model), "train": self.config["models"][model]["train"]}
        modules = [chosen(section, choice).module for section, choice in picked.items()]
        return weights_fingerprint("train.train", *modules)

    def resources(self, model: str) -> dict:
        """Threads, memory (MB) and time (minutes) that the training of a model asks for."""
        settings_of = self.config["models"][model]
        side = self.config["datasets"][settings_of["train_on"][0]]["crops"]["size"]
        side = side if isinstance(side, int) else 0
        return resources.of_training(settings_of, len(self.channels(model)), side, self.config["device"])

    def labels(self, model: str) -> list[str]:
        """The columns of the wells tables that training a model asks for."""
        how = self.training(model)
        ((_, options),) = how["method"].items()
        asked = [options[key] for key in chosen("train", how["method"]).columns] + [how["probe"]]
        return sorted(set(filter(None, asked)))

    def balance(self, model: str) -> list[str]:
        """The columns of the wells tables whose groups of cells weigh the same in training a model."""
        return self.training(model)["fit"]["balance"]

    def asked(self, model: str) -> list[str]:
        """All columns of the wells tables that training a model reads."""
        return sorted({*self.labels(model), *self.balance(model)})

    def training_wells(self, model: str) -> list[dict]:
        """Where the wells table of every plate is read from that a model learns from, if it looks at any column."""
        pairs = self.training_plates(model) if self.asked(model) else []
        return [user_tables.wells_section(self.config["datasets"][dataset]) for dataset, _ in pairs]

    def labels_hash(self, model: str) -> str:
        """A hash of what the wells tables say of the plates and labels that training asks for."""
        columns = list(dict.fromkeys(["plate", "well", *self.asked(model)]))
        pairs = self.training_plates(model) if self.asked(model) else []
        rows = [self.wells[dataset].query("plate == @plate")[columns] for dataset, plate in pairs]
        return rows_hash(pd.concat(rows)) if rows else ""

    def channels(self, model: str) -> list[str]:
        """The ordered channel names of a model."""
        return self.config["datasets"][self.config["models"][model]["train_on"][0]]["channels"]

    def results(self, dataset: str, noun: str, verb: str) -> list[tuple[str, str, str]]:
        """The (name, model, correction) triples of the tasks or figures that a verb makes for a dataset."""
        return [
            (name, model, correction)
            for name, entry in self.config[noun].items()
            if dataset in entry["datasets"] and verb in entry and not chosen(verb, entry[verb]).masks
            for model in entry.get("models", self._usually(noun))
            if {dataset, *entry["pool"]} <= set(self.config["models"][model]["embed_on"])
            for correction in self.config["corrections"]
            if correction in entry.get("corrections", [correction])
            if correction == "none" or entry["level"] != "cell"
            if correction in self.chains or (noun == "tasks" and self.nests(dataset, name, correction))
        ]

    @property
    def chains(self) -> set[str]:
        """The corrections that have profiles of their own."""
        return set(choosing.chains(self.config))

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

    def marks(self, dataset: str, task: str, correction: str) -> list[list[str]]:
        """What the results of a task under a correction have to tell: pairs (kind of mark, column or step)."""
        entry = self.config["tasks"][task]
        screens = [self.screens[name] for name in entry["pool"] or [dataset]]
        return leaks.marks(choosing.steps_of(self.config, correction), entry["measure"], screens)

    def hits(self, dataset: str) -> dict:
        """The options of `measure.hits` for a dataset, model and correction among them; nothing if it has no hits."""
        options, models = dict(self.result_settings.get("hits", {})), self.models(dataset)
        first = next((model for model in models if not self.is_baseline(model)), "".join(models[:1]))
        model = options.get("model") or first
        named = options.get("correction") or self.config["datasets"][dataset]["headline"]
        with_profiles = list(choosing.chains(self.config))
        correction = named if named in with_profiles else with_profiles[-1]
        return options | {"model": model, "correction": correction} if options and model in models else {}

    def hit_profiles(self, dataset: str, name: str) -> str:
        """The profiles of the hits of a dataset: `well`, or `crossed`, corrected on the other half of the controls."""
        found = self.hits(dataset)
        return f"results/{dataset}/profiles/{found['model']}/{found['correction']}/{name}.parquet"

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


def _check_plates(images: pd.DataFrame, wells: pd.DataFrame, where: str, min_joined: float, say) -> None:
    plates = set(images["plate"])
    if clash := plates & set(RESERVED):
        found = f"a plate called {', '.join(clash)}"
        raise InputError(f"plates not called {', '.join(RESERVED)}", found, f"{where}.images", "rename the plate")
    joining.check(images, wells, where, min_joined, say)


def _check_weights(segment: dict, where: str) -> None:
    """Weights of a segmenter are files: a name is never looked up or downloaded."""
    for key, path in (_files("segment", segment) if segment else {}).items():
        if not Path(path).is_file():
            edit = "download the weights yourself and give their path"
            raise InputError(
                "a file of weights", f"no file at {path}", f"{where}.segment.{next(iter(segment))}.{key}", edit
            )


def _files(section: str, settings: dict) -> dict[str, str]:
    """The files that a choice of the config reads, by option; those left empty are none."""
    ((_, options),) = settings.items()
    return {key: options[key] for key in chosen(section, settings).files if options[key]}
