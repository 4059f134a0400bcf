"""From a section of the config to a function: `{"sphering": {"regularisation": 0.1}}` -> sphering, options bound."""

from functools import partial


def pick(section: dict, registry: dict):
    """Return the function that the only key of `section` names in `registry`, with its options bound."""
    ((name, options),) = section.items()
    return partial(registry[name], **options)
