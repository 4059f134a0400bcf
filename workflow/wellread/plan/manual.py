"""The reference part of config/README.md, written from the schema: python -m wellread.plan.manual (in workflow/)."""

import json
from pathlib import Path

from wellread.plan import settings

MARK = "<!-- below this line: written from workflow/schemas/config.schema.yaml by `make manual` -->\n"
SECTIONS = (
    "dataset",
    "images",
    "wells",
    "controls",
    "calibrate",
    "illumination",
    "segment",
    "crops",
    "aggregate",
    "consensus",
    "sample",
)
SECTIONS += ("model", "encoder", "train", "views", "fit", "embed", "correction", "task", "measure", "figure", "draw")
SECTIONS += ("look", "patches", "choose", "hits", "map", "alarms", "export", "table_of_results", "chart")
SECTIONS += ("taught_labels",)


def manual() -> str:
    """Markdown: a heading for every section, a line for every key."""
    lines = ["## Top level", "", *_keys(settings.schema())]
    for name in SECTIONS:
        lines += ["", f"## {name}", "", *_section(settings.schema()["$defs"][name])]
    return "\n".join(lines) + "\n"


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


if __name__ == "__main__":
    path = Path(__file__).parents[3] / "config" / "README.md"
    path.write_text(path.read_text().split(MARK)[0] + MARK + "\n" + manual())
