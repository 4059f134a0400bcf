"""The descriptions of the schema, which the manual prints as they are, are all written in one way."""

import re

import pytest
from wellread.plan import settings


def descriptions(rule, path=""):
    for key, value in rule.items() if isinstance(rule, dict) else enumerate(rule) if isinstance(rule, list) else ():
        if key == "description" and isinstance(value, str):
            yield path, value
        yield from descriptions(value, f"{path}.{key}")


@pytest.mark.parametrize(("path", "text"), descriptions(settings.schema()))
def test_descriptions_start_with_a_capital_and_end_with_a_full_stop_if_they_are_several_sentences(path, text):
    several = re.search(r"(?<!al)[.?] \S", text) is not None
    assert text[0].isupper(), path
    assert text.endswith(".") == several, path
