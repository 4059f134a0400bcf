"""Opens what `export` wrote of a dataset in other programs: python opened.py results/DATASET MODEL CORRECTION.

Not a part of wellread: it runs where anndata, scanpy, copairs, pycytominer, tifffile and napari-tiff are installed.
"""

import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pycytominer
import scanpy
import tifffile
from copairs import map as copairs
from napari_tiff.napari_tiff_reader import napari_get_reader

FOLDER, MODEL, CORRECTION = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
PROFILES = FOLDER / "profiles" / MODEL


def in_anndata_and_scanpy():
    for path in sorted(PROFILES.rglob("*.h5ad")):
        data, table = anndata.read_h5ad(path), pd.read_parquet(path.with_suffix(".parquet"))
        features = [name for name in table if name.startswith("emb_")]
        assert data.obs_names.is_unique
        assert list(data.var_names) == features
        assert list(data.obs) == [name for name in table if name not in features]
        np.testing.assert_array_equal(data.X, table[features].to_numpy())
        for name in data.obs:
            assert data.obs[name].astype(object).fillna("?").tolist() == table[name].astype(object).fillna("?").tolist()
        assert data.uns["level"] == path.stem
        assert data.uns["correction"] == path.parent.name
        assert list(data.uns["channels"])
        scanpy.pp.pca(data, n_comps=2)
        scanpy.pp.neighbors(data, n_neighbors=3)
        data.write_h5ad(path.with_suffix(".again"))  # anndata writes all of it again
        path.with_suffix(".again").unlink()


def cells_are_those_of_their_crops():
    data = anndata.read_h5ad(PROFILES / "none" / "cell.h5ad")
    for plate, rows in data.obs.groupby("Metadata_Plate", observed=True):
        embeddings = np.load(FOLDER / plate / "embeddings" / f"{MODEL}.npy")
        np.testing.assert_array_equal(data[rows.index].X, embeddings[rows["Metadata_crop_row"]])


def in_pycytominer():
    for table in (pd.read_parquet(PROFILES / "none/well.parquet"), pd.read_csv(PROFILES / "none/well.csv")):
        features = [name for name in table if name.startswith("emb_")]
        meta = [name for name in table if name.startswith("Metadata_")]
        normalised = pycytominer.normalize(
            table,
            features=features,
            meta_features=meta,
            samples="Metadata_control == 'negative'",
            method="standardize",
        )
        selected = pycytominer.feature_select(normalised, features=features, operation=["variance_threshold"])
        pooled = pycytominer.consensus(
            selected, replicate_columns=["Metadata_treatment"], features=[name for name in selected if name in features]
        )
        assert len(pooled) == table["Metadata_treatment"].nunique()


def in_copairs():
    data = anndata.read_h5ad(PROFILES / CORRECTION / "well.h5ad")
    meta = data.obs.astype({"Metadata_treatment": str}).reset_index(drop=True)
    found = copairs.average_precision(meta, data.X, ["Metadata_treatment"], [], [], ["Metadata_treatment"])
    assert found["average_precision"].between(0, 1).any()


def in_tifffile_and_napari():
    masks, fields = tifffile.imread(FOLDER / "P1/masks.tif"), pd.read_csv(FOLDER / "P1/fields.csv")
    for number, (well, site) in enumerate(zip(fields["well"], fields["site"], strict=True)):
        path = str(FOLDER / "P1/masks" / f"{well}_{site}.ome.tif")
        np.testing.assert_array_equal(tifffile.imread(path), masks[number])
        ((data, options, _),) = napari_get_reader(path)(path)
        np.testing.assert_array_equal(data, masks[number])
        assert (options["channel_axis"], options["axis_labels"]) == (0, "yx")
        assert (options["scale"], options["units"]) == ([0.5, 0.5], ["µm", "µm"])
        assert options["name"] == ["nucleus", "cell"]


for look in (
    in_anndata_and_scanpy,
    cells_are_those_of_their_crops,
    in_pycytominer,
    in_copairs,
    in_tifffile_and_napari,
):
    look()
    print(f"{look.__name__}: fine", flush=True)
