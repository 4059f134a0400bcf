"""z-scores on all negative controls, and limits."""

import numpy as np
import pandas as pd
import pytest
from pycytominer import normalize
from wellread.profiles.scaling import clip, zscore
from wellread.runtime.errors import InputError

META = pd.DataFrame({"Metadata_plate": "", "Metadata_Plate": ["P1"] * 8 + ["P2"] * 8, "Metadata_batch": "1"})
META["Metadata_control"] = ["negative"] * 4 + [""] * 3 + ["positive"] + ["negative"] * 5 + [""] * 3
X = np.random.default_rng(0).normal(5, 3, (16, 4))


def test_zscores_are_those_of_pycytominer_plate_by_plate():
    found = zscore(X, META, 0)
    for plate in ("P1", "P2"):
        own = (META["Metadata_Plate"] == plate).to_numpy()
        frame = pd.concat([META[own], pd.DataFrame(X[own], META.index[own], list("abcd"))], axis=1)
        # theirs divides by n, ours by n - 1
        theirs = normalize(
            frame, list("abcd"), list(META), samples="Metadata_control == 'negative'", method="standardize"
        )
        n = (frame["Metadata_control"] == "negative").sum()
        np.testing.assert_allclose(found[own], theirs[list("abcd")] * np.sqrt((n - 1) / n), rtol=1e-9)


def test_a_group_may_be_the_batch():
    negative = (META["Metadata_control"] == "negative").to_numpy()
    found = zscore(X, META, 0, by="batch")[negative]
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), 1)


def test_a_feature_that_controls_share_is_only_centred():
    constant = X.copy()
    constant[:7, 1] = 0.1 + 0.2
    np.testing.assert_allclose(zscore(constant, META, 0)[7, 1], X[7, 1] - 0.3)


def test_a_plate_without_two_controls_is_refused():
    meta = META.assign(Metadata_control=["negative"] * 4 + [""] * 4 + ["negative"] + [""] * 7)
    with pytest.raises(InputError, match="plate P2"):
        zscore(X, meta, 0)


def test_values_beyond_a_limit_become_the_limit():
    np.testing.assert_array_equal(clip(np.array([[-60.0, 3, 51]]), META, 0), [[-50, 3, 50]])
    np.testing.assert_array_equal(clip(np.array([[-60.0, 3, 51]]), META, 0, limit=2), [[-2, 2, 2]])
