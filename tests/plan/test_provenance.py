"""A fingerprint sees statements, however deep the import, and nothing else."""

import pandas as pd
import pytest
from wellread.plan import provenance

PACKAGE = {
    "train.py": '"""Train."""\nfrom wellread import vit\n\n\ndef train():\n    """Go."""\n    return vit.SIZE\n',
    "vit.py": "SIZE = 3  # tokens\n",
    "report/__init__.py": "import json\n",
    "report/page.html": "<h1>{{ title }}</h1>",
    "measure/__init__.py": "from wellread.measure.near import near\n",
    "measure/near.py": "def near():\n    from wellread import vit\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    return tmp_path


def changed(package, name, text, module):
    provenance._read.cache_clear()
    before = provenance.fingerprint(module)
    old = (package / name).read_text()
    (package / name).write_text(text)
    provenance._read.cache_clear()
    after = provenance.fingerprint(module)
    (package / name).write_text(old)
    return before != after


@pytest.mark.parametrize(
    ("name", "text", "module", "expected"),
    [
        ("vit.py", "SIZE = 3\n\n\n# three it is\n", "train", False),
        ("vit.py", '"""A transformer."""\n\nSIZE = (3)\n', "train", False),
        ("vit.py", "SIZE = 4\n", "train", True),
        ("vit.py", "SIZE = 4\n", "report", False),
        ("train.py", PACKAGE["train.py"].replace("Go.", "Come."), "train", False),
        ("report/page.html", "<h2>{{ title }}</h2>", "report", True),
        ("vit.py", "SIZE = 4\n", "measure", True),
    ],
)
def test_what_changes_a_fingerprint(package, name, text, module, expected):
    assert changed(package, name, text, module) is expected


def test_the_hash_of_a_plate_knows_only_its_rows():
    frame = pd.DataFrame({"plate": ["a", "b"], "well": ["A01", "A01"], "DNA": ["1.tif", "2.tif"]})
    other = frame.assign(DNA=["1.tif", "3.tif"])
    same, differs = (
        provenance.rows_hash(f[f.plate == p]) == provenance.rows_hash(o[o.plate == p])
        for f, o, p in [(frame, other, "a"), (frame, other, "b")]
    )
    assert same
    assert not differs
