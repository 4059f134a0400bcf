"""Painted plates of a protein atlas: synthetic stained cells imaged by a simulated microscope, with known truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from wellread.painted import atlas_cells
from wellread.painted.atlas_layout import CHANNELS, LOCATIONS, layout, wells_of
from wellread.painted.layout import file_name, site_names
from wellread.painted.paint import expose, microscope, write_masks
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

GAIN, EXPRESSION = 0.35, 0.6  # deviations of the logarithms of the exposure of a channel, and of an antibody's light


@choice("paint")
def painted_atlas(plate: str, folder, *, wells=60, fields=2, size=384, cells=1.0, plate_effect=1.0, seed=0) -> None:
    """Write all fields of `plate` (P1, P2, ...) to `folder/plate`: uint16 counts (size, size) per channel as TIFF.

    Beside them truth.tif, the masks of nuclei and cells, FCYX int32, and truth.csv: well, site, cell (its label in the
    masks) and how much of the light of its protein is in every location. `fields` per well, `size` (px) of a field;
    `cells` times as many as usual for the cell line and a field of that size; `plate_effect` scales what the microscope
    does. The exposure of every channel of a well, and the brightness of an antibody, are random. A field depends on the
    `seed` and its own plate, well and site only.
    """
    number = int(plate.removeprefix("P"))
    rows = layout(plates=number, wells=wells, seed=seed).query("plate == @plate")
    optics = microscope(number, size, plate_effect, seed, len(CHANNELS))
    places, masks, shares = wells_of(wells), [], []
    with whole(Path(folder) / plate) as part:
        part.mkdir()
        for row in progress(list(rows.itertuples()), f"paint {plate}", unit="well"):
            seeds = [seed, number, places.index(row.well) + 1]
            for site, counts, *truth in _fields(row, seeds, fields, size, cells, optics):
                masks.append(truth[0])
                shares.append(truth[1].assign(well=row.well, site=site))
                for channel, plane in zip(CHANNELS, counts, strict=True):
                    tifffile.imwrite(part / file_name(row.well, site, channel), plane)
        write_masks(part / "truth.tif", np.stack(masks))
        pd.concat(shares)[["well", "site", "cell", *LOCATIONS]].round(4).to_csv(part / "truth.csv", index=False)


def _fields(row, seeds: list[int], fields: int, size: int, cells: float, optics: dict):
    """Yield of every field of a well its site, counts (4, size, size), masks, and table of the cells' locations.

    `seeds` of the well: that of the screen, and the numbers of its plate and place.
    """
    antibody = np.random.default_rng([seeds[0], *row.antibody.encode()])
    well = np.random.default_rng(seeds)
    exposure = well.lognormal(0, GAIN, (len(CHANNELS), 1, 1))
    exposure[-1] *= antibody.lognormal(0, EXPRESSION)
    mean_count = cells * atlas_cells.DENSITY[row.cell_line][0] * (size / 384) ** 2 * well.lognormal(0, 0.35)
    locations = row.location.split("|")
    for index, site in enumerate(site_names(fields), start=1):
        rng = np.random.default_rng([*seeds, index])
        light, masks, shares = atlas_cells.draw(rng, row.cell_line, mean_count, size, locations, row.variation)
        table = pd.DataFrame(0.0, index=range(len(shares)), columns=list(LOCATIONS))
        table[locations] = shares
        yield site, expose(rng, light * exposure, optics), masks, table.assign(cell=range(1, len(shares) + 1))
