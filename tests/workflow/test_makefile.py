"""`make` says at once that a folder has a name the shell of a step would stumble over."""

import shutil
import subprocess

import pytest
from paths import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


def make(folder):
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    return subprocess.run(["make", "-n", "clean"], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["my screen", "screen (new)", "a[1]", "it's", "a&b", "a;b", "a*", "$HOME", "a`b"])
def test_a_folder_that_a_shell_stumbles_over_is_refused(tmp_path, name):
    done = make(tmp_path / name)
    assert done.returncode
    assert "has blanks or brackets" in done.stderr


@pytest.mark.parametrize("name", ["wellread", "well-read_2.0", "lumière"])
def test_other_folders_are_fine(tmp_path, name):
    done = make(tmp_path / name)
    assert done.returncode == 0, done.stderr
