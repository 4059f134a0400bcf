"""The `vit` section of a model: the network that is trained."""

from wellread.encoder import weights
from wellread.encoder.sizes import size_of
from wellread.encoder.vit import ViT
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice("encoder", trained=True, views=("image",), patches=True)
def vit(
    channels, *, arch="small", dim=None, depth=None, heads=None, patch=8, image=128, registers=0, ffn="mlp",
    layer_scale=1e-5, drop_path=0.1, each_channel=False, start="", sha256="",
):  # fmt: skip
    """A ViT for crops with these channels, or, with `each_channel`, for one channel at a time.

    `arch`: a size in SIZES; `dim`, `depth`, `heads` replace its numbers. `patch`, `image`, `registers`, `ffn`,
    `layer_scale`, `drop_path`: see `ViT`. `start`: file of weights to begin with, whose hash is `sha256`; "": random.
    An InputError if `image` is no multiple of `patch`, or if the weights do not fit.
    """
    if image % patch:
        edit = "`image` or `patch` of the encoder"
        raise InputError(f"views of whole patches of {patch} px", f"{image} px", "encoder: vit", edit)
    size = size_of(arch, dim=dim, depth=depth, heads=heads)
    shape = {"channels": 1 if each_channel else len(channels), "image": image, "patch": patch}
    network = ViT(**shape, **size, registers=registers, ffn=ffn, layer_scale=layer_scale, drop_path=drop_path)
    if start:
        weights.initialise(network, start, sha256, channels=list(channels))
    return network
