"""The steps of corrections, which a config gives as a chain of them or as a choice among chains."""


def steps_of(config: dict, name: str) -> list[dict]:
    """The steps that profiles under a correction may have gone through: its own, or all that it is chosen from."""
    own = config["corrections"][name]
    among = own["choose"]["among"] if isinstance(own, dict) else [name]
    return [step for one in among for step in config["corrections"][one]]
