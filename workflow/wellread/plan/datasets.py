"""What the config says of datasets."""

from dataclasses import dataclass
from functools import cached_property

from wellread.plan import settings
from wellread.runtime.registry import chosen


@dataclass
class Datasets:
    """The config, checked and filled in, and what it says of its datasets."""

    config: dict

    @cached_property
    def result_settings(self) -> dict:
        """The config without the settings that change no result, so that nothing runs again when these change."""
        return settings.that_change_results(self.config)

    def is_given(self, dataset: str) -> bool:
        """Whether the dataset has no images, but ready feature tables."""
        return self.config["datasets"][dataset]["object"] == "profile"

    def has_images(self, dataset: str) -> bool:
        """Whether the dataset has images, from which profiles are made."""
        return not self.is_given(dataset)

    def is_painted(self, dataset: str) -> bool:
        """Whether the images are made by a rule of ours."""
        return chosen("images", self.config["datasets"][dataset]["images"]).painted

    def is_staged(self, dataset: str) -> bool:
        """Whether the images lie on a server, from which a rule of ours copies them."""
        return self.has_images(dataset) and chosen("images", self.config["datasets"][dataset]["images"]).staged

    def is_made(self, dataset: str) -> bool:
        """Whether a rule of ours makes the image files, painted or copied."""
        return self.is_painted(dataset) or self.is_staged(dataset)

    def made_images(self, dataset: str, plate: str) -> str:
        """The folder in which a rule of ours puts the images of a plate; "" for images of a user."""
        by = "painted" if self.is_painted(dataset) else "staged"
        return f"results/{dataset}/{by}/{plate}" if self.is_made(dataset) else ""

    def removes_images(self, dataset: str) -> bool:
        """Whether copies of images go when a run has ended well."""
        return self.is_staged(dataset) and not self.config["datasets"][dataset]["images"]["gallery"]["keep"]

    def painting(self, dataset: str) -> dict[str, dict]:
        """Who paints a plate of a dataset, and the options; how many plates there are changes none of them."""
        ((name, options),) = self.config["datasets"][dataset]["images"].items()
        return {name: {key: value for key, value in options.items() if key != "plates"}}

    def has_masks(self, dataset: str) -> bool:
        """Whether objects are cells found by segmentation, not whole images."""
        return self.config["datasets"][dataset]["object"] == "cell"

    def segments_by_network(self, dataset: str) -> bool:
        """Whether segmentation runs a network, on a GPU where there is one."""
        return chosen("segment", self.config["datasets"][dataset]["segment"]).network

    def segmenter_weights(self, dataset: str) -> list[str]:
        """The weights that segmentation reads."""
        return list(files("segment", self.config["datasets"][dataset]["segment"]).values())

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


def files(section: str, settings: dict) -> dict[str, str]:
    """The files that a choice of the config reads, by option; those left empty are none."""
    ((_, options),) = settings.items()
    return {key: options[key] for key in chosen(section, settings).files if options[key]}
