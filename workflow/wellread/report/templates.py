"""The templates of pages, with the filters and the style that all share."""

from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from wellread.report.interactive import as_json
from wellread.report.words import are, number, plain
from wellread.runtime.counted import counted

FOLDER = Path(__file__).parent
PARTS = "chapters"  # folder of the templates of chapters, and of what pages share
STYLES = ("page.css", "explore.css")


@cache
def environment() -> Environment:
    """The templates; names that a template uses and nobody gave are errors."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "plain": plain, "counted": counted, "are": are}
    environment.filters |= {"yaml": _yaml, "json": as_json}
    environment.globals |= {"style": "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in STYLES)}
    return environment


def _yaml(value) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
