"""The files that plans look at besides tables: are they there, and have they changed?"""

import os
from dataclasses import dataclass
from pathlib import Path

from wellread.inputs.columns import places
from wellread.inputs.listing import instead
from wellread.networks import checksum, weight_files
from wellread.plan import file_hashes, owners, raw_files
from wellread.plan.datasets import files
from wellread.plan.rows import Rows
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen


@dataclass
class Watched(Rows):
    """The config and its tables, and the files that they name."""

    def watched(self, dataset: str) -> str:
        """What is looked at to notice replaced files: files, folders, or nothing where a rule makes them."""
        section = self.config["datasets"][dataset]
        count = self.fields(dataset) * len(section["channels"])
        return "nothing" if self.is_made(dataset) else raw_files.watched(section["watch"], count)

    def image_stamps(self, dataset: str, plate: str) -> str:
        """A hash of sizes and times of the images of a plate."""
        if (watch := self.watched(dataset)) == "nothing":
            return ""
        if watch == "folders" and self.kept:
            return raw_files.folders_hash(self.kept.known["folders"][dataset][plate])
        return raw_files.stamps_hash(self._files(dataset, plate), watch)

    def _count(self, dataset: str, plate: str) -> int:
        """The fields of a plate."""
        return self.kept.known["plates"][dataset][plate][2] if self.kept else len(self.rows(dataset, plate))

    def _files(self, dataset: str, plate: str) -> list[str]:
        return raw_files.files(self.rows(dataset, plate), self.config["datasets"][dataset]["channels"])

    def _folders(self, dataset: str) -> dict[str, list[str]]:
        """The folders of every plate's images, where these are what is looked at."""
        if not self.has_images(dataset) or self.watched(dataset) != "folders":
            return {}
        return raw_files.folders_of_plates(self.images[dataset], self.config["datasets"][dataset]["channels"])

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
        found = [self._absent(dataset, plate, fields, check) for plate, fields in self._looked_for(dataset, check)]
        self.notes += [note for _, notes in found for note in notes]
        return [error for errors, _ in found for error in errors] + self._absent_truth(dataset)

    def _looked_for(self, dataset: str, check: str):
        """Every plate, and the files of those of its fields whose files are looked for: a list for each."""
        channels = self.config["datasets"][dataset]["channels"]
        if check != "sampled":
            yield from ((p, raw_files.of_fields(self.rows(dataset, p), channels)) for p in self.plates(dataset))
            return
        rows = self.kept.looked_for(dataset) if self.kept else None
        rows = raw_files.sampled(self.images[dataset]) if rows is None else rows
        fields = raw_files.of_fields(rows, channels)
        yield from ((plate, fields[place]) for plate, place in places(rows["plate"]).items())

    def _absent(self, dataset: str, plate: str, fields: list[list[str]], check: str):
        section = self.config["datasets"][dataset]
        most, where = section["calibrate"]["max_failed_fields"], f"datasets.{dataset}.images, plate {plate}"
        errors, notes = raw_files.missing(fields, most, where, len(fields) == self._count(dataset, plate))
        if self.has_masks(dataset) and (masks := self.label_images("segment", section["segment"], dataset, plate)):
            picked = [masks[i] for i in raw_files.spread(len(masks))] if check == "sampled" else masks
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
            others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
            found = f"no file at {missing[0]}{others}{instead(missing[0])}"
            where = f"datasets.{dataset}.calibrate.illumination.functions"
            raise InputError("an illumination function of every plate and channel", found, where, "path or names")

    def unusable(self, name: str) -> list[InputError]:
        """Errors of illumination functions that are not there."""
        try:
            if self.has_images(name):
                self.check_functions(name)
        except InputError as error:
            return [error]
        return []

    def weights(self) -> dict[str, tuple[str, str]]:
        """All files of weights that are given, by the key that names them: (path, SHA-256 or "")."""
        masked = [name for name in self.config["datasets"] if self.has_images(name) and self.has_masks(name)]
        choices = {f"datasets.{name}.segment": self.config["datasets"][name]["segment"] for name in masked}
        choices |= {f"models.{name}.encoder": self.encoder(name) for name in self.config["models"]}
        return {
            f"{where}.{kind}.{key}": (path, options.get(weight_files.hash_key(key), ""))
            for where, choice in choices.items()
            for kind, options in choice.items()
            for key, path in _weights(where.rpartition(".")[2], choice).items()
            if not path.startswith(f"{owners.FOLDER}/")
        }

    def lost_weights(self) -> list[InputError]:
        """Errors of weights that are not there, no whole file of weights, or others than those that are meant."""
        errors = []
        for where, (path, sha256) in self.weights().items():
            try:
                weight_files.check(path, where)
                needed = sha256 or not (path.endswith(".safetensors") or Path(path).with_name("model.json").is_file())
                if needed and (error := checksum.other_hash(sha256, file_hashes.sha256(path), where)):
                    errors.append(error)
            except InputError as error:
                errors.append(error)
        return errors


def _weights(section: str, settings: dict) -> dict[str, str]:
    """The files that a choice reads, and the weights that a training starts from, by option."""
    ((_, options),) = settings.items()
    return files(section, settings) | ({"start": options["start"]} if options.get("start") else {})
