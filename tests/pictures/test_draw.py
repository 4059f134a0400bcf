"""Figures show what is in the profiles, name things as they are, and are the same bytes every time."""

import made_profiles
import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from PIL import Image
from scipy.stats import spearmanr
from wellread.pictures import draw, labels, matrices
from wellread.profiles import tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import functions

pytestmark = pytest.mark.dag

ODD = ['<script>alert("x")</script>/"é"', "$x^2$ and $\\frac", "_private", "a/b\\c", "x" * 80, "two\nlines"]


def grouped(n=60, groups=3, spread=0.3):
    """Profiles around `groups` centres: moa g0, g1 ..., every sixth a negative control with a centre of its own."""
    rng = np.random.default_rng(5)
    group = np.arange(n) % groups
    control = np.arange(n) % 6 == 5
    X = rng.normal(size=(groups + 1, 12))[np.where(control, groups, group)] + spread * rng.normal(size=(n, 12))
    wells = pd.DataFrame(
        {
            "plate": [f"P{i % 2}" for i in range(n)],
            "well": [f"A{i:03d}" for i in range(n)],
            "treatment": np.where(control, "DMSO", [f"t{i}" for i in range(n)]),
            "control": np.where(control, "negative", ""),
            "moa": np.where(control, "", [f"g{i}" for i in group]),
        }
    )
    return made_profiles.profiles(wells, X)


def odd():
    frame = grouped(len(ODD))
    return frame.assign(Metadata_treatment=ODD, Metadata_moa=ODD, Metadata_control="")


@pytest.mark.slow  # UMAP compiles itself
def test_umap_brings_groups_together(tmp_path):
    frame = grouped()
    drawn = draw.umap(frame, 0, tmp_path / "a.png", n_neighbors=8)
    xy, label = drawn[["x", "y"]].to_numpy(), drawn["Metadata_moa"].to_numpy(object)
    distance = np.hypot(*(xy[:, None] - xy).T) + np.where(np.eye(len(xy)), np.inf, 0)
    assert (label[distance.argmin(axis=1)] == label).mean() > 0.95
    assert drawn["Metadata_Well"].tolist() == frame["Metadata_Well"].tolist()

    again = draw.umap(frame, 0, tmp_path / "b.png", n_neighbors=8)
    pd.testing.assert_frame_equal(drawn, again)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_tsne_brings_groups_together(tmp_path):
    drawn = draw.tsne(grouped(), 0, tmp_path / "a.png", label="moa", by="plate", n_neighbors=5)
    xy, label = drawn[["x", "y"]].to_numpy(), drawn["Metadata_moa"].to_numpy(object)
    distance = np.hypot(*(xy[:, None] - xy).T) + np.where(np.eye(len(xy)), np.inf, 0)
    assert (label[distance.argmin(axis=1)] == label).mean() > 0.95


def test_clusters_of_the_matrix_are_the_groups(tmp_path):
    drawn = matrices.similarity(grouped(24, spread=0.05), 0, tmp_path / "a.png", clusters=4)
    assert drawn.groupby("moa")["cluster"].nunique().tolist() == [1] * 4
    assert sorted(drawn["cluster"].unique()) == [1, 2, 3, 4]
    assert "cluster" not in matrices.similarity(grouped(24), 0, tmp_path / "b.png")


def test_the_picture_of_a_matrix_says_where_its_cells_are(tmp_path):
    told = matrices.similarity(grouped(24), 0, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as file:
        place, pixels = [float(share) for share in file.info["matrix"].split()], np.asarray(file.convert("RGB"), int)
    left, top, right, bottom = (np.array(place) * np.tile(pixels.shape[1::-1], 2)).tolist()
    at = (np.arange(24) + 0.5) / 24
    rows, columns = (top + (bottom - top) * at).astype(int), (left + (right - left) * at).astype(int)
    colours = pixels[np.ix_(rows, columns)]
    scale = 255 * colormaps["RdBu_r"](np.arange(256))[:, :3]
    shown = np.abs(colours[:, :, None] - scale).sum(axis=-1).argmin(axis=-1).ravel()  # on the scale, from blue to red
    assert spearmanr(shown, told.iloc[:, -24:].to_numpy().ravel()).statistic > 0.98  # its ends are beyond the scale
    edges = pixels[int(top) - 3, columns], pixels[rows, int(left) - 3]
    assert all((edge == 255).all() for edge in edges)


def test_heterogeneity_is_the_mean_similarity_of_pairs_of_cells(tmp_path):
    frame = grouped(40).iloc[:, :]
    meta, X = tables.split(frame)
    told = matrices.heterogeneity(frame, 0, tmp_path / "a.png", label="moa", values=["g2", "g0"])
    assert told["value"].tolist() == ["g2", "g0"]
    for row in told.itertuples():
        own = X[(meta["Metadata_moa"] == row.value).to_numpy()]
        own = own / np.linalg.norm(own, axis=1, keepdims=True)
        pairs = [own[i] @ own[j] for i in range(len(own)) for j in range(i)]
        assert (row.cells, row.mean, row.sd) == (len(own), pytest.approx(np.mean(pairs)), pytest.approx(np.std(pairs)))
    most = matrices.heterogeneity(frame, 0, tmp_path / "b.png", label="moa", cells=5)
    assert most["cells"].tolist() == [5, 5, 5]


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_few_profiles_are_drawn_by_pca(tmp_path, n):
    frame = grouped(n)
    drawn = draw.umap(frame, 0, tmp_path / "few.png")
    U = tables.split(frame)[1]
    U = U / np.linalg.norm(U, axis=1, keepdims=True)
    spread = np.linalg.svd(U - U.mean(axis=0), compute_uv=False)
    expected = np.pad(spread, (0, 2))[:2]
    np.testing.assert_allclose(np.linalg.norm(drawn[["x", "y"]], axis=0), expected, atol=1e-12)
    assert (tmp_path / "few.png").stat().st_size > 5000


def test_similarity_is_the_cosine_and_puts_groups_side_by_side(tmp_path):
    frame = grouped(24)
    drawn = matrices.similarity(frame, 0, tmp_path / "a.png")
    names, moa = drawn["name"], drawn["moa"]
    assert sorted(names) == sorted(frame["Metadata_treatment"])
    assert (moa != moa.shift()).sum() == moa.nunique() == 4
    X = pd.DataFrame(tables.split(frame)[1]).set_axis(frame["Metadata_treatment"]).drop("DMSO")
    S = drawn.set_index("name").drop(columns=["moa", "DMSO"]).drop("DMSO")
    for one, other in [("t0", "t1"), ("t3", "t3"), ("t10", "t20")]:
        cosine = X.loc[one] @ X.loc[other] / np.linalg.norm(X.loc[one]) / np.linalg.norm(X.loc[other])
        assert S.loc[one, other] == pytest.approx(cosine, abs=1e-6)
    matrices.similarity(frame, 0, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("n", [1, 2, 61])
def test_similarity_of_any_number_of_rows(tmp_path, n):
    assert matrices.similarity(grouped(n), 0, tmp_path / "any.png").shape == (n, n + 2)


@pytest.mark.parametrize("name", functions("draw"))
def test_names_are_text_and_nothing_else(tmp_path, name, recwarn):
    own = {"label": "treatment"} if name == "heterogeneity" else {}
    functions("draw")[name](odd(), 0, tmp_path / "odd.png", **own)
    assert not [warning for warning in recwarn if "math" in str(warning.message).lower()]


def test_doses_are_part_of_a_name(tmp_path):
    frame = grouped(4).assign(Metadata_dose=[0.5, 10.0, np.nan, 1.0])
    assert set(matrices.similarity(frame, 0, tmp_path / "a.png")["name"]) == {"t0 @ 0.5", "t1 @ 10", "t2", "t3 @ 1"}


def test_styles_are_distinct_and_what_exceeds_them_is_told():
    given = pd.Series([f"m{i:02d}" for i in range(45)] + ["m00", "", labels.NEGATIVE])
    drawn = draw.groups_with_styles(given)
    assert [name for name, _, _ in drawn][:3] == [labels.UNLABELLED, labels.OTHER, labels.NEGATIVE]
    assert len(dict(drawn := [(name, style) for name, _, style in drawn])) == len({style for _, style in drawn}) == 43
    assert {marker for _, (_, marker) in drawn} == set(labels.MARKERS)
    assert sum(len(rows) for _, rows, _ in draw.groups_with_styles(given)) == len(given)


def test_of_many_labels_those_of_several_values_share_a_grey():
    few = pd.Series(["a", "b", "a|b", ""])
    assert labels.merge_several(few).tolist() == few.tolist()
    many = pd.Series([*"abcdefgh", "a|b", "c|d", "", labels.NEGATIVE])
    merged = labels.merge_several(many)
    assert merged.tolist() == [*"abcdefgh", labels.SEVERAL, labels.SEVERAL, "", labels.NEGATIVE]
    styles = {name: style for name, _, style in draw.groups_with_styles(merged)}
    assert set(styles) == {*"abcdefgh", labels.SEVERAL, labels.NEGATIVE, labels.UNLABELLED}
    assert len(set(styles.values())) == len(styles)


def test_unknown_labels_and_heat_maps_too_large_are_refused(tmp_path):
    with pytest.raises(InputError, match="mao"):
        draw.umap(grouped(6), 0, tmp_path / "a.png", label="mao")
    with pytest.raises(InputError, match="level: treatment"):
        matrices.similarity(pd.concat([grouped(60)] * 34, ignore_index=True), 0, tmp_path / "a.png")


def test_strips_beside_the_matrix_show_batch_and_dose_where_they_differ(tmp_path):
    frame = grouped(24).assign(Metadata_batch=[f"b{i % 2}" for i in range(24)], Metadata_dose=1.0)
    drawn = matrices.similarity(frame, 0, tmp_path / "a.png")
    batch_of = dict(zip(frame["Metadata_treatment"] + " @ 1", frame["Metadata_batch"], strict=True))
    treated = ~drawn["name"].str.startswith("DMSO")
    assert drawn.loc[treated, "batch"].tolist() == drawn.loc[treated, "name"].map(batch_of).tolist()
    assert "dose" not in drawn  # one dose
    drawn = matrices.similarity(frame.assign(Metadata_dose=np.arange(24) % 3), 0, tmp_path / "b.png")
    assert drawn["dose"].tolist() == [float(name.split(" @ ")[1]) for name in drawn["name"]]
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
