"""Segmenters name channels of the dataset: any other is refused at planning, whatever the segmenter and the option."""

import pytest
from wellread.plan import settings
from wellread.runtime.errors import InputError
from wellread.runtime.registry import functions

CHANNELS = ["DNA", "RNA", "ER", "Tubulin"]
WEIGHTS = {"weights": "w", "sha256": "0" * 64}
SEGMENTERS = {  # segmenter: options it needs, and those that name channels
    "otsu_watershed": ({}, {"nucleus", "cell"}),
    "unet": ({}, {"nucleus", "cell"}),
    "cellpose": (WEIGHTS, {"nucleus", "cell"}),
    "hpa": ({"nuclei_weights": "n", "cell_weights": "c"}, {"nucleus", "er", "microtubules"}),
    "precomputed": ({"nucleus": "{stem}.png"}, set()),  # patterns of paths
}
CASES = [(name, option) for name, (_, options) in SEGMENTERS.items() for option in sorted(options)]


def load(name, **options):
    needed, channels = SEGMENTERS[name]
    named = {"microtubules": "Tubulin"} if "microtubules" in channels else {}
    dataset = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": CHANNELS}
    dataset["segment"] = {name: needed | named | options}
    return settings.load({"datasets": {"d": dataset}, "models": {"m": {}}})


def test_every_segmenter_is_here():
    assert set(functions("segment")) == set(SEGMENTERS)


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_channel_that_the_dataset_lacks_is_refused_by_its_option(name, option):
    load(name, **{option: "RNA"})
    with pytest.raises(InputError) as error:
        load(name, **{option: "Rna"})
    assert f"datasets.d.segment.{name}.{option}" in str(error.value)
    assert "did you mean RNA?" in str(error.value)


def test_each_of_several_channels_counts():
    load("cellpose", cell=["RNA", "DNA"])
    with pytest.raises(InputError, match=r"(?s)nowhere.*segment\.cellpose\.cell"):
        load("cellpose", cell=["RNA", "nowhere"])


def test_paths_of_masks_are_no_channels():
    load("precomputed", cell="elsewhere/{stem}.tif")


def test_what_segments_nothing_names_no_channel():
    dataset = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["GFP"], "object": "field"}
    settings.load({"datasets": {"d": dataset}, "models": {"m": {}}})
