"""Slips of YAML that are lost once a config is loaded, or that stop it from being loaded: each with its line.

Snakemake loads a config before anything of ours runs, so what is no YAML at all is explained by `make check` alone.
"""

import sys
from pathlib import Path

import yaml

from wellread.runtime.errors import InputError


def slips(path) -> list[InputError]:
    """The errors of a config file: what is no YAML, keys that stand twice, numbers that begin with 0."""
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    try:
        return list(_in_node(yaml.compose(text, yaml.SafeLoader), path))
    except yaml.MarkedYAMLError as error:
        return [_unreadable(error, text.splitlines(), path)]


def _unreadable(error: yaml.MarkedYAMLError, lines: list[str], path) -> InputError:
    mark = error.problem_mark or error.context_mark
    line = lines[mark.line] if mark.line < len(lines) else ""
    where = f"{path}, line {mark.line + 1}, column {mark.column + 1}"
    edit = "this line or the one before it: a missing bracket, quote, colon, or another indentation?"
    if "\t" in line[: mark.column + 1]:
        edit = "write blanks in the place of the tab"
    elif "escape" in str(error.problem):
        edit = "write single quotes around a text with backslashes, such as a regex"
    return InputError("YAML", f"{error.problem}: {line.strip()}", where, edit)


def _in_node(node, path):
    """The slips of a node and of all below it."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _in_node(item, path)
    elif isinstance(node, yaml.MappingNode):
        known = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in known:
                edit = f"keep one of them (the other is in line {known[key.value]})"
                yield InputError("every key once", f"{key.value} again", f"{path}, line {line}", edit)
            known.setdefault(key.value, line)
            yield from (*_in_node(key, path), *_in_node(value, path))
    elif isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and node.value[0] == "0" != node.value:
        found = f"{node.value}, which YAML reads as {yaml.safe_load(node.value)}"
        where, edit = f"{path}, line {node.start_mark.line + 1}", f'write quotes around it: "{node.value}"'
        yield InputError("a number without a 0 before it, or text", found, where, edit)


def main(path: str) -> None:
    """Exit with the slips of the config file `path`, if it has any."""
    if not Path(path).is_file():
        sys.exit(f"no config file at {path}: write `make check CONFIG=config/mine.yaml`")
    if errors := slips(path):
        sys.exit(f"{path} needs a change:\n{InputError.together(errors)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
