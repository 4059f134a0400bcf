"""References to images are text that is read back as it was written."""

import pytest
from wellread.inputs.references import Reference, parse
from wellread.runtime.errors import InputError


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a.tif", Reference(("a.tif",))),
        ("a b (1) [x].tif", Reference(("a b (1) [x].tif",))),
        ("f.ome.tif [c=2]", Reference(("f.ome.tif",), c=2)),
        ("z1.tif | z 2.tif [z=max]", Reference(("z1.tif", "z 2.tif"), z="max")),
        ("p.zarr/B/03/0 [c=0, z=focus, t=1]", Reference(("p.zarr/B/03/0",), c=0, z="focus", t=1)),
        ("s.npy [item=17, tile=2/5, axes=ZCYX, rgb=red, name=x]",
         Reference(("s.npy",), item=17, tile="2/5", axes="ZCYX", rgb="red", name="x")),
    ],
)  # fmt: skip
def test_text_and_back(text, reference):
    assert parse(text) == reference
    assert str(reference) == text


def test_a_file_of_that_name_is_that_file(tmp_path):
    for name in ("a [c=1]", "a | b"):
        (tmp_path / name).touch()
        assert parse(str(tmp_path / name)) == Reference((str(tmp_path / name),))


@pytest.mark.parametrize("text", ["a.tif [q=1]", "a.tif [c=x]", "a.tif [z=mean]", "a.tif [c=-1]"])
def test_other_keys_are_refused(text):
    with pytest.raises(InputError, match=r"a\.tif"):
        parse(text)
