"""Classical features, where the package cp_measure is at hand; their environment is one of their own."""

import sys

import numpy as np
import pytest
from wellread.crops.outlines import CELL
from wellread.encoder.embed import embed
from wellread.runtime.errors import InputError

CHANNELS = ["DNA", "RNA"]


@pytest.fixture
def cells(tmp_path):
    """Crops and outlines of three cells: bright in the second channel, twice as bright, and one without a nucleus."""
    y, x = np.mgrid[-16:16, -16:16]
    outlines = np.where(np.hypot(y, x) < 12, CELL, 0) + np.where(np.hypot(y, x) < 6, 1, 0)
    outlines = np.stack([outlines, outlines, np.minimum(outlines, CELL)]).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 9, (3, 2, 32, 32))
    crops = noise + 50 * (outlines > 0)[:, None] * np.array([[1, 1], [1, 2], [1, 1]])[:, :, None, None]
    np.save(tmp_path / "crops.npy", crops.astype(np.uint8))
    np.save(tmp_path / "outlines.npy", outlines)
    return tmp_path


def vectors(folder, **options):
    files = folder / "crops.npy", folder / "out.npy"
    embed(
        *files, channels=CHANNELS, encoder={"cp_measure": {}}, device="cpu", outlines=folder / "outlines.npy", **options
    )
    return np.load(folder / "out.npy")


def test_without_the_package_it_is_said_where_it_is(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "cp_measure.featurizer", None)
    with pytest.raises(InputError, match=r"(?s)the package cp_measure.*--sdm conda.*envs/classical.yaml"):
        vectors(cells)


def test_features_are_those_of_the_package_nucleus_first(cells):
    package = pytest.importorskip("cp_measure.featurizer")
    X = vectors(cells, batch=2)
    config = package.make_featurizer_config(
        CHANNELS, objects=["nucleus", "cell"], texture=False, granularity=False, correlation_costes=False
    )
    crops, outlines = np.load(cells / "crops.npy"), np.load(cells / "outlines.npy")
    masks = np.stack([outlines == 3, outlines >= 2], axis=1).astype(np.int32)
    values, names, rows = package.featurize(crops / 255, masks, config)
    assert [(number, of) for number, of, _ in rows] == [
        (0, "nucleus"),
        (0, "cell"),
        (1, "nucleus"),
        (1, "cell"),
        (2, "cell"),
    ]
    D = len(names)
    np.testing.assert_allclose(X[:2].reshape(4, D), np.nan_to_num(values[:4]), rtol=1e-6)
    assert not X[2, :D].any()
    np.testing.assert_allclose(X[2, D:], np.nan_to_num(values[4]), rtol=1e-6)
    mean = names.index("Intensity_MeanIntensity__RNA")
    assert X[1, mean] / X[0, mean] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("options", [{"features": "cls_mean"}, {"view": 8}])
def test_they_have_no_tokens(cells, options):
    with pytest.raises(InputError, match="classical features are what they are"):
        vectors(cells, **options)
