"""Slips of YAML that are lost once a config is loaded, or that stop it from being loaded: each with its line.

Snakemake loads a config before anything of ours runs, so what is no YAML at all is explained by `make check` alone.
"""

import sys
import unicodedata
from pathlib import Path

import yaml

from wellread.runtime.errors import InputError

BLANK = ("Zs", "Cf")  # blanks, and what has no width


def slips(path) -> list[InputError]:
    """The errors of a config file: what is no YAML in UTF-8, keys that stand twice, numbers that begin with 0."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        node = yaml.compose(text, yaml.SafeLoader)
        found = list(_in_node(node, path))
        return found or _not_loaded(node, text, path)
    except UnicodeDecodeError as error:
        return [_undecodable(error, path)]
    except yaml.MarkedYAMLError as error:
        return [_unreadable(error, text.splitlines(), path)]
    except yaml.reader.ReaderError as error:
        where = f"{path}, line {text[: error.position].count(chr(10)) + 1}"
        return [InputError("YAML", f"the character U+{ord(text[error.position]):04X}", where, "remove it")]


def _not_loaded(node, text: str, path) -> list[InputError]:
    """What composes and is no config all the same: a list, a tag of Python, a date that there is not."""
    if node is not None and not isinstance(node, yaml.MappingNode):
        edit = "write keys, each with a colon, as config/config.yaml has them"
        return [InputError("keys at the top level", f"a {node.id}", f"{path}, line 1", edit)]
    try:
        yaml.safe_load(text)
    except ValueError as error:
        return [InputError("YAML", f"a date that there is not ({error})", str(path), "write quotes around it")]
    return []


def _undecodable(error: UnicodeDecodeError, path) -> InputError:
    """A file of another encoding."""
    utf16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
    found = (
        "UTF-16" if utf16 else f"byte {error.object[error.start]:#04x}, as Windows writes \u00b5 or \u00e9 for example"
    )
    line = error.object[: error.start].count(b"\n") + 1
    return InputError("text in UTF-8", found, f"{path}, line {line}", "save the file as UTF-8")


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


def _in_node(node, path, above=()):
    """The slips of a node and of all below it; `above` are those that it is part of."""
    if any(node is one for one in above):
        where = f"{path}, line {node.start_mark.line + 1}"
        yield InputError("a value that ends", "one that holds itself", where, "remove the alias (*) in it")
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _in_node(item, path, (*above, node))
    elif isinstance(node, yaml.MappingNode):
        yield from _keys(node, path)
        for pair in node.value:
            for one in pair:
                yield from _in_node(one, path, (*above, node))
    elif isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and node.value[0] == "0" != node.value:
        found = f"{node.value}, which YAML reads as {yaml.safe_load(node.value)}"
        where, edit = f"{path}, line {node.start_mark.line + 1}", f'write quotes around it: "{node.value}"'
        yield InputError("a number without a 0 before it, or text", found, where, edit)


def _keys(node: yaml.MappingNode, path):
    """Keys that stand twice, and those with blanks that are no plain ones, as web pages have them."""
    known = {}
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        where = f"{path}, line {key.start_mark.line + 1}"
        if key.value in known:
            edit = f"keep one of them (the other is in line {known[key.value]})"
            yield InputError("every key once", f"{key.value} again", where, edit)
        elif any(character != " " and unicodedata.category(character) in BLANK for character in key.value):
            edit = "write plain blanks, as many as the lines beside it have"
            yield InputError("plain blanks before and in a key", f"others in {key.value!a}", where, edit)
        known.setdefault(key.value, key.start_mark.line + 1)


def main(path: str) -> None:
    """Exit with the slips of the config file `path`, if it has any."""
    if not Path(path).is_file():
        sys.exit(f"no config file at {path}: write `make check CONFIG=config/mine.yaml`")
    if errors := slips(path):
        sys.exit(f"{path} needs a change:\n{InputError.together(errors)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
