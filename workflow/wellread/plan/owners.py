"""Whose a trained model is: which config trained it, on which plates and how, in results/models/NAME/owner.json.

A config that is edited trains its model again. Another config that would train a model of the same name in another way
is refused, since its weights would take the place of those of the first.
"""

import json
from pathlib import Path

from wellread.plan.grids import model_of
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

FOLDER = Path("results/models")


def record(model: str, config_file: str, how: dict, plates: list[tuple[str, str]]) -> None:
    """Write down that the config `config_file` trains a model, `how` (any JSON), on `plates` (dataset, plate)."""
    path = FOLDER / model / "owner.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"config": config_file, "how": how, "plates": [list(pair) for pair in plates]}
    with whole(path) as part:
        Path(part).write_text(json.dumps(told, indent=1, default=str))


def of(model: str) -> dict | None:
    """What is recorded of a model that has been trained; None if there is none, or nothing is known of it."""
    path = FOLDER / model / "owner.json"
    if not (FOLDER / model / "weights.safetensors").is_file() or not path.is_file():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None


def taken(model: str, config_file: str, how: dict, plates: list[tuple[str, str]]) -> InputError | None:
    """The error of a model that another config, which is still there, has trained in another way."""
    owner = of(model)
    if not owner or not config_file or owner["config"] == config_file or not Path(owner["config"]).is_file():
        return None
    now = {"how": how, "plates": [list(pair) for pair in plates]}
    changed = [key for key, value in json.loads(json.dumps(now, default=str)).items() if owner[key] != value]
    if not changed:
        return None
    what = {"how": "other settings", "plates": "other plates"}
    found = f"one with {' and '.join(what[key] for key in changed)}, trained by {owner['config']}"
    edit = f"give the model another name here, or delete {FOLDER / model} to train it by this config"
    return InputError(f"no other model called {model}", found, f"models.{model}", edit)


def grown(model: str, plates: list[tuple[str, str]]) -> str:
    """A note on plates that a finished model has not learned from yet, which train it again; "" if there are none."""
    owner = of(model)
    known = [tuple(pair) for pair in owner["plates"]] if owner else []
    new = [plate for dataset, plate in plates if (dataset, plate) not in known]
    if not known or not new:
        return ""
    listed = ", ".join(plate for _, plate in known[:6]) + (", ..." if len(known) > 6 else "")
    more = ", ".join(new[:6]) + (f" and {len(new) - 6} more" if len(new) > 6 else "")
    return (
        f"models.{(name := model_of(model))} is trained again, as its plates now include {more}. To keep it and only "
        f"embed the new ones, write models.{name}.plates: [{listed}]"
    )
