"""The language of jobs, and small jobs to read with it."""

from collections.abc import Callable

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import single


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="session")
def jobs(registry: Registry) -> Dialect:
    return registry.dialect("jenkins-job")


@pytest.fixture(scope="session")
def reading(jobs: Dialect) -> Callable[[str], Reading]:
    return lambda text: read(single("jobs/shop/config.xml", text), jobs)


@pytest.fixture(scope="session")
def pipeline(reading: Callable[[str], Reading]) -> Callable[[str], Pipeline]:
    return lambda text: reading(text).pipeline


@pytest.fixture(scope="session")
def written(jobs: Dialect) -> Callable[[Pipeline], str]:
    return lambda pipeline: write(pipeline, jobs).documents.documents[0].text
