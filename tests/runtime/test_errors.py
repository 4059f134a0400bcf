"""Errors keep what they say, whatever process they were raised in."""

import pickle

from wellread.runtime.errors import InputError

ONE, OTHER = InputError("a", "b", "c", "d"), InputError("e", "f", "g", "h")


def test_an_error_of_a_worker_has_the_lines_of_the_one_that_was_raised():
    found = pickle.loads(pickle.dumps(ONE))
    assert (str(found), found.lines, found.all_lines) == (str(ONE), ONE.lines, [ONE.lines])


def test_so_has_one_of_several():
    found = pickle.loads(pickle.dumps(InputError.together([ONE, OTHER])))
    assert found.all_lines == [ONE.lines, OTHER.lines]
    assert str(found) == f"{ONE}\n\n{OTHER}"
