"""The descriptions of the schema, which the manual prints as they are, are all written in one way."""

import re

from wellread.plan import settings


def descriptions(rule, path=""):
    for key, value in rule.items() if isinstance(rule, dict) else enumerate(rule) if isinstance(rule, list) else ():
        if key == "description" and isinstance(value, str):
            yield path, value
        yield from descriptions(value, f"{path}.{key}")


def test_descriptions_start_with_a_capital_and_end_with_a_full_stop_if_they_are_several_sentences():
    found = list(descriptions(settings.schema()))
    assert len(found) > 500
    several = re.compile(r"(?<!al)[.?] \S")
    assert not [path for path, text in found if not text[0].isupper()]
    assert not [path for path, text in found if text.endswith(".") != bool(several.search(text))]
