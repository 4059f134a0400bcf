"""Numbers with their nouns."""

from wellread.runtime.counted import between, counted, every


def test_a_noun_follows_its_number():
    assert [counted(n, "well") for n in (0, 1, 2, 1200)] == ["0 wells", "1 well", "2 wells", "1,200 wells"]
    assert [counted(2, noun) for noun in ("class", "batch", "epoch")] == ["2 classes", "2 batches", "2 epochs"]
    assert counted(2, "class of some", "classes of some") == "2 classes of some"


def test_a_range_of_one_number_is_that_number():
    assert [between(1, most, "field") for most in (1, 2)] == ["1 field", "1 to 2 fields"]


def test_of_one_there_is_the_only_one():
    assert [every(n, "well") for n in (1, 2)] == ["the only well", "all 2 wells"]
