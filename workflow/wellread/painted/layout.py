"""The layout of a painted (synthetic) screen: which well has which treatment, and the paths of its images.

Two plates hold four mechanisms of three compounds each, and two inactive compounds, at two doses in two wells. A
compound is on one plate only, so plate and treatment are confounded: what a batch correction has to undo.
"""

import numpy as np
import pandas as pd

CHANNELS = ("DNA", "RNA", "ER", "AGP", "Mito")
MECHANISMS = {  # what they change: mechanism of action: the common part of its compounds' names
    "shape": {
        "nuclear lobulation": "lobulin",
        "mitochondrial fragmentation": "fissilin",
        "actin bundling": "cablin",
        "ER vacuolation": "vesiculin",
    },
    "light": {  # the first two only brightness, the others only texture
        "mitochondrial biogenesis": "mitogenin",
        "RNA depletion": "depletin",
        "chromatin condensation": "condensin",
        "ER coarsening": "coarsin",
    },
}
DOSES = (10.0, 1.0)
REPLICATES = 2
WELLS = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 10)]


def layout(*, plates: int = 2, wells: int = 48, mechanisms: str = "shape", seed: int = 0) -> pd.DataFrame:
    """The wells table: plate, well, batch, treatment, dose, control, moa; one row for each of `wells` wells per plate.

    Five wells in twelve are negative controls. Plates after the second repeat the compounds of the first two. A plate
    depends on the seed and its number, not on how many others there are. `mechanisms`: a key of `MECHANISMS`.
    """
    return pd.concat([_plate(number, wells, mechanisms, seed) for number in range(1, plates + 1)], ignore_index=True)


def images(
    folder,
    *,
    plates: int = 2,
    wells: int = 48,
    fields: int = 2,
    size: int = 320,
    cells: float = 28.0,
    effect: float = 1.0,
    plate_effect: float = 1.0,
    mechanisms: str = "shape",
    seed: int = 0,
) -> pd.DataFrame:
    """The images table: plate, well, site and one path per channel, as `paint.paint` writes them under `folder`.

    `plates`, `wells` per plate and `fields` per well; `seed` of the layout. The others are those of
    `paint.paint`: they change the images, not their paths.
    """
    rows = [
        (row.plate, row.well, site, *(f"{folder}/{row.plate}/{file_name(row.well, site, c)}" for c in CHANNELS))
        for row in layout(plates=plates, wells=wells, mechanisms=mechanisms, seed=seed).itertuples()
        for site in site_names(fields)
    ]
    return pd.DataFrame(rows, columns=["plate", "well", "site", *CHANNELS])


def site_names(fields: int) -> list[str]:
    """Names of the fields of a well, zero-padded so that they sort as they are numbered."""
    return [f"{site:0{len(str(fields))}d}" for site in range(1, fields + 1)]


def file_name(well: str, site: str, channel: str) -> str:
    """File name of one channel of one field."""
    return f"{well}_{site}_{channel}.tif"


def _plate(number: int, wells: int, mechanisms: str, seed: int) -> pd.DataFrame:
    """The wells table of one plate."""
    rng = np.random.default_rng([seed, number])
    treated = _conditions(number, mechanisms)[: wells - round(wells * 5 / 12)]
    # One control in each of equal intervals of wells, so that they are spread over the plate.
    edges = np.linspace(0, wells, wells - len(treated) + 1).astype(int)
    controls = rng.integers(edges[:-1], edges[1:])
    others = rng.permutation(np.setdiff1d(np.arange(wells), controls))
    treatment, dose, control, moa = (np.full(wells, value, object) for value in ("DMSO", 0.0, "negative", ""))
    treatment[others], dose[others], moa[others] = zip(*treated, strict=True) if treated else ((), (), ())
    control[others] = ""
    table = {"plate": f"P{number}", "well": WELLS[:wells], "batch": f"batch{number}", "treatment": treatment}
    return pd.DataFrame(table | {"dose": dose.astype(float), "control": control, "moa": moa})


def _conditions(number: int, mechanisms: str) -> list[tuple[str, float, str]]:
    """(treatment, dose, moa) of the treated wells of a plate; a plate of fewer wells has the first of them."""
    even = number % 2 == 0
    stems = list(MECHANISMS[mechanisms].items())
    compounds = [(f"{stem}-{'AB'[even]}", moa) for moa, stem in stems]
    compounds += [(f"{stem}-C", moa) for moa, stem in stems[even::2]]
    compounds += [(f"inertin-{'AB'[even]}", "")]
    return [(name, dose, moa) for _ in range(REPLICATES) for dose in DOSES for name, moa in compounds]
