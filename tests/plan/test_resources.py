"""What jobs ask for follows the size of their work, and doubles with every attempt."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.exceptions import is_file_not_found_error
from wellread.plan import resources


@pytest.mark.parametrize(("attempt", "factor"), [(1, 1), (2, 2), (3, 4)])
def test_resources_follow_the_input_and_double_with_every_attempt(tmp_path, attempt, factor):
    large = [str(tmp_path / "a"), str(tmp_path / "b")]
    for path, megabytes in zip(large, (100, 150), strict=True):
        Path(path).touch()
        os.truncate(path, megabytes * 2**20)
    assert resources.growing(1000, 6)(None, large, attempt) == (1000 + 6 * 250) * factor
    assert resources.growing(1000)(None, None, attempt) == 1000 * factor  # the size is not asked for


def test_the_size_of_files_that_are_not_there_is_unknown_as_it_is_to_snakemake(tmp_path):
    path = str(tmp_path / "none")
    with pytest.raises(FileNotFoundError) as told:
        resources.growing(1000, 6)(None, [path], 1)
    assert is_file_not_found_error(told.value, [path])


def test_the_size_of_files_elsewhere_is_asked_of_snakemake():
    class Stored(list):
        size_mb = 250.0

    assert resources.megabytes(Stored([SimpleNamespace(is_storage=True)])) == 250


def test_time_follows_the_number_of_fields():
    assert resources.minutes_of_fields(0) == resources.MINUTES
    assert resources.minutes_of_fields(3456) - resources.minutes_of_fields(0) == 3456 * resources.PER_FIELD
