"""Percent replicating: near chance where treatments do nothing, near 1 where they do, and exact on a small table."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen, undecided, values
from wellread.measure.replicating import replicating
from wellread.profiles import tables


@pytest.mark.slow
def test_treatments_without_effect_replicate_as_often_as_chance_says():
    shares = [replicating(screen(seed, treatments=40), 0, null_size=400) for seed in range(20)]
    found = np.mean([values(share, "replicating")[""] for share in shares])
    assert 0.02 < found < 0.08  # 800 treatments: 0.05, standard error 0.008
    assert values(shares[0], "replicating_chance")[""] == pytest.approx(0.05)


def test_treatments_with_an_effect_replicate():
    answer = replicating(screen(treatments=20, effect=5.0), 0)
    assert values(answer, "replicating")[""] == 1
    assert values(answer, "replicating_low")[""] > 0.8


def test_similarity_is_the_median_over_pairs():
    X = np.array([[1, 0], [0, 1], [1, 1], [1, 0.5], [0.2, 1], [-1, 0.3]])
    meta = pd.DataFrame({"Metadata_Plate": "P", "Metadata_Well": list("ABCDEF"), "Metadata_control": "",
                         "Metadata_control_use": "", "Metadata_treatment": list("aaabbc")})  # fmt: skip
    answer = replicating(tables.join(meta, X), 0, null_size=50)
    pairs = [0, np.sqrt(0.5), np.sqrt(0.5)]  # of the three wells of a
    assert values(answer, "similarity")["a"] == pytest.approx(np.median(pairs))
    assert values(answer, "left_out") == {"no replicate, or more than there are treatments": 1}
    assert "c" not in values(answer, "similarity")


@pytest.mark.dag
def test_negative_controls_and_the_order_of_rows_change_nothing():
    frame = screen(treatments=10, effect=1.0)
    alone = frame[frame["Metadata_control"] != "negative"]
    shuffled = frame.sample(frac=1, random_state=0)
    for other in (alone, shuffled):
        pd.testing.assert_frame_equal(replicating(other, 3), replicating(frame, 3))


def test_a_screen_without_replicates_is_undecidable():
    assert "none of 10 treatments has replicates" in undecided(replicating(screen(plates=1), 0), "replicating")
    assert "none of 0 treatments" in undecided(replicating(screen(treatments=0), 0), "replicating")
