"""Hashes of code are those of `provenance`, made once as long as nothing of our code changes."""

import pytest
from wellread.plan import code_hashes, kept, provenance


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The modules whose hashes were made, in a folder where none is kept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(code_hashes, "BESIDE", tmp_path / "package")
    found = []

    def fingerprint(*modules):
        found.append(modules)
        return " ".join(modules).upper()

    monkeypatch.setattr(provenance, "fingerprint", fingerprint)
    code_hashes._known.cache_clear()
    yield found
    code_hashes._known.cache_clear()


def next_run():
    code_hashes.keep()
    code_hashes._known.cache_clear()


def test_what_an_earlier_run_kept_is_not_made_again(made):
    assert code_hashes.fingerprint("a", "b") == "A B"
    next_run()
    assert code_hashes.fingerprint("b", "a") == "A B"
    assert code_hashes.fingerprint("c") == "C"
    next_run()
    assert (code_hashes.fingerprint("a", "b"), code_hashes.fingerprint("c")) == ("A B", "C")
    assert made == [("a", "b"), ("c",)]


def test_what_one_project_kept_is_not_made_again_in_another(made, tmp_path, monkeypatch):
    code_hashes.fingerprint("a")
    next_run()
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path / "another")
    assert code_hashes.fingerprint("a") == "A"
    assert made == [("a",)]


def test_other_code_has_other_hashes(made, monkeypatch):
    code_hashes.fingerprint("a")
    next_run()
    monkeypatch.setattr(kept, "code", lambda: "another")
    code_hashes.fingerprint("a")
    assert made == [("a",), ("a",)]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"code": 1}', "\x00"])
def test_what_is_damaged_is_made_again(made, text):
    code_hashes.fingerprint("a")
    next_run()
    for folder in (kept.FOLDER, code_hashes.BESIDE):
        (folder / code_hashes.NAME).write_text(text)
    assert code_hashes.fingerprint("a") == "A"
    assert made == [("a",), ("a",)]


def test_the_two_kinds_of_hashes_are_not_mixed_up(made, monkeypatch):
    monkeypatch.setattr(provenance, "weights_fingerprint", weights := lambda *modules: "of weights")
    weights.__name__ = "weights_fingerprint"
    assert [code_hashes.fingerprint("a"), code_hashes.weights_fingerprint("a")] == ["A", "of weights"]


def test_a_folder_that_cannot_be_written_is_no_error(made):
    kept.FOLDER.parent.write_text("a file in its place")
    code_hashes.BESIDE.write_text("another")
    code_hashes.fingerprint("a")
    code_hashes.keep()


@pytest.mark.parametrize("edited", ["x.py", "deep/y.py", "page.html"])
def test_every_edit_of_code_or_templates_is_another_code(tmp_path, monkeypatch, edited):
    for name in ("x.py", "deep/y.py", "page.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(kept, "PACKAGE", tmp_path)
    before = kept.code.__wrapped__()
    (tmp_path / edited).write_text("2")
    assert kept.code.__wrapped__() != before
