"""Encoders, from crops to embeddings: our own, published weights, somebody's exported network, or random weights.

An encoder takes uint8 crops (B, C, S, S), with the dataset's channels in its order, to float32 (B, width) on its
device. Channels are picked by name, never by position. What of its network is the embedding (`Readout`) comes from the
`embed` section. Their options are sections of the config. Weights, channels and sides that
do not fit raise an InputError.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder.architecture import vit
from wellread.encoder.heads import load_head
from wellread.encoder.sizes import vectors
from wellread.encoder.views import centre_crop, centre_view
from wellread.encoder.weights import check_channels, load_encoder, load_published, read_model_json
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

RGB_MEAN, RGB_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


@dataclass(frozen=True)
class Readout:
    """What of a network is the embedding.

    `features`: "cls", the CLS tokens of the last `blocks` blocks in their order, "cls_mean", these and the mean patch
    token of the last block, "cls_pooled", of each of these blocks the CLS token and the mean, standard deviation and
    maximum of its patch tokens, which keep what is in few places of a cell, or "head", the scores of the classes that
    the encoder was taught. `view`: side in pixels of the centre of a crop that is the input; None: the encoder's own.
    `seed`: of an encoder with random weights. `threads`: processes of one that is no network.
    """

    features: str = "cls"
    blocks: int = 1
    view: int | None = None
    device: torch.device | str = "cpu"
    seed: int = 0
    threads: int = 1

    def check_plain(self, why):
        """Raise an InputError with the reason, unless this is the default for an encoder that offers no choice."""
        if (self.features, self.blocks, self.view) != ("cls", 1, None):
            found = f"features {self.features}, blocks {self.blocks}, view {self.view}"
            raise InputError(f"cls, 1 and none: {why}", found, "embed", "`embed` of the model")


class Encoder(nn.Module):
    """A ViT applied to `preprocess(crops)` of each of `channel_groups` (lists of indices); embeddings side by side.

    One group after the other, so that memory does not grow with the number of channels. `width`: of the embedding.
    """

    def __init__(self, network, readout, preprocess, channel_groups):
        super().__init__()
        size = network.architecture
        if readout.blocks > size["depth"]:
            edit = "`blocks` of embed"
            raise InputError(f"at most {size['depth']} blocks, as the encoder has", f"{readout.blocks}", "embed", edit)
        self.network = network.eval().requires_grad_(False).to(readout.device)
        self.readout, self.preprocess, self.channel_groups = readout, preprocess, channel_groups
        self.width = len(channel_groups) * size["dim"] * vectors(readout.features, readout.blocks)

    def forward(self, crops):  # (B, C, S, S) uint8
        return torch.cat([self.embed(self.preprocess(crops[:, group])) for group in self.channel_groups], dim=1)

    def embed(self, images):  # (B, c, s, s) -> (B, width / groups)
        layers = self.network.intermediate_layers(images, self.readout.blocks)
        if self.readout.features == "cls_pooled":
            return torch.cat([part for cls, patches in layers for part in (cls, *pooled(patches))], dim=1)
        features = [cls for cls, _ in layers]
        if self.readout.features == "cls_mean":
            features.append(layers[-1][1].mean(1))
        return torch.cat(features, dim=1)


def pooled(patches):  # (B, P, D) -> 3 of (B, D)
    """Mean, standard deviation and maximum over the patches of an image."""
    return patches.mean(1), patches.std(1, correction=0), patches.amax(1)


class Headed(Encoder):
    """An encoder whose embedding is the scores of its `head`, one of `encoder.heads`."""

    def __init__(self, network, head, readout, preprocess, channel_groups):
        super().__init__(network, readout, preprocess, channel_groups)
        self.head = head.to(readout.device)
        self.width = next(iter(head.described.values()))["classes"]

    def embed(self, images):
        return self.head.scores(self.network.intermediate_layers(images, self.head.blocks))


def trained(weights, model, dataset_channels, **readout):
    """An encoder of our own, for exactly the channels it was trained on, or, if on `each_channel`, for any.

    `weights`, `model`: its files; `readout`: fields of `Readout`.
    """
    network = load_encoder(weights, model, channels=dataset_channels)
    each_channel = read_model_json(model).get("each_channel")
    groups = single_channels(dataset_channels) if each_channel else [list(range(len(dataset_channels)))]
    head = load_head(weights, model) if readout.get("features") == "head" else None
    return cell_encoder(network, Readout(**readout), groups, head)


@choice("encoder", files=("path",), patches=True)
def cell_dino(dataset_channels, readout, /, *, path, sha256, channels, heads=None):
    """Cell-DINO weights (Moutakanni et al. 2025) for several channels.

    `path`, `sha256`: the file. `channels`: what the input channels are, in the weights' order, by the dataset's names.
    `heads`: number of attention heads, if these are not 64 dimensions wide.
    """
    network, metadata = load_published(path, sha256, heads)
    if metadata:
        check_channels(metadata["channels"], list(channels), path)
    check_inputs(network, len(channels), path, "`channels` of cell_dino: a name for every channel of the weights")
    return cell_encoder(network, readout, [channel_indices(dataset_channels, channels, "cell_dino")])


@choice("encoder", files=("path",), patches=True)
def bag_of_channels(dataset_channels, readout, /, *, path, sha256, heads=None):
    """Weights for one channel, used on every channel by itself. Options as for cell_dino."""
    network, _ = load_published(path, sha256, heads)
    check_inputs(network, 1, path, "the path of one-channel weights")
    return cell_encoder(network, readout, single_channels(dataset_channels))


@choice("encoder", files=("path",), patches=True)
def dinov2(dataset_channels, readout, /, *, path, sha256, image=224, heads=None):
    """DINOv2 weights for natural images: every channel by itself as a grey photograph of `image` pixels.

    Here `view` is the side of the centre that is resized to `image`; None: the whole crop. Other options as for
    cell_dino.
    """
    network, _ = load_published(path, sha256, heads)
    check_inputs(network, 3, path, "the path of weights for natural images")
    check_side(network, image, "`image` of dinov2")
    preprocess = partial(as_photographs, size=image, view=readout.view)
    return Encoder(network, readout, preprocess, single_channels(dataset_channels))


@choice("encoder", views=("image",), baseline=True, patches=True)
def random(
    dataset_channels, readout, /, *, arch="small", dim=None, depth=None, heads=None, patch=8, image=128, layer_scale=1.0
):
    """A ViT with random weights, the baseline for every encoder. Options as in `architecture.vit`.

    `layer_scale` is 1, or CLS would hardly depend on the image.
    """
    size = {"arch": arch, "dim": dim, "depth": depth, "heads": heads, "patch": patch, "image": image}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(readout.seed)
        network = vit(dataset_channels, **size, layer_scale=layer_scale)
        return cell_encoder(network, readout, [list(range(len(dataset_channels)))])


def cell_encoder(network, readout, channel_groups, head=None):
    """An Encoder whose inputs are self-normalised centres of crops, as in its training; with a `head` its scores."""
    side = readout.view or network.architecture["image"]
    check_side(network, side, "`view` of embed")
    preprocess = partial(centre_view, size=side)
    if head is not None:
        return Headed(network, head, readout, preprocess, channel_groups)
    return Encoder(network, readout, preprocess, channel_groups)


def single_channels(dataset_channels):
    """A group of its own for every channel."""
    return [[channel] for channel in range(len(dataset_channels))]


def as_photographs(crops, size, view):  # (B, 1, S, S) uint8 -> (B, 3, size, size)
    """A channel as a grey RGB picture, resized (bicubic, antialiased) and normalised as ImageNet's are."""
    grey = centre_crop(crops, view or crops.shape[-1]) / 255
    grey = F.interpolate(grey, (size, size), mode="bicubic", antialias=True)
    mean, sd = (grey.new_tensor(values)[:, None, None] for values in (RGB_MEAN, RGB_SD))
    return (grey - mean) / sd


def channel_indices(dataset_channels, wanted, encoder):
    """Indices of the wanted channels among the dataset's; `encoder`: its name, for the error."""
    if missing := [channel for channel in wanted if channel not in dataset_channels]:
        expected = f"some of the dataset's channels, {list(dataset_channels)}"
        edit = "the dataset's names for what the encoder's channels are, in the encoder's order"
        raise InputError(expected, f"{missing}", f"{encoder}: channels", edit)
    return [list(dataset_channels).index(channel) for channel in wanted]


def check_side(network, size, edit):
    """Raise an InputError unless inputs of `size` pixels are made of whole patches."""
    if size % (patch := network.architecture["patch"]):
        raise InputError(f"a whole number of patches of {patch} px", f"{size} px", "the view of the encoder", edit)


def check_inputs(network, channels, path, edit):
    """Raise an InputError unless the network takes this number of channels."""
    if (found := network.architecture["channels"]) != channels:
        raise InputError(f"weights for {channels} channels", f"{found}", str(path), edit)
