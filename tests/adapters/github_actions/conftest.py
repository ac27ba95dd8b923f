"""A workflow in, a workflow out."""

from collections.abc import Callable

import pytest

from pipemgr.adapter import Reading, Writing, single
from pipemgr.model.definitions import Pipeline
from pipemgr_github_actions import GitHubActionsReader, GitHubActionsWriter

Read = Callable[[str], Reading]
Write = Callable[[Pipeline], Writing]
PATH = ".github/workflows/ci.yml"


@pytest.fixture
def read() -> Read:
    reader = GitHubActionsReader()
    return lambda text: reader.read(single(PATH, text))


@pytest.fixture
def write() -> Write:
    return GitHubActionsWriter().write
