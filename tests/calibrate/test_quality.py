"""Measures of quality against their definitions, on textures whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from wellread.calibrate.quality import binned, crest, duplicates, focus, measures, noise, saturated, slope

RNG = np.random.default_rng(0)


def count(plane):
    return np.bincount(plane.ravel(), minlength=2**16)


def measured(plane):
    return measures(plane, count(plane))


def texture(exponent, side=256):
    """A field whose power falls with the frequency to the power of `exponent`."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = 1
    phases = np.fft.fft2(np.random.default_rng(3).standard_normal((side, side)))
    field = np.fft.ifft2(phases * frequency ** (exponent / 2)).real
    return np.rint(2000 + 200 * field / field.std()).astype(np.uint16)


def test_percentiles_and_mean_are_exact():
    plane = RNG.integers(90, 900, (120, 131)).astype(np.uint16)
    found = measured(plane)
    low, high = np.percentile(plane, [5, 99], method="inverted_cdf")
    assert (found["background"], found["p99"], found["mean"]) == (low, high, pytest.approx(plane.mean()))


def test_noise_is_measured_below_things_that_are_bright():
    plane = 500 + 12 * RNG.standard_normal((256, 256))
    plane[100:150, 100:150] += 1000
    assert noise(np.rint(plane).astype(np.uint16)) == pytest.approx(12, rel=0.05)


def test_the_signal_of_noise_alone_is_4():
    dim = np.rint(500 + 12 * RNG.standard_normal((256, 256))).astype(np.uint16)
    assert measured(dim)["signal"] == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("exponent", [0, -1, -2, -3])
def test_the_slope_is_that_of_the_power_summed_over_rings(exponent):
    """A ring has as many frequencies as its radius: one more than the exponent of the power."""
    assert slope(binned(texture(exponent), 2), 256) == pytest.approx(exponent + 1, abs=0.15)


def test_the_slope_does_not_ask_how_large_a_field_is():
    small, large = texture(-2), texture(-2, 1100)
    assert slope(binned(small, 2), 256) == pytest.approx(slope(binned(large, 2), 1100), abs=0.15)


def test_blur_lowers_focus_and_slope_though_noise_stays():
    sharp = texture(-1)
    blurred = np.rint(gaussian_filter(sharp.astype(float), 3) + 30 * RNG.standard_normal(sharp.shape)).astype(np.uint16)
    before, after = measured(sharp), measured(blurred)
    assert after["focus"] < 0.5 * before["focus"]
    assert after["slope"] < before["slope"] - 1


def test_binning_takes_means_and_leaves_out_the_rest():
    plane = np.arange(35, dtype=np.uint16).reshape(5, 7)
    np.testing.assert_array_equal(binned(plane, 2), plane[:4, :6].reshape(2, 2, 3, 2).mean((1, 3)))


@pytest.mark.parametrize("side", [1, 3, 16])
def test_tiny_fields_have_no_slope_and_do_no_harm(side):
    plane = RNG.integers(0, 255, (side, side)).astype(np.uint8)
    assert np.isnan(slope(binned(plane, 2), side))
    assert set(measured(plane)) >= {"focus", "signal"}
    assert np.isnan(focus(binned(plane[:2, :2], 2)))


def table(planes, channel="DNA"):
    return pd.DataFrame([{f"{name}_{channel}": value for name, value in measured(plane).items()} for plane in planes])


def test_12_bits_in_a_16_bit_file_saturate_where_pixels_pile_up():
    light = RNG.gamma(2, 600, (3, 128, 128))
    clipped = np.minimum(light, [[[4095]], [[1e6]], [[2000]]]).astype(np.uint16)
    clipped[1][clipped[1] > 60000] = 60000
    found = saturated(table(clipped), sum(map(count, clipped)), "DNA")
    assert found.tolist() == pytest.approx([(light[0] >= 4095).mean(), 0, (light[2] >= 2000).mean()])


def test_a_few_pixels_at_the_plates_own_pile_are_saturated_too():
    light = np.stack([RNG.gamma(2, 800, (128, 128)), np.full((128, 128), 900.0)])
    light[1, :2, 0], light[1, 3:60] = 5000, RNG.gamma(2, 300, (57, 128))
    clipped = np.minimum(light, 4095).astype(np.uint16)
    assert saturated(table(clipped), sum(map(count, clipped)), "DNA")[1] == pytest.approx((clipped[1] == 4095).mean())


def test_the_maximum_of_the_type_is_saturated_without_a_pile():
    plane = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert saturated(table([plane]), count(plane), "DNA").tolist() == [1 / 256]
    assert crest(count(plane)) == (255, 1, False)


def test_copies_name_the_first_other_one_of_any_channel():
    fingerprints = pd.DataFrame({"a": ["x", "y", "x", np.nan, "x", np.nan], "b": ["1", "2", "3", np.nan, "4", "2"]})
    names = pd.Series(["A1", "A2", "A3", "A4", "A5", "A6"])
    assert duplicates(fingerprints, names).tolist() == ["A3", "A6", "A1", "", "A1", "A2"]


def test_copies_in_another_channel_are_named_with_it():
    fingerprints = pd.DataFrame({"a": ["x", "y", "z", "u"], "b": ["x", "1", "y", np.nan]}, index=[3, 4, 5, 6])
    names = pd.Series(["A1", "A2", "A3", "A4"], index=[3, 4, 5, 6])
    assert duplicates(fingerprints, names).tolist() == ["A1 b", "A3 b", "A2 a", ""]
