"""What the config says of models: how they are trained, and what they embed."""

from dataclasses import dataclass

from wellread.encoder.sizes import size_in
from wellread.plan import given, grids, resources
from wellread.plan.code_hashes import weights_fingerprint
from wellread.plan.contradictions import APPENDED
from wellread.plan.datasets import Datasets, files
from wellread.runtime.registry import chosen


@dataclass
class Models(Datasets):
    """The config, and what it says of its models."""

    def encoder(self, model: str) -> dict:
        """The encoder of a model: `{kind: options}`."""
        return self.config["models"][model]["encoder"]

    def is_trained(self, model: str) -> bool:
        """Whether a model's encoder is trained here."""
        return chosen("encoder", self.encoder(model)).trained

    def trained(self) -> list[str]:
        """The models whose encoder is trained here."""
        return [name for name in self.config["models"] if self.is_trained(name)]

    def grid(self, model: str) -> dict[str, dict]:
        """The models of which the best becomes this one, if it has a grid: {name: {dotted key: value}}."""
        return grids.cells(model, self.config["models"][model])

    def trainings(self) -> list[str]:
        """The models that a training is of: all whose encoder is trained here, but for those chosen from a grid."""
        return [name for name in self.trained() if not self.grid(name)]

    def is_baseline(self, model: str) -> bool:
        """Whether other models are compared with this one."""
        return self.config["models"][model].get("baseline", chosen("encoder", self.encoder(model)).baseline)

    def classical(self) -> list[str]:
        """The models whose encoder looks at masks, too, and needs an environment of its own."""
        return [name for name in self.config["models"] if chosen("encoder", self.encoder(name)).masks]

    def takes_outlines(self, model: str, dataset: str) -> bool:
        """Whether the outlines of crops are embedded, too: they are wanted and there are any."""
        embed = self.config["models"][model]["embed"]
        wanted = chosen("encoder", self.encoder(model)).outlines or any(embed[name] for name in APPENDED)
        return wanted and self.config["datasets"][dataset]["object"] == "cell"

    def blind_encoder(self, model: str) -> dict:
        """The encoder of a model if it looks at no pixels, else nothing."""
        return self.encoder(model) if chosen("encoder", self.encoder(model)).blind else {}

    def pooled_from(self, model: str) -> str:
        """The model whose pooled embeddings become the profiles of a model: itself, or that whose wells it shuffles."""
        return self.blind_encoder(model).get("shuffled", {}).get("of", model)

    def names_tables(self, model: str) -> bool:
        """Whether a model is no encoder of crops, but names feature tables."""
        return chosen("encoder", self.encoder(model)).given

    def reads_crops(self, model: str) -> bool:
        """Whether a model's encoder reads crops."""
        return not self.names_tables(model) and not self.blind_encoder(model)

    def feature_tables(self, dataset: str, model: str) -> list[str]:
        """The feature tables that a model names for a dataset."""
        return given.paths(self.config, dataset, model)

    def encoder_files(self, model: str) -> list[str]:
        """The files that a given encoder is read from."""
        return list(files("encoder", self.encoder(model)).values())

    def channels(self, model: str) -> list[str]:
        """The ordered channel names of a model."""
        return self.config["datasets"][self.config["models"][model]["train_on"][0]]["channels"]

    def seed(self, model: str) -> int:
        """The seed of a model's training or random weights: its own, else that of the config."""
        own = self.config["models"][model].get("seed")
        return self.config["seed"] if own is None else own

    def training(self, model: str) -> dict:
        """All that says how a model is trained."""
        sections = self.result_settings["models"][model]
        how = {name: sections[name] for name in ("views", "fit", "probe", "agreement")}
        return how | {"encoder": sections["encoder"]["vit"], "method": sections["train"]}

    def weights_code(self, model: str) -> str:
        """A hash of the code that the weights of a model depend on, and so a checkpoint of its training."""
        picked = {"encoder": self.encoder(model), "train": self.config["models"][model]["train"]}
        modules = [chosen(section, choice).module for section, choice in picked.items()]
        return weights_fingerprint("train.train", *modules)

    def processes(self, model: str) -> int:
        """How many processes train a model together, on all machines."""
        return self.config["models"][model]["processes"] * self.config["models"][model]["nodes"]

    def resources(self, model: str) -> dict:
        """Threads, memory (MB) and time (minutes) that the training of a model asks for."""
        settings_of = self.config["models"][model]
        side = self.config["datasets"][settings_of["train_on"][0]]["crops"]["size"]
        side = side if isinstance(side, int) else 0
        return resources.of_training(settings_of, len(self.channels(model)), side, self.config["device"])

    def embedding_threads(self, model: str) -> int:
        """Threads that embedding asks for: one for measures by hand and narrow networks, which gain little by two."""
        choice, ((_, options),) = chosen("encoder", self.encoder(model)), self.encoder(model).items()
        if choice.files:
            return 2
        if not choice.patches:
            return 1
        return 1 if size_in(options)["dim"] < resources.NARROW else 2

    def labels(self, model: str) -> list[str]:
        """The columns of the wells tables that training a model asks for."""
        how = self.training(model)
        ((_, options),) = how["method"].items()
        asked = [options[key] for key in chosen("train", how["method"]).columns] + [how["probe"]]
        asked += [(options.get("labels") or {}).get("split", "")]
        return sorted(set(filter(None, asked)))

    def divided_by(self, model: str) -> list[str]:
        """The column of the wells tables that may not be divided by what a model is taught, if there is one."""
        ((_, options),) = self.training(model)["method"].items()
        how = options.get("labels") or {}
        used = how.get("split") or "folds" in options
        return [how["held_out"]] if used and how.get("held_out") else []

    def balance(self, model: str) -> list[str]:
        """The columns of the wells tables whose groups of cells weigh the same in training a model."""
        return self.training(model)["fit"]["balance"]

    def asked(self, model: str) -> list[str]:
        """All columns of the wells tables that training a model reads."""
        return sorted({*self.labels(model), *self.balance(model), *self.divided_by(model)})
