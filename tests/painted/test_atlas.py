"""The painted protein atlas: its layout, proteins where the table says, and nothing that brightness alone tells."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import tifffile
from paths import ROOT
from scipy.ndimage import binary_dilation, binary_erosion
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from wellread.inputs import user_tables
from wellread.painted import atlas, atlas_cells, atlas_layout
from wellread.painted.paint import expose, microscope

LAYOUT = atlas_layout.layout()
SMALL = {"wells": 12, "fields": 1, "size": 160}
VIEW, HALF = 64, 32


def test_the_table_in_resources_is_the_layout():
    shipped = user_tables.read(ROOT / "resources" / "painted_atlas" / "wells.csv", "wells")
    assert shipped.to_dict("list") == user_tables.check(LAYOUT, "wells", "layout").to_dict("list")


def test_two_lines_for_an_antibody_many_places_and_common_ones():
    assert LAYOUT.groupby("antibody")["cell_line"].agg(["size", "nunique"]).eq(2).all(axis=None)
    assert LAYOUT.groupby("treatment")["antibody"].nunique().max() == 2
    assert LAYOUT.groupby("treatment")["location"].nunique().max() == 1
    counts = LAYOUT["location"].str.split("|").explode().value_counts()
    assert set(counts.index) == set(atlas_layout.LOCATIONS)
    assert counts.max() > 5 * counts.min()
    assert 0.2 < LAYOUT["location"].str.contains("|", regex=False).mean() < 0.6
    lines = LAYOUT["cell_line"].value_counts()
    assert len(lines) == 5
    assert lines.max() > 1.5 * lines.min()


def test_no_gene_is_divided_and_every_location_is_learnt_and_tested():
    assert LAYOUT.groupby("treatment")["set"].nunique().max() == 1
    sets = LAYOUT.assign(location=LAYOUT["location"].str.split("|")).explode("location").groupby("location")["set"]
    assert all({"train", "test"} <= set(own) for _, own in sets)


def test_a_further_plate_changes_no_other():
    three = atlas_layout.layout(plates=3, wells=40)
    pd.testing.assert_frame_equal(three[three["plate"] != "P3"], atlas_layout.layout(plates=2, wells=40))


def test_a_large_plate_has_more_genes_of_every_location():
    large = atlas_layout.layout(plates=2, wells=240)
    assert large.groupby("plate")["well"].nunique().eq(240).all()
    assert large["well"].str.fullmatch("[B-O](0[2-9]|1[0-9]|2[0-3])").all()
    assert large.groupby("treatment")["plate"].nunique().max() == 1  # no two genes have one name
    small = atlas_layout.layout(plates=2)
    assert large["treatment"].nunique() > 3 * small["treatment"].nunique()
    assert genes_by_location(large).gt(genes_by_location(small)).all()


def genes_by_location(layout):
    own = layout.drop_duplicates("treatment")["location"].str.split("|").explode().value_counts()
    return own.reindex(list(atlas_layout.LOCATIONS), fill_value=0)


@pytest.mark.dag
def test_the_same_seed_gives_the_same_bytes_and_the_truth_is_of_the_table(tmp_path):
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        atlas.painted_atlas("P2", tmp_path / name, **SMALL, seed=seed)
    files = sorted(path.name for path in (tmp_path / "first" / "P2").iterdir())
    rows = atlas_layout.images(tmp_path / "first", plates=2, **SMALL, seed=3).query("plate == 'P2'")
    assert {path.rsplit("/", 1)[1] for path in rows[list(atlas_layout.CHANNELS)].to_numpy().ravel()} <= set(files)
    read = {name: [(tmp_path / name / "P2" / file).read_bytes() for file in files] for name in ("first", "again")}
    assert read["first"] == read["again"]
    assert (tmp_path / "other" / "P2" / files[0]).read_bytes() != read["first"][0]
    wells = atlas_layout.layout(plates=2, wells=12, seed=3).query("plate == 'P2'").set_index("well")
    truth = pd.read_csv(tmp_path / "first" / "P2" / "truth.csv", dtype={"well": str})
    for well, own in truth.groupby("well"):
        told = set(wells.loc[well, "location"].split("|"))
        assert {name for name in atlas_layout.LOCATIONS if own[name].any()} <= told
    masks = tifffile.imread(tmp_path / "first" / "P2" / "truth.tif")
    assert masks.shape == (12, 2, 160, 160)
    assert all((cells[nuclei > 0] == nuclei[nuclei > 0]).all() for nuclei, cells in masks)


def drawn(line, places, variation="uniform", seed=0, count=10.0, size=224):
    return atlas_cells.draw(np.random.default_rng([seed, 5]), line, count, size, places, variation)


def test_variation_is_of_the_kind_that_is_asked():
    shares = {kind: drawn("epithelial", ["cytosol", "nucleoli"], kind)[2] for kind in atlas_layout.VARIATIONS}
    assert (shares["uniform"] == 0.5).all()
    assert set(np.unique(shares["spatial"])) == {0, 1}
    assert (shares["spatial"].sum(axis=1) == 1).all()
    assert shares["intensity"][:, 0].std() > 0.2
    np.testing.assert_array_equal(*shares["intensity"].T)


@cache
def other_channels(line):
    """All channels but that of the protein of a field of a line, where the protein is in the cytosol."""
    return np.delete(
        drawn(line, ["cytosol"], seed=list(atlas_layout.LINES).index(line), count=3, size=160)[0], 3, axis=0
    )


@pytest.mark.parametrize("line", atlas_layout.LINES)
@pytest.mark.parametrize("name", atlas_layout.LOCATIONS)
def test_a_protein_is_where_it_is_said_to_be(line, name):
    """Its light per pixel within the nucleus, at its envelope, in the cytoplasm and at the rim of the cell."""
    light, (nuclei, cells), _ = drawn(line, [name], seed=list(atlas_layout.LINES).index(line), count=3, size=160)
    inner = binary_erosion(nuclei > 0, iterations=3)
    envelope = binary_dilation(nuclei > 0, iterations=1) & ~binary_erosion(nuclei > 0, iterations=2)
    inside = binary_erosion(cells > 0, iterations=3)
    parts = {"inner": inner, "envelope": envelope, "cytoplasm": inside & ~binary_dilation(nuclei > 0, iterations=3)}
    parts["rim"] = (cells > 0) & ~inside & ~envelope
    means = {part: light[3][mask].mean() for part, mask in parts.items()}
    brightest = {"nucleoplasm": "inner", "nucleoli": "inner", "nuclear speckles": "inner"}
    brightest |= {"nuclear membrane": "envelope", "plasma membrane": "rim"}
    if name in brightest:
        assert max(means, key=means.get) == brightest[name]
    elif name != "centrosome":
        assert max(means["envelope"], means["cytoplasm"]) > 1.3 * means["inner"]
    np.testing.assert_array_equal(np.delete(light, 3, axis=0), other_channels(line))


@pytest.fixture(scope="module")
def views():
    """Views (n, 4, VIEW, VIEW) about nuclei of fields of all lines and locations, and their line, place and field."""
    found = []
    for number, (line, place) in enumerate(
        (a, b) for a in atlas_layout.LINES for b in 2 * list(atlas_layout.LOCATIONS)
    ):
        rng = np.random.default_rng([number, 11])
        light, (nuclei, _), _ = atlas_cells.draw(rng, line, 0.4 * atlas_cells.DENSITY[line][0], 224, [place])
        exposure = rng.lognormal(0, atlas.GAIN, (4, 1, 1)) * np.exp([[[0]]] * 3 + [[[atlas.EXPRESSION * rng.normal()]]])
        field = expose(rng, light * exposure, microscope(1 + number % 4, 224, 1.0, 0, 4))
        around = np.pad(field, ((0, 0), (HALF, HALF), (HALF, HALF)), "edge")
        for label in rng.permutation(np.unique(nuclei)[1:])[:5]:
            y, x = np.argwhere(nuclei == label).mean(axis=0).astype(int)
            found.append((around[:, y : y + VIEW, x : x + VIEW].astype(float), line, place, number))
    return tuple(map(np.array, zip(*found, strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("label", [1, 2], ids=["cell line", "location"])
def test_brightness_and_pixels_alone_tell_little(views, label):
    """Macro F1 of 5 nearest neighbours from other fields: at most .40 of mean intensities, .60 of pixels' PCA."""
    crops, y, fields = views[0], views[label], views[3]
    own = crops.reshape(len(crops), 4, -1)
    own = (own - own.mean(axis=2, keepdims=True)) / own.std(axis=2, keepdims=True)
    pixels = PCA(50, random_state=0).fit_transform(own.reshape(len(own), -1))
    for X, most in ((crops.mean(axis=(2, 3)), 0.4), (np.log(crops.mean(axis=(2, 3))), 0.4), (pixels, 0.6)):
        found = cross_val_predict(
            KNeighborsClassifier(5), StandardScaler().fit_transform(X) if most < 0.5 else X, y, groups=fields,
            cv=GroupKFold(5),
        )  # fmt: skip
        assert f1_score(y, found, average="macro") <= most
