"""What jobs ask for follows the size of their work, and doubles with every attempt."""

from types import SimpleNamespace

import pytest
from wellread.plan import resources


@pytest.mark.parametrize(("attempt", "factor"), [(1, 1), (2, 2), (3, 4)])
def test_resources_follow_the_input_and_double_with_every_attempt(attempt, factor):
    large = SimpleNamespace(size_mb=250.0)
    assert resources.growing(1000, 6)(None, large, attempt) == (1000 + 6 * 250) * factor
    assert resources.growing(1000)(None, None, attempt) == 1000 * factor  # the size is not asked for


def test_time_follows_the_number_of_fields():
    assert resources.minutes_of_fields(0) == resources.MINUTES
    assert resources.minutes_of_fields(3456) - resources.minutes_of_fields(0) == 3456 * resources.PER_FIELD
