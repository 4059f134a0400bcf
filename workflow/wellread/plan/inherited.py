"""Models that are like another one but for what they say themselves: `like: NAME`."""

from copy import deepcopy

from wellread.inputs.cleaning import listed
from wellread.runtime.errors import InputError

PICKED = ("encoder", "train")  # sections of one choice: another choice has nothing of it


def inherited(config: dict) -> dict:
    """The config, as it was written, with every model that is `like` another one written out.

    A mapping has the keys of the other model's that it does not have itself, however deep; anything else, and the
    options of another encoder or training method, replaces what the other model has. Raises InputError for models that
    do not exist or are like themselves in the end. What is no model is left for the schema to refuse.
    """
    models = config.get("models")
    if not isinstance(models, dict):
        return config
    return {**config, "models": {name: _written_out(name, models, ()) for name in models}}


def _written_out(name: str, models: dict, below: tuple[str, ...]):
    """A model with what it has of others; `below` are those that are like it."""
    own = models[name]
    if not isinstance(own, dict) or not isinstance(own.get("like"), str):
        return own
    base, where = own["like"], f"models.{name}.like"
    if base not in models:
        raise InputError(f"the name of a model: {listed(sorted(models))}", base, where, "name another")
    if base in (*below, name):
        raise InputError("a model that is not like itself", " -> ".join([*below, name, base]), where, "remove the key")
    other = _written_out(base, models, (*below, name))
    return _merged(other, {key: value for key, value in own.items() if key != "like"})


def _merged(base, own, section: str = ""):
    """`own` with what only `base` has."""
    if not isinstance(base, dict) or not isinstance(own, dict) or (section in PICKED and set(own) != set(base)):
        return own
    both = {key: _merged(base[key], value, key) if key in base else value for key, value in own.items()}
    return {**deepcopy(base), **both}
