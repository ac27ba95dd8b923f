"""What all tests share: Hypothesis without deadlines, and where the real files lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# On two busy cores any single example may be slow; only a wrong answer fails a test.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files that nobody here wrote; no part of the project."""
    named = os.environ.get("PIPEMGR_CORPUS")
    if not named:
        pytest.skip("PIPEMGR_CORPUS is not set: no real files are read")
    folder = Path(named)
    assert folder.is_dir(), f"PIPEMGR_CORPUS names no folder: {folder}"
    return folder
