"""What YAML makes of slips is said with the line and the cure."""

import pytest
from paths import ROOT
from wellread.plan.yaml_slips import main, slips

SLIPS = [
    ("a:\n\tb: 1\n", "line 2, column 1", "write blanks in the place of the tab"),
    ('a:\n  regex: "(?P<well>\\d+)"\n', "line 2, column 21", "single quotes around a text with backslashes"),
    ("a: {b: 1\nc: 2\n", "line 2", "a missing bracket, quote, colon"),
    ("a: [1, 2\n", "line 2", "a missing bracket"),
    ("a: b: c\n", "line 1, column 5", "line"),
    ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5", "keep one of them (the other is in line 3)"),
    ("a: 1\na: 1\n", "line 2", "keep one of them (the other is in line 1)"),
    ("plates: [0123, 7]\n", "line 1", 'write quotes around it: "0123"'),
    ("0123: {}\n", "0123, which YAML reads as 83", 'write quotes around it: "0123"'),
    ("a: 1\nb: 5 \u00b5m\n".encode("latin1"), "line 2", "save the file as UTF-8"),
    ("a: 1\n".encode("utf-16"), "UTF-16", "save the file as UTF-8"),
    ("- a\n- b\n", "a sequence", "write keys"),
    ("just text\n", "a scalar", "write keys"),
    ("a: 1\nb: &x\n  c: *x\n", "line 2", "remove the alias"),
    ("a: 1\nb: !!python/object/apply:os.system ['true']\n", "line 2, column 4", "line"),
    ("a: 1\n? [b, c]\n: 2\n", "line 2", "line"),
    ("a: 2021-13-45\n", "a date that there is not", "write quotes"),
    ("a: 1\nb: \u0007\n", "U+0007", "remove it"),
    ("a:\n\u00a0\u00a0b: 1\n", "line 2", "write plain blanks"),
    ("a: 1\nb\u200b: 1\n", "line 2", "write plain blanks"),
]


@pytest.mark.parametrize(("text", "where", "edit"), SLIPS)
def test_slips_are_told_with_line_and_cure(tmp_path, text, where, edit):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (error,) = slips(path)
    assert where in str(error)
    assert edit in str(error)
    with pytest.raises(SystemExit, match="needs a change"):
        main(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 0\nb: 0.5\nc: 00:10\nd: '0123'\ne: {x: 1}\nf: {x: 1}\n",
        "a: [{b: 1}, {b: 2}]\n",
        "a: &x {b: 1}\nc: *x\nd: {<<: *x}\n",
    ],
)
def test_what_is_fine_is_left_alone(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    assert slips(tmp_path / "c.yaml") == []


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.stem)
def test_our_own_configs_have_none(path):
    assert slips(path) == []


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(SystemExit, match="no config file"):
        main(str(tmp_path / "none.yaml"))
