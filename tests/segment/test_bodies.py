"""Bodies: where their channel tells them from the background, and where it does not."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import segmentation
from wellread.segment.bodies import grow_bodies

DIAMETER = 16
NUCLEI = np.zeros((160, 160), np.int32)
for label, (y, x) in enumerate([(40, 40), (40, 115), (115, 40), (120, 120)], start=1):
    NUCLEI[np.hypot(*(np.mgrid[:160, :160] - np.reshape((y, x), (2, 1, 1)))) < DIAMETER / 2] = label
DISTANCE = ndimage.distance_transform_edt(NUCLEI == 0)


def seen(light):
    """Light (H, W) with background, blurred, with noise."""
    noise = np.random.default_rng(0).normal(0, 0.002, light.shape)
    return (0.02 + ndimage.gaussian_filter(light, 1) + noise).astype(np.float32)


@pytest.mark.parametrize("margin", [0.5, 0.2])
def test_a_body_ends_where_its_channel_does_also_with_a_dim_margin(margin):
    light = np.where(DISTANCE < 6, 0.8, margin) * (DISTANCE < 14)
    bodies, how = grow_bodies(seen(light), NUCLEI, DIAMETER, 1.5)
    assert how == "foreground"
    assert (bodies[DISTANCE < 13] > 0).all()
    assert (bodies[DISTANCE > 17] == 0).all()  # what is blurred counts


@pytest.mark.parametrize("contrast", [0, 0.1, 0.4])
def test_without_background_bodies_end_at_the_midline_and_within_reach(contrast):
    grain = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=NUCLEI.shape), 4)
    bodies, how = grow_bodies(seen(0.5 * (1 + contrast * grain / grain.std()).clip(0)), NUCLEI, DIAMETER, 1.5)
    assert how == "midline"
    np.testing.assert_array_equal(bodies, segmentation.expand_labels(NUCLEI, 1.5 * DIAMETER))


def test_without_a_channel_nothing_is_said():
    bodies, how = grow_bodies(None, NUCLEI, DIAMETER, 1)
    assert how == ""
    assert (bodies > 0).sum() == (DISTANCE <= DIAMETER).sum()
