"""What is wrong with a config by its schema, in words: what was expected, what is there, what was perhaps meant."""

from difflib import get_close_matches

from wellread.runtime.errors import InputError


def refused(value, schema: dict) -> list[InputError]:
    """The errors of all that a JSON Schema refuses in a value, by their place in it."""
    from jsonschema import Draft202012Validator  # takes a fifth of a second, and no job checks a config

    problems = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [explain(leaf) for problem in problems for leaf in leaves(problem)]


def leaves(problem) -> list:
    """The errors that an error of jsonschema is of, such as those of the choices that an `anyOf` has."""
    return [leaf for sub in problem.context for leaf in leaves(sub)] if problem.context else [problem]


def explain(problem) -> InputError:
    """The error of a key or value that the schema refuses."""
    where = ".".join(map(str, problem.absolute_path)) or "the top level"
    known = list(problem.schema.get("properties", {}))
    if problem.validator == "additionalProperties":
        extra = [key for key in problem.instance if key not in known]
        near = [f"{key} -> {match[0]}" for key in extra if (match := get_close_matches(str(key), known, 1, 0.5))]
        hint = f"did you mean {', '.join(near)}?" if near else "remove it"
        return InputError(f"only these keys: {', '.join(known)}", f"{', '.join(map(str, extra))}", where, hint)
    if problem.validator == "required":
        missing = [key for key in problem.validator_value if key not in problem.instance]
        return InputError(f"the key {', '.join(missing)}", f"only {list(problem.instance)}", where, "add the key")
    hint = problem.schema.get("description", "change the value")
    found = f"{problem.instance!r}{_hint(problem.instance, problem.validator_value)}"
    return InputError(_wanted(problem), found, where, hint)


def _wanted(problem) -> str:
    wanted = {
        "type": lambda v: f"a value of type {v if isinstance(v, str) else ' or '.join(v)}",
        "enum": lambda v: f"one of {', '.join(map(str, v))}",
        "minimum": lambda v: f"a number of at least {v}",
        "maximum": lambda v: f"a number of at most {v}",
        "exclusiveMinimum": lambda v: f"a number above {v}",
        "maxProperties": lambda v: f"exactly one of {', '.join(problem.schema.get('properties', {}))}",
        "minProperties": lambda v: f"at least {v} key",
        "minItems": lambda v: f"at least {v} item",
        "uniqueItems": lambda v: "no item twice",
        "propertyNames": lambda v: f"names that match {v.get('pattern')}",
        "pattern": lambda v: _or_words(v) if "integer" in problem.schema.get("type", "") else f"text that matches {v}",
    }
    return wanted.get(problem.validator, lambda v: f"{problem.validator} {v}")(problem.validator_value)


def _or_words(pattern: str) -> str:
    """What a key takes that is a number or one of the words of a pattern such as ^(max|focus)$."""
    return " or ".join(["a whole number", *filter(None, pattern.strip("^$()").split("|"))])


def _hint(value, wanted) -> str:
    """What YAML may have made of something else."""
    if wanted == "string" and isinstance(value, bool):
        return " (NO, OFF, no, on, yes are true or false to YAML: write quotes around the word)"
    if wanted == "string" and value is not None and not isinstance(value, dict | list):
        return f" (no text to YAML: write quotes around it, '{value}')"
    if value is None:
        return " (an empty section is written {})"
    try:
        float(value)
    except (TypeError, ValueError):
        return ""
    return _quoted(value) if isinstance(value, str) else ""


def _quoted(value: str) -> str:
    """Why a number may have become text."""
    if "e" in value.casefold():
        return " (text to YAML: write 1.0e-3, not 1e-3)"
    return " (text to YAML, as in quotes, or within the {} of --config: write it in a file, without quotes)"
