"""The layout of a painted protein atlas: which antibody is in which well, on which cell line, and where its protein is.

It follows the Human Protein Atlas (Thul et al. 2017): an antibody stains the protein of one gene on some cell lines, a
protein is in one or several places of a cell, and both places and cell lines are unevenly common. Every plate has
genes of its own, so that gene and plate are confounded, as they are there.
"""

import numpy as np
import pandas as pd

from wellread.painted.layout import file_name, site_names

CHANNELS = ("nucleus", "microtubules", "ER", "protein")
LINES = {"osteosarcoma": 0.3, "epithelial": 0.22, "fibroblast": 0.2, "neuroblastoma": 0.16, "lymphoid": 0.12}  # shares
LOCATIONS = {  # antibodies on a plate with this as their first location
    "nucleoplasm": 6,
    "cytosol": 5,
    "mitochondria": 3,
    "nucleoli": 3,
    "vesicles": 3,
    "endoplasmic reticulum": 2,
    "golgi apparatus": 2,
    "plasma membrane": 2,
    "nuclear membrane": 1,
    "nuclear speckles": 1,
    "microtubules": 1,
    "centrosome": 1,
}
VARIATIONS = {"uniform": 0.7, "intensity": 0.15, "spatial": 0.15}  # from cell to cell, of which share of proteins
SETS = ("train", "test", "train", "validation", "train")  # of the genes of a location, in turn
SECOND, SECOND_ANTIBODY = 0.4, 0.35  # shares of proteins with a second location, of genes with another antibody
LINES_OF_ANTIBODY = 2
WELLS = {  # inner wells of plates of 96 and of 384 wells, by their number
    len(rows) * len(columns): [f"{row}{column:02d}" for row in rows for column in columns]
    for rows, columns in (("BCDEFG", range(2, 12)), ("BCDEFGHIJKLMNO", range(2, 24)))
}


def wells_of(wells: int) -> list[str]:
    """The wells that a plate of so many (at most 308) is painted in: of the smallest that has them, row by row."""
    return next(names for number, names in WELLS.items() if wells <= number)


def layout(*, plates: int = 4, wells: int = 60, seed: int = 0) -> pd.DataFrame:
    """The wells table, with the columns antibody, cell_line, location, variation and set; the treatment is the gene.

    A well is an antibody on a cell line, an antibody has two wells, and some genes have two antibodies. Several
    locations are joined by `|`. `variation`, from cell to cell: `uniform` (none), `intensity` of the protein, or
    `spatial`, with one of its locations in every cell. `set` (train, validation, test) divides no gene and has every
    location that two genes have in train and in test. Plates of more than 60 wells (384-well plates) have as many more
    antibodies of every location. A plate depends on those before it and on no later one.
    """
    seen: dict[str, int] = {}  # genes of every location, so far
    return pd.concat([_plate(number, wells, seed, seen) for number in range(1, plates + 1)], ignore_index=True)


def images(folder, *, plates: int = 4, wells: int = 60, fields: int = 2, size=384, cells=1.0, plate_effect=1.0, seed=0):
    """The images table: plate, well, site and one path per channel, as they are painted under `folder`.

    `plates`, `wells` per plate and `fields` per well; `seed` of the layout. Others are those of `atlas.painted_atlas`.
    """
    rows = [
        (row.plate, row.well, site, *(f"{folder}/{row.plate}/{file_name(row.well, site, c)}" for c in CHANNELS))
        for row in layout(plates=plates, wells=wells, seed=seed).itertuples()
        for site in site_names(fields)
    ]
    return pd.DataFrame(rows, columns=["plate", "well", "site", *CHANNELS])


def _plate(number: int, wells: int, seed: int, seen: dict[str, int]) -> pd.DataFrame:
    """The wells table of one plate, its genes in random order; counts them in `seen`."""
    rng = np.random.default_rng([seed, number])
    antibodies, places = wells // LINES_OF_ANTIBODY, np.repeat(list(LOCATIONS), list(LOCATIONS.values()))
    first = rng.permutation(np.tile(places, -(-antibodies // len(places))))[:antibodies]
    digits = max(len(str(antibodies - 1)), 2)  # of a gene's number, so that no two plates share a name
    rows, gene, of = [], {}, ""
    for index, location in enumerate(np.sort(first)):
        if of == location and rng.random() < SECOND_ANTIBODY and gene["antibody"].endswith("-1"):
            gene = gene | {"antibody": f"{gene['treatment']}-2"}
        else:
            gene, of = _gene(rng, f"G{number}{index:0{digits}d}", str(location), seen), location
        lines = rng.choice(list(LINES), LINES_OF_ANTIBODY, replace=False, p=list(LINES.values()))
        rows += [gene | {"cell_line": str(line)} for line in lines]
    own = rng.permutation(len(rows))
    table = pd.DataFrame({"plate": f"P{number}", "well": wells_of(wells)[: len(rows)], "batch": f"batch{number}"})
    return pd.concat([table, pd.DataFrame([rows[i] for i in own])], axis=1)


def _gene(rng, name: str, location: str, seen: dict[str, int]) -> dict[str, str]:
    """A gene whose protein is in `location` and perhaps in another, and its first antibody."""
    weights = np.array([size * (place != location) for place, size in LOCATIONS.items()], float)
    second = str(rng.choice(list(LOCATIONS), p=weights / weights.sum()))
    places = [location, second] if rng.random() < SECOND else [location]
    variation = str(rng.choice(list(VARIATIONS), p=list(VARIATIONS.values())))
    if len(places) == 1 and variation == "spatial":
        variation = "uniform"
    part = SETS[seen.get(location, 0) % len(SETS)]
    seen[location] = seen.get(location, 0) + 1
    facts = {"location": "|".join(sorted(places)), "variation": variation, "set": part}
    return {"treatment": name, "control": "", "antibody": f"{name}-1", **facts}
