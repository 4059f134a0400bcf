"""What a flagged field may still do to the calibration of its plate: nothing to the light, nothing if it is dropped."""

import numpy as np
import pytest
import tifffile
from wellread.calibrate import calibrate as module
from wellread.calibrate.calibrate import survey
from wellread.calibrate.illumination import none

pytestmark = pytest.mark.dag

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
BRIGHT = {"mean": {"range": [None, 5000]}}


@pytest.fixture
def rows(own_rows):
    """A painted plate whose fourth field is far brighter than all others in ER, as its only flaw."""
    path = own_rows["ER"].iloc[3]
    image = tifffile.imread(path).astype(float)
    tifffile.imwrite(path, (20000 + 10 * image).clip(0, 60000).astype(np.uint16))
    return own_rows


def light(tmp_path, even):
    """The options of an illumination that leaves counts as they are, or not."""
    if even:
        return {"none": {}}
    surface = np.linspace(0.5, 1.5, 192**2).reshape(192, 192)
    for channel in CHANNELS:
        np.save(tmp_path / f"{channel}.npy", surface)
    return {"functions": {"path": str(tmp_path / "{channel}.npy"), "dark": 50.0}}


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("flagged", ["keep", "drop"])
def test_counts_of_flagged_fields_are_not_in_the_limits(rows, tmp_path, even, flagged):
    """Nor do they widen the bins in which corrected counts are sorted: the limits are exactly those of the others."""
    how = {"illumination": light(tmp_path, even), "flags": BRIGHT, "duplicates": False}
    fields, found = survey(rows, CHANNELS, **how, flagged=flagged)
    _, others = survey(rows.drop(index=3), CHANNELS, **how)
    status = "ok" if flagged == "keep" else "flagged"
    assert fields["status"].tolist() == ["ok"] * 3 + [status] + ["ok"] * 8
    np.testing.assert_array_equal(found["limits"], others["limits"])
    _, unflagged = survey(rows, CHANNELS, **(how | {"flags": {}}))
    er = CHANNELS.index("ER")
    assert unflagged["limits"][er, 1] > 3 * found["limits"][er, 1]


def test_where_all_are_flagged_all_count(rows):
    every = {"mean": {"range": [None, 0]}}
    kept, plain = (survey(rows, CHANNELS, flags=flags, duplicates=False) for flags in (every, {}))
    assert (kept[0]["flags"] == "mean").all()
    np.testing.assert_array_equal(kept[1]["limits"], plain[1]["limits"])


def test_flagged_fields_are_not_asked_for_the_light(rows, monkeypatch):
    given = []

    def spy(plate, fields):
        given.append(fields)
        return none(plate)

    monkeypatch.setattr(module, "pick", lambda section, settings: spy)
    survey(rows, CHANNELS, illumination={"retrospective": {}}, flags=BRIGHT, duplicates=False)
    survey(rows, CHANNELS, illumination={"retrospective": {}}, flags={}, duplicates=False)
    unflagged, every = given
    assert len(every) == 12
    np.testing.assert_array_equal(unflagged, np.delete(every, 3, axis=0))
