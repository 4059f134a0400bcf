"""The `vit` section of a model: the network that is trained."""

from wellread.encoder import weights
from wellread.encoder.vit import SIZES, ViT
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice("encoder", trained=True)
def vit(
    channels, *, arch="small", dim=None, depth=None, heads=None, patch=8, image=128, registers=0, ffn="mlp",
    layer_scale=1e-5, drop_path=0.1, each_channel=False, start="", sha256="",
):  # fmt: skip
    """A ViT for crops with these channels (or, of `each_channel`, for one at a time), random or begun from weights."""
    if image % patch:
        edit = "`image` or `patch` of the encoder"
        raise InputError(f"views of whole patches of {patch} px", f"{image} px", "encoder: vit", edit)
    size = named(arch, dim=dim, depth=depth, heads=heads)
    shape = {"channels": 1 if each_channel else len(channels), "image": image, "patch": patch}
    network = ViT(**shape, **size, registers=registers, ffn=ffn, layer_scale=layer_scale, drop_path=drop_path)
    if start:
        weights.begin(network, start, sha256, channels=list(channels))
    return network


def named(arch, **given):
    """Dimension, depth and heads of a named size, but for those given."""
    size = dict(zip(("dim", "depth", "heads"), SIZES[arch], strict=True))
    return size | {name: value for name, value in given.items() if value is not None}
