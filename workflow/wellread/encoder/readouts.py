"""What turns crops into embeddings: an encoder of our own, published weights, somebody's exported network, or chance.

An encoder takes uint8 crops (B, C, S, S), the dataset's channels in its order, to float32 (B, width) on its device.
Channels are picked by name, never by position. How it is read out (`How`) comes from the `embed` section.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import weights as saved
from wellread.encoder.architecture import vit
from wellread.encoder.views import centre, centre_view, self_normalise
from wellread.networks import state_dicts
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

RGB_MEAN, RGB_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


@dataclass(frozen=True)
class How:
    """`features`: "cls", the CLS tokens of the last `blocks` blocks, oldest first, or "cls_mean", these and the mean
    patch token of the last. `view`: side in pixels of the centre that is seen; None: the encoder's own. `seed`: of
    chance.
    """

    features: str = "cls"
    blocks: int = 1
    view: int | None = None
    device: torch.device | str = "cpu"
    seed: int = 0


class Encoder(nn.Module):
    """A ViT reading out `see(crops)` for each of `groups` of channels (their positions), side by side.

    One group after the other, so that memory does not grow with the number of channels.
    """

    def __init__(self, network, how, see, groups):
        super().__init__()
        size = network.architecture
        if how.blocks > size["depth"]:
            edit = "`blocks` of embed"
            raise InputError(f"at most {size['depth']} blocks, as the encoder has", f"{how.blocks}", "embed", edit)
        self.network, self.how, self.see = network.eval().requires_grad_(False).to(how.device), how, see
        self.groups = groups
        self.width = len(groups) * size["dim"] * (how.blocks + (how.features == "cls_mean"))

    def forward(self, crops):  # (B, C, S, S) uint8
        return torch.cat([self.read(self.see(crops[:, group])) for group in self.groups], dim=1)

    def read(self, views):  # (B, c, s, s)
        layers = self.network.layers(views, self.how.blocks)
        parts = [cls for cls, _ in layers]
        if self.how.features == "cls_mean":
            parts.append(layers[-1][1].mean(1))
        return torch.cat(parts, dim=1)


def trained(weights, model, present, **how):
    """An encoder of our own, for exactly the channels it was trained on (or, of `each_channel`, for any)."""
    network = saved.load(weights, model, channels=present)
    alone = saved.facts(model).get("each_channel")
    return cells(network, How(**how), singly(present) if alone else [list(range(len(present)))])


@choice("encoder", files=("path",))
def cell_dino(present, how, /, *, path, sha256, channels, heads=None):
    """Cell-DINO weights; `channels`: the dataset's names of what their input channels are, in their order."""
    network, about = saved.published(path, sha256, heads)
    if about:
        saved.check_channels(about["channels"], list(channels), path)
    check_inputs(network, len(channels), path, "`channels` of cell_dino: a name for every channel of the weights")
    return cells(network, how, [positions(present, channels, "cell_dino")])


@choice("encoder", files=("path",))
def bag_of_channels(present, how, /, *, path, sha256, heads=None):
    """Weights for one channel, used on every channel by itself."""
    network, _ = saved.published(path, sha256, heads)
    check_inputs(network, 1, path, "the path of one-channel weights")
    return cells(network, how, singly(present))


@choice("encoder", files=("path",))
def dinov2(present, how, /, *, path, sha256, image=224, heads=None):
    """DINOv2 weights for natural images: every channel by itself as a grey photograph of `image` pixels.

    Here `view` is the side of what is enlarged to `image`; None: the whole crop.
    """
    network, _ = saved.published(path, sha256, heads)
    check_inputs(network, 3, path, "the path of weights for natural images")
    check_side(network, image, "`image` of dinov2")
    return Encoder(network, how, partial(photographs, size=image, view=how.view), singly(present))


@choice("encoder")
def random(present, how, /, *, arch="small", dim=None, depth=None, heads=None, patch=8, image=128, layer_scale=1.0):
    """A ViT that has learned nothing, which any encoder has to beat. With LayerScale 1, or CLS hardly sees images."""
    size = {"arch": arch, "dim": dim, "depth": depth, "heads": heads, "patch": patch, "image": image}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        return cells(vit(present, **size, layer_scale=layer_scale), how, [list(range(len(present)))])


@choice("encoder", files=("path",))
def exported(present, how, /, *, path, sha256, channels, image, fit="centre", normalise="self"):
    """Any network as a TorchScript file (.pt) or torch.export program (.pt2): float32 (B, C, image, image) to (B, D).

    Of several outputs the first counts. `channels`: as for cell_dino. `fit`: the centre of a crop, or resize,
    all of it (bilinear, antialiased). `normalise`: self (mean 0, sd 1 in every channel), unit (0..1), none (0..255).
    """
    if (how.features, how.blocks, how.view) != ("cls", 1, None):
        found = f"features {how.features}, blocks {how.blocks}, view {how.view}"
        raise InputError("cls, 1 and none: an exported network has one output", found, "embed", "`embed` of the model")
    see = partial(fitted, rows=positions(present, channels, "exported"), image=image, fit=fit, normalise=normalise)
    return Exported(state_dicts.verify_file(path, sha256), see, how.device, (2, len(present), image, image))


class Exported:
    """A network of unknown inside. One exported for a fixed number of images gets its batches in such portions."""

    def __init__(self, path, see, device, shape):
        self.path, self.see = path, see
        self.network, self.portion = opened(path, device)
        with torch.inference_mode():
            self.width = self(torch.zeros(shape, dtype=torch.uint8, device=device)).shape[1]

    def __call__(self, crops):  # (B, C, S, S) uint8
        views = self.see(crops)
        return torch.cat([self.answer(part) for part in views.split(self.portion or len(views))]).float()

    def answer(self, views):  # (b, C, image, image) -> (b, D)
        spare = self.portion and self.portion - len(views)
        try:
            out = self.network(F.pad(views, (0, 0, 0, 0, 0, 0, 0, spare)))
        except Exception as error:  # whatever somebody's network raises
            raise self.refusal(state_dicts.error_line(error, line=-1), views) from None
        out = out[0] if isinstance(out, tuple | list) and out else out
        if not isinstance(out, torch.Tensor) or out.dim() != 2 or len(out) != len(views) + spare:
            raise self.refusal(f"{tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__}", views)
        return out[: len(views)]

    def refusal(self, found, views):
        expected = f"a network that takes float32 {tuple(views.shape)} to ({len(views)}, D)"
        return InputError(expected, found, str(self.path), "how it was exported, or `channels` and `image`")


def opened(path, device):
    """A network on a device, and the number of images it insists on (0: any)."""
    try:
        if path.suffix != ".pt2":
            return torch.jit.load(path, map_location=device).eval(), 0
        from torch.export.passes import move_to_device_pass  # takes a second, which few need

        program = move_to_device_pass(torch.export.load(path), str(device))
        (name,) = program.graph_signature.user_inputs
        (shape,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == name)
        return program.module(), shape[0] if isinstance(shape[0], int) else 0
    except Exception as error:  # as above
        expected = "a TorchScript file (.pt) or a torch.export program (.pt2) of one input"
        raise InputError(expected, state_dicts.error_line(error), str(path), "`path` of exported") from None


def cells(network, how, groups):
    """An encoder that sees self-normalised centres of crops, as it was trained on."""
    side = how.view or network.architecture["image"]
    check_side(network, side, "`view` of embed")
    return Encoder(network, how, partial(centre_view, size=side), groups)


def singly(present):
    return [[channel] for channel in range(len(present))]


def photographs(crops, size, view):  # (B, 1, S, S) uint8 -> (B, 3, size, size)
    """A channel as a grey picture, resized (bicubic, antialiased) and normalised as ImageNet's are."""
    grey = centre(crops, view or crops.shape[-1]) / 255
    grey = F.interpolate(grey, (size, size), mode="bicubic", antialias=True)
    mean, sd = (grey.new_tensor(values)[:, None, None] for values in (RGB_MEAN, RGB_SD))
    return (grey - mean) / sd


def fitted(crops, rows, image, fit, normalise):  # (B, C, S, S) uint8 -> (B, len(rows), image, image)
    crops = crops[:, rows].float()
    if fit == "centre":
        crops = centre(crops, image)
    else:
        crops = F.interpolate(crops, (image, image), mode="bilinear", antialias=True)
    return self_normalise(crops / 255) if normalise == "self" else crops / {"unit": 255, "none": 1}[normalise]


def positions(present, wanted, name):
    """Where in a dataset's channels the wanted ones are."""
    if missing := [channel for channel in wanted if channel not in present]:
        edit = "the dataset's names for what the encoder's channels are, in the encoder's order"
        raise InputError(f"some of the dataset's channels, {list(present)}", f"{missing}", f"{name}: channels", edit)
    return [list(present).index(channel) for channel in wanted]


def check_side(network, size, edit):
    if size % (patch := network.architecture["patch"]):
        raise InputError(f"a whole number of patches of {patch} px", f"{size} px", "the view of the encoder", edit)


def check_inputs(network, channels, path, edit):
    if (found := network.architecture["channels"]) != channels:
        raise InputError(f"weights for {channels} channels", f"{found}", str(path), edit)
