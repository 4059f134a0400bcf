"""A fingerprint sees statements, however deep the import, and nothing that cannot change a result."""

import hashlib

import pandas as pd
import pyarrow as pa
import pytest
from wellread.plan import provenance

VIT = '''"""A transformer."""
import logging

from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
SIZE = 3  # tokens


def vit(size: int) -> int:
    """Build."""
    if size < 0:
        edit = "`size` of the model"
        found, limit = f"{size} px", size - 1
        raise InputError("a size above 0", found, "models", edit)
    log.info("a transformer of %d", size)
    return size + limit
'''
PACKAGE = {
    "train/__init__.py": "",
    "train/train.py": '"""Train."""\nfrom wellread.encoder import vit\n\n\ndef train():\n    return vit.SIZE\n',
    "encoder/vit.py": VIT,
    "report/page.py": 'import json\nNAME = "page.html"\nFOLDER = "parts"\n',
    "report/page.html": "<h1>{{ title }}</h1>",
    "report/other.html": "<h1></h1>",
    "report/parts/one.html": "<h2></h2>",
    "report/others/one.html": "<h2></h2>",
    "measure/near.py": """def near():
    from wellread.encoder.vit import vit as size
    from wellread.measure import far
""",
    "measure/far.py": "def vit(): return 2\n",
    "runtime/errors.py": "class InputError(Exception):\n    pass\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    provenance._code.cache_clear()
    yield tmp_path
    provenance._code.cache_clear()


def fingerprint(module):
    provenance._code.cache_clear()
    return provenance.fingerprint(module)


def of_weights(module):
    provenance._own_code.cache_clear()
    return provenance.weights_fingerprint(module)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("encoder/vit.py", "SIZE = 3", "SIZE = 4", True),
        ("encoder/vit.py", "{size} px", "{size} pixels", False),
        ("train/train.py", "vit.SIZE", "vit.SIZE + 1", True),
        ("train/monitor.py", "return 1", "return 2", False),
    ],
)
def test_what_changes_the_code_that_weights_depend_on(package, name, old, new, expected):
    texts = {"train/monitor.py": "def spread():\n    return 1\n"}
    texts["train/train.py"] = "from wellread.train import monitor\n" + PACKAGE["train/train.py"]
    for file, text in texts.items():
        (package / file).write_text(text)
    before, text = of_weights("train.train"), (package / name).read_text()
    assert old in text
    (package / name).write_text(text.replace(old, new))
    assert (of_weights("train.train") != before) == expected


@pytest.mark.dag
def test_modules_without_weight_are_there():
    training = provenance.counted("train.train")
    assert all(any(module.startswith(name) for module in training) for name in provenance.KEEP_WEIGHTS)
    kept = {module for module in training if not module.startswith(provenance.KEEP_WEIGHTS)}
    assert {"train.loop", "train.optimise", "train.dataset", "train.schedules", "encoder.vit", "crops.reader"} <= kept


def changed(package, name, old, new, module):
    before = fingerprint(module)
    assert old in PACKAGE[name]
    (package / name).write_text(PACKAGE[name].replace(old, new))
    return before != fingerprint(module)


@pytest.mark.parametrize(
    ("name", "old", "new", "module", "expected"),
    [
        ("encoder/vit.py", "# tokens", "# three it is\n\n", "train.train", False),
        ("encoder/vit.py", "SIZE = 3", "SIZE = (3)", "train.train", False),
        ("encoder/vit.py", "Build.", "Make.", "train.train", False),
        ("encoder/vit.py", ": int) -> int", ": float) -> float", "train.train", False),
        ("encoder/vit.py", "a size above 0", "a larger size", "train.train", False),
        ("encoder/vit.py", "`size` of the model", "the key `size`", "train.train", False),
        ("encoder/vit.py", "{size} px", "{size} pixels", "train.train", False),
        ("encoder/vit.py", "a transformer of %d", "transformer: %d", "train.train", False),
        ("encoder/vit.py", "size < 0", "size < 1", "train.train", True),
        ("encoder/vit.py", "size - 1", "size - 2", "train.train", True),
        ("encoder/vit.py", "SIZE = 3", "SIZE = 4", "train.train", True),
        ("encoder/vit.py", "SIZE = 3", "SIZE = 4", "report.page", False),
        ("encoder/vit.py", "SIZE = 3", "SIZE = 4", "measure.near", True),
        ("encoder/vit.py", "raise InputError", "raise ValueError", "train.train", True),
        ("runtime/errors.py", "pass", "words = 1", "train.train", False),
        ("report/page.html", "h1", "h2", "report.page", True),
        ("report/other.html", "h1", "h2", "report.page", False),
        ("report/parts/one.html", "h2", "h3", "report.page", True),
        ("report/others/one.html", "h2", "h3", "report.page", False),
        ("measure/near.py", "encoder.vit import", "measure.far import", "measure.near", True),
        ("measure/near.py", "vit as size", "SIZE as size", "measure.near", True),
    ],
)
def test_what_changes_a_fingerprint(package, name, old, new, module, expected):
    assert changed(package, name, old, new, module) is expected


def test_a_move_changes_no_fingerprint(package):
    before = fingerprint("train.train")
    (package / "encoder" / "vit.py").rename(package / "measure" / "vit.py")
    train = package / "train" / "train.py"
    train.write_text(train.read_text().replace("wellread.encoder", "wellread.measure"))
    assert fingerprint("train.train") == before


def test_the_modules_that_count_are_those_that_are_imported(package):
    assert provenance.counted("measure.near") == {"measure.near", "encoder.vit", "measure.far"}


def test_the_hash_of_a_plate_knows_only_its_rows():
    frame = pd.DataFrame({"plate": ["a", "b"], "well": ["A01", "A01"], "DNA": ["1.tif", "2.tif"]})
    other = frame.assign(DNA=["1.tif", "3.tif"])
    same, differs = (
        provenance.rows_hash(f[f.plate == p]) == provenance.rows_hash(o[o.plate == p])
        for f, o, p in [(frame, other, "a"), (frame, other, "b")]
    )
    assert same
    assert not differs


@pytest.mark.parametrize("cell", ["plain", "a,b", 'a "b"', "two\nlines", "return\r", "é", "", " a "])
def test_rows_have_the_hash_of_their_text_as_pandas_writes_it(cell):
    rows = pd.DataFrame({"plate": ["P1", "P1"], "a,b": [cell, "x"]}, dtype=str)
    expected = hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:16]
    assert provenance.rows_hash(rows) == provenance.rows_hash(pa.Table.from_pandas(rows)) == expected
    numbers = rows.assign(dose=[0.1, None], n=[1, 2])
    expected = hashlib.sha256(numbers.to_csv(index=False).encode()).hexdigest()[:16]
    assert provenance.rows_hash(numbers) == expected
