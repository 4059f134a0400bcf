"""Counts are grammatical, on the page and in its templates."""

import re
from pathlib import Path

from wellread.report import templates
from wellread.report.words import are

TEMPLATES = Path(templates.__file__).parent / "chapters"
NOUNS = "cell|class|compound|control|field|item|pair|plate|step|task|treatment|well"


def test_a_verb_follows_its_count():
    assert [are(n) for n in (0, 1, 2)] == ["are", "is", "are"]


def test_no_template_writes_a_plural_after_a_number_of_its_own():
    for path in TEMPLATES.glob("*.html"):
        assert not re.findall(rf"\| number \}}\}} (?:{NOUNS})(?:s|es)\b", path.read_text()), path.name
