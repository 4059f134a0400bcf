"""Whether the wells table of a painted dataset tells what its wells were painted as."""

import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.painted import atlas_layout, layout
from wellread.runtime.errors import InputError

LAYOUTS = {"painted": layout.layout, "painted_atlas": atlas_layout.layout}
SHOWN = 3  # wells that are named


def check(images: dict, wells: pd.DataFrame, where: str) -> None:
    """Raise InputError if wells are painted as other treatments than the wells table says.

    `images`: the section of the config, {source: options}; a source that paints nothing is passed over. Layouts of
    other options put the same names in other wells: a table of another layout has all wells, and wrong labels.
    """
    ((source, options),) = images.items()
    if source not in LAYOUTS:
        return
    how = {key: options[key] for key in LAYOUTS[source].__kwdefaults__}
    both = LAYOUTS[source](**how).merge(wells, on=["plate", "well"], suffixes=("", "_told"))
    if (wrong := both[both["treatment"] != both["treatment_told"]]).empty:
        return
    named = [f"{r.treatment} in {r.plate}/{r.well}, not {r.treatment_told}" for r in wrong.head(SHOWN).itertuples()]
    found = f"{len(wrong)} of {len(both)} wells are painted otherwise: {listed(named)}"
    call = ", ".join(f"{key}={value!r}" for key, value in how.items())
    module = LAYOUTS[source].__module__
    edit = f"the options of {source}, or the table that `from {module} import layout; layout({call})` returns"
    raise InputError(f"the wells table of what is painted, {source}: {options_of(how)}", found, f"{where}.wells", edit)


def options_of(how: dict) -> str:
    """The options of a layout as a config has them."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in how.items()) + "}"
