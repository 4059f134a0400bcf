"""Sizes of vision transformers by name, where planning can read them without torch."""

SIZES = {  # dim, depth, heads
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "giant": (1536, 40, 24),  # published with ffn "swiglu"
}
VIEWED = 0.8  # share of the side of a crop that is embedded; 128 of 160 px in the paper


def size_of(arch: str, **given) -> dict:
    """Dimension, depth and heads of a named size; those given replace its own."""
    size = dict(zip(("dim", "depth", "heads"), SIZES[arch], strict=True))
    return size | {name: value for name, value in given.items() if value is not None}


def size_in(options: dict) -> dict:
    """The same of the options of an encoder, its section of the config."""
    return size_of(options["arch"], **{key: options.get(key) for key in ("dim", "depth", "heads")})


def vectors(features: str, blocks: int) -> int:
    """How many tokens, or statistics of tokens, of a network side by side are its embedding (see `Readout`)."""
    return 4 * blocks if features == "cls_pooled" else blocks + (features == "cls_mean")


def image_side(image: int | str, crop: int, patch: int) -> int:
    """The side (px) of a global view: `image`, or if that is auto, four fifths of a crop's, a multiple of the patch."""
    return max(round(VIEWED * crop / patch), 1) * patch if image == "auto" else image
