"""Sizes of vision transformers by name, where planning can read them without torch."""

SIZES = {  # dim, depth, heads
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "giant": (1536, 40, 24),  # published with ffn "swiglu"
}


def size_of(arch: str, **given) -> dict:
    """Dimension, depth and heads of a named size; those given replace its own."""
    size = dict(zip(("dim", "depth", "heads"), SIZES[arch], strict=True))
    return size | {name: value for name, value in given.items() if value is not None}
