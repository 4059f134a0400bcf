"""The reference of the config, written from the schema: python -m wellread.plan.manual (in workflow/).

A page for every noun, config/reference/NOUN.md; in config/README.md the keys of the top level and a list of the pages.
"""

import json
from pathlib import Path

from wellread.plan import settings

MARK = "<!-- below this line: written from workflow/schemas/config.schema.yaml by `make manual` -->\n"
FOLDER = Path(__file__).parents[3] / "config"
PAGES = {  # sections of the schema by page
    "datasets": ("dataset", "images", "wells", "controls", "calibrate", "illumination", "segment", "crops"),
    "models": ("model", "encoder", "train", "views", "fit", "embed", "taught_labels"),
    "corrections": ("correction", "choose"),
    "tasks": ("task", "measure"),
    "figures": ("figure", "draw", "look", "patches"),
    "results": ("hits", "map", "alarms", "export", "table_of_results", "chart"),
}
PAGES["datasets"] += ("aggregate", "consensus", "sample")


def manual() -> str:
    """Markdown: a line for every key of the top level, and a list of the pages and what is on them."""
    words = (
        "Those of the top level stand below, all others, each with its range and default, on the page of their noun:"
    )
    lines = ["## Every key", "", words, ""]
    lines += [f"- [{page}](reference/{page}.md): {_links(page)}" for page in PAGES]
    return "\n".join([*lines, "", *_keys(settings.schema())]) + "\n"


def pages() -> dict[str, str]:
    """Markdown of every page: a heading for every section, a line for every key."""
    return {page: _page(page) for page in PAGES}


def _page(page: str) -> str:
    lines = [f"# Every key of {page}", "", MARK, "From [config/README.md](../README.md). On this page:", ""]
    lines += [f"- {_list_of(name, _anchors(page))}" for name in PAGES[page]]
    for name in PAGES[page]:
        lines += ["", f"## {name}", "", *_section(settings.schema()["$defs"][name])]
    return "\n".join(lines) + "\n"


def _list_of(section: str, anchors: dict) -> str:
    """Links to a section, and to the choices that it offers."""
    choices = [f"[{name}](#{anchors[section, name]})" for name in _choices(section)]
    return f"[{section}](#{anchors[section, '']})" + (f": {', '.join(choices)}" if choices else "")


def _anchors(page: str) -> dict[tuple[str, str], str]:
    """Of every section and choice the anchor of its heading: the second of a name has -1 after it, as on GitHub."""
    headings = [(name, choice) for name in PAGES[page] for choice in ("", *_choices(name))]
    words, found = [choice or name for name, choice in headings], {}
    for place, heading in enumerate(headings):
        before = words[:place].count(words[place])
        found[heading] = words[place] + (f"-{before}" if before else "")
    return found


def _links(page: str) -> str:
    anchors = _anchors(page)
    return ", ".join(f"[{name}](reference/{page}.md#{anchors[name, '']})" for name in PAGES[page])


def _choices(name: str) -> list[str]:
    """The choices that a section offers, if it does."""
    rule = settings.schema()["$defs"][name]
    return list(rule["properties"]) if "maxProperties" in rule else []


def _section(rule: dict) -> list[str]:
    """A section that offers a choice gets a part for every choice; any other a line for every key."""
    intro = [rule["description"], ""] if "description" in rule else []
    if "maxProperties" not in rule:
        return intro + _keys(rule)
    for name, method in rule["properties"].items():
        intro += [f"### {name}", "", method["description"], "", *_keys(method), ""]
    return intro[:-1]


def _keys(rule: dict, indent: str = "") -> list[str]:
    """A line for every key, and indented lines for those of a value that is described in place."""
    required, lines = rule.get("required", []), []
    for key, sub in rule.get("properties", {}).items():
        whole = settings.resolve(sub) | sub
        lines.append(f"{indent}- `{key}` ({_facts(whole, key in required)}): {whole['description']}")
        lines += _keys(sub, indent + "  ") if "maxProperties" not in sub else []
    return lines


def _facts(rule: dict, required: bool) -> str:
    kind = rule.get("type", "")
    facts = [" or ".join(kind) if isinstance(kind, list) else kind]
    if "enum" in rule:
        facts = [", ".join(map(str, rule["enum"]))]
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    facts += [f"{words} {rule[bound]}" for bound, words in bounds.items() if bound in rule]
    if required:
        facts.append("required")
    elif rule.get("default") not in (None, {}) or ("default" in rule and rule["default"] is None):
        facts.append(f"default `{json.dumps(rule['default'])}`")
    if not rule.get("reruns", True):
        facts.append("a change re-runs nothing")
    return "; ".join(filter(None, facts))


def write() -> None:
    """Write the pages, and README.md below its mark."""
    readme = FOLDER / "README.md"
    readme.write_text(readme.read_text().split(MARK)[0] + MARK + "\n" + manual())
    for page, text in pages().items():
        (FOLDER / "reference" / f"{page}.md").write_text(text)


if __name__ == "__main__":
    write()
