"""What a training step needs, estimated before it is made: memory and work, from settings alone and without torch.

Memory is that of tensors, within a fifth of what a trace of all tensors of a step finds: tests/train/test_footprint.py,
and 26.3 GiB for the paper's Cell Painting model at a batch of 256, 8.0 at 64. An allocator and CUDA need some more.
"""

from dataclasses import dataclass

from wellread.encoder.sizes import size_in

KEPT = {True: 42, False: 76}  # bytes per token and dimension that a block keeps for its gradient; True: in bf16
STATE = {True: 18, False: 16}  # bytes per weight that is trained: weight, gradient, two moments; a copy in bf16
HELD = 2**26  # logits at a time, as `losses.HELD`
TEMPORARY = 5 * 4  # bytes per logit of these
SPARED = 0.6  # share of the last block that is computed only for the tokens that losses of dino ask for
CELLS = 4  # copies of the pixels of a batch, most of them waiting to be used


@dataclass(frozen=True)
class Pass:
    """Images that go through a transformer together, with gradients if `trained`."""

    images: int
    tokens: int
    dim: int
    depth: float
    trained: bool = True

    @property
    def values(self) -> float:
        """Values of one activation, over all blocks."""
        return self.images * self.tokens * self.dim * self.depth

    @property
    def flop(self) -> float:
        """Multiplications and additions: two per weight and token, and attention; three times that with gradients."""
        return (3 if self.trained else 1) * self.values * (24 * self.dim + 4 * self.tokens)


@dataclass(frozen=True)
class Footprint:
    """`weights`: trained ones; `frozen`: others; `passes`; `kept`: bytes of logits; `logits`: at a time; `pixels`."""

    weights: int
    frozen: int
    passes: list[Pass]
    kept: int
    logits: int
    pixels: int

    def memory(self, bf16: bool) -> float:
        """Bytes at the peak of a step, which lies where the backward pass begins."""
        kept = self.kept + sum(KEPT[bf16] * one.values for one in self.passes if one.trained)
        return STATE[bf16] * self.weights + 4 * self.frozen + kept + TEMPORARY * self.logits + CELLS * self.pixels

    @property
    def flop(self) -> float:
        """Work of a step."""
        return sum(one.flop for one in self.passes)


def footprint(channels: int, encoder: dict, method: dict, cells: int, side=0) -> Footprint:
    """The footprint of a step of `cells` cells of one process, in one micro-batch.

    `encoder`, `method`: their sections of the config, {name: options} of the method. `side`: of crops in pixels, that
    of a view if it is not known.
    """
    ((name, options),) = method.items()
    size = size_in(encoder)
    channels = 1 if encoder.get("each_channel") else channels
    image = encoder["image"] if encoder["image"] != "auto" else side or 128
    grid = (image // encoder["patch"]) ** 2
    backbone = transformer(size["dim"], size["depth"]) + size["dim"] * (channels * encoder["patch"] ** 2 + grid)
    shape = {"patch": encoder["patch"], "more": 1 + encoder.get("registers", 0), "grid": grid, "image": image}
    head, passes, *logits = METHODS[name](options, cells, size, shape)
    frozen = {"dino": backbone + head, "attention_mlp": backbone}.get(name, 0)  # the teacher, what is not trained
    weights = head if name == "attention_mlp" else backbone + head
    return Footprint(weights, frozen, passes, *logits, pixels=cells * channels * max(side, image) ** 2)


def step_footprint(channels: int, encoder: dict, method: dict, fit: dict, processes: int, side=0) -> Footprint:
    """The footprint of a micro-batch of a process, of the options `batch` and `accumulate` of `fit`."""
    return footprint(channels, encoder, method, -(-fit["batch"] // (fit["accumulate"] * processes)), side)


def transformer(dim: int, depth: int) -> int:
    """Weights of the blocks of a transformer."""
    return depth * 12 * dim**2


def _dino(options, cells, size, shape):
    dim, prototypes, hidden = size["dim"], options["prototypes"], options["hidden"]
    head = dim * hidden + hidden**2 + options["bottleneck"] * (hidden + prototypes)
    head *= 1 + options["separate_head"]
    seen, locals_ = 2 * cells, options["local_views"] * cells
    of_local = shape["more"] + (options["local_image"] // shape["patch"]) ** 2
    images = seen, shape["more"] + shape["grid"], dim, size["depth"] - SPARED
    passes = [Pass(*images), Pass(*images, trained=False), Pass(locals_, of_local, dim, size["depth"] - SPARED)]
    masked = int(seen * options["mask_probability"] * sum(options["mask_ratio"]) / 2 * shape["grid"]) * prototypes
    patches = 12 if masked <= HELD else 4 if options["centring"] == "sinkhorn_knopp" else 0  # bytes: see `losses`
    return head, passes, 12 * (seen + locals_) * prototypes + patches * masked, min(masked, HELD)


def _simclr(options, cells, size, shape):
    head = size["dim"] * options["hidden"] + options["hidden"] * options["dimension"]
    return head, [Pass(2 * cells, shape["more"] + shape["grid"], size["dim"], size["depth"])], 0, 0


def _mae(options, cells, size, shape):
    visible = shape["more"] + round(shape["grid"] * (1 - options["mask_ratio"]))
    dim, depth = options["decoder_dim"], options["decoder_depth"]
    decoder = Pass(cells, visible - shape["more"] + round(shape["grid"] * options["mask_ratio"]), dim, depth)
    return transformer(dim, depth), [Pass(cells, visible, size["dim"], size["depth"]), decoder], 0, 0


def _supervised(_options, cells, size, shape):
    return 0, [Pass(cells, shape["more"] + shape["grid"], size["dim"], size["depth"])], 0, 0


def _attention_mlp(options, cells, size, shape):
    width = min(options["blocks"], size["depth"]) * size["dim"]
    head = options["folds"] * width * options["width"]
    passes = [Pass(cells, shape["more"] + shape["grid"], size["dim"], size["depth"], trained=False)]
    tokens = cells * (shape["more"] + shape["grid"])
    return head, passes, tokens * (8 * width + 40 * size["dim"]), 0  # by block, side by side, and within a block


METHODS = {
    "dino": _dino, "simclr": _simclr, "mae": _mae, "supervised": _supervised, "attention_mlp": _attention_mlp,
}  # fmt: skip
