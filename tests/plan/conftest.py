"""Most tests of planning are about tables whose images nobody has made."""

import pytest
from wellread.plan.dag import Plan


@pytest.fixture(autouse=True)
def images_need_not_exist(monkeypatch):
    """Look for no files; tests that are about them have a fixture of the same name that does nothing."""
    monkeypatch.setattr(Plan, "absent_files", lambda self, dataset: [])
