"""Somebody's exported network as an encoder: a file that holds its architecture and its weights."""

from functools import partial

import torch
from torch.nn import functional as F

from wellread.encoder.readouts import channel_indices
from wellread.encoder.views import centre_crop, self_normalise
from wellread.networks import state_dicts
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice("encoder", files=("path",), views=("image",))
def exported(dataset_channels, readout, /, *, path, sha256, channels, image, fit="centre", normalise="self"):
    """Any network as a TorchScript file (.pt) or torch.export program (.pt2): float32 (B, C, image, image) to (B, D).

    Of several outputs the first is the embedding. `path`, `sha256`, `channels`: as for cell_dino. `image`: side in
    pixels of its input. `fit`: the centre of a crop, or resize, all of it (bilinear, antialiased). `normalise`: self
    (mean 0, sd 1 in every channel), unit (0 to 1), none (0 to 255).
    """
    readout.check_plain("an exported network has one output")
    indices = channel_indices(dataset_channels, channels, "exported")
    preprocess = partial(exported_input, channels=indices, image=image, fit=fit, normalise=normalise)
    shape = (2, len(dataset_channels), image, image)
    return Exported(state_dicts.verify_file(path, sha256), preprocess, readout.device, shape)


class Exported:
    """A network of unknown architecture. One exported for a fixed batch size gets batches of that size.

    `shape`: of crops that it is tried on, for the `width` of its embeddings.
    """

    def __init__(self, path, preprocess, device, shape):
        self.path, self.preprocess = path, preprocess
        self.network, self.batch_size = load_exported(path, device)
        with torch.inference_mode():
            self.width = self(torch.zeros(shape, dtype=torch.uint8, device=device)).shape[1]

    def __call__(self, crops):  # (B, C, S, S) uint8
        images = self.preprocess(crops)
        return torch.cat([self.embed(batch) for batch in images.split(self.batch_size or len(images))]).float()

    def embed(self, images):  # (b, C, image, image) -> (b, D)
        padding = self.batch_size and self.batch_size - len(images)
        try:
            out = self.network(F.pad(images, (0, 0, 0, 0, 0, 0, 0, padding)))
        except Exception as error:  # a network of unknown code may raise anything
            raise self.error(state_dicts.error_line(error, line=-1), images) from None
        out = out[0] if isinstance(out, tuple | list) and out else out
        if not isinstance(out, torch.Tensor) or out.dim() != 2 or len(out) != len(images) + padding:
            raise self.error(f"{tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__}", images)
        return out[: len(images)]

    def error(self, found, images):
        expected = f"a network that takes float32 {tuple(images.shape)} to ({len(images)}, D)"
        return InputError(expected, found, str(self.path), "how it was exported, or `channels` and `image`")


def load_exported(path, device):
    """An exported network on a device, and the batch size that it was exported for (0: any)."""
    try:
        if path.suffix != ".pt2":
            return torch.jit.load(path, map_location=device).eval(), 0
        from torch.export.passes import move_to_device_pass  # takes a second, which few need

        program = move_to_device_pass(torch.export.load(path), str(device))
        (name,) = program.graph_signature.user_inputs
        (shape,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == name)
        return program.module(), shape[0] if isinstance(shape[0], int) else 0
    except Exception as error:  # readers of damaged files raise anything
        expected = "a TorchScript file (.pt) or a torch.export program (.pt2) of one input"
        raise InputError(expected, state_dicts.error_line(error), str(path), "`path` of exported") from None


def exported_input(crops, channels, image, fit, normalise):  # (B, C, S, S) uint8 -> (B, len(channels), image, image)
    crops = crops[:, channels].float()
    if fit == "centre":
        crops = centre_crop(crops, image)
    else:
        crops = F.interpolate(crops, (image, image), mode="bilinear", antialias=True)
    return self_normalise(crops / 255) if normalise == "self" else crops / {"unit": 255, "none": 1}[normalise]
