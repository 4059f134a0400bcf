"""Encoders on disk: weights.safetensors and model.json, which says what they are and what they were trained on."""

import hashlib
import json
import re
from pathlib import Path

from safetensors.torch import load_file, save_file

from wellread.errors import InputError
from wellread.files import whole
from wellread.vit import ViT


def save(encoder: ViT, weights, model, *, channels, **about):
    """Write an encoder, its ordered channel names and anything else worth knowing of it (`about`)."""
    state = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    with whole(weights) as part:
        save_file(state, part)
    facts = {"channels": list(channels), "image": encoder.architecture["image"], "encoder": encoder.architecture}
    with whole(model) as part:
        text = json.dumps(facts | {"sha256": sha256(weights)} | about, indent=2)
        part.write_text(text + "\n")


def load(weights, model, *, channels) -> ViT:
    """The encoder, in evaluation mode; refuses other channels, other bytes, and missing or unexpected weights."""
    facts = json.loads(Path(model).read_text())
    check_channels(facts["channels"], list(channels), model)
    check_bytes(weights, facts["sha256"], model)
    encoder = ViT(**facts["encoder"])
    fill(encoder, load_file(weights), weights)
    return encoder.eval()


def fill(encoder: ViT, state: dict, where):
    """Load weights by name, all or none: a tolerant load would leave blocks at their random start in silence."""
    try:
        encoder.load_state_dict({flat_name(name): value for name, value in state.items()})
    except RuntimeError as error:
        raise InputError(
            f"the weights of a ViT {encoder.architecture}", str(error), str(where), "the path of the weights"
        ) from None


def flat_name(name: str) -> str:
    """Published weights group blocks in chunks: `blocks.1.7.` is block 7."""
    return re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name)


def check_channels(known, found, model):
    if found != known:
        edit = "`channels` of the dataset, names and order, or another model; channels are never guessed by position"
        raise InputError(f"the channels of the encoder, {known}", f"{found}", str(model), edit)


def check_bytes(weights, expected, model):
    if (found := sha256(weights)) != expected:
        edit = "put the matching file back, or delete both files and train again"
        raise InputError(f"SHA-256 {expected}, as {model} says", found, str(weights), edit)


def sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
