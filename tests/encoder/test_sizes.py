"""Named sizes of transformers, and numbers that replace theirs."""

from wellread.encoder.sizes import SIZES, size_of


def test_given_numbers_replace_those_of_a_size():
    assert size_of("small") == {"dim": 384, "depth": 12, "heads": 6}
    assert size_of("small", depth=2, dim=None) == {"dim": 384, "depth": 2, "heads": 6}


def test_heads_of_every_size_are_64_wide():
    assert {dim // heads for dim, _, heads in SIZES.values()} == {64}
