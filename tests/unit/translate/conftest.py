"""What these tests share: our own format with the catalogue, and a language that can do less."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipemgr.mapping.catalogue import Catalogue, catalogue
from pipemgr.model.support import Answer, Support
from pipemgr.translate.base import Dialect
from pipemgr.translate.names import Names
from pipemgr.translate.native import native_dialect

Poor = Callable[..., Dialect]


@pytest.fixture(scope="session")
def names() -> Catalogue:
    """The catalogue that comes with pipemgr."""
    return catalogue()


@pytest.fixture(scope="session")
def native(names: Catalogue) -> Dialect:
    """Our own format, checked against the catalogue."""
    return native_dialect(
        names.inputs(), names.shorts(), names.triggers, Names(names.contexts, names.functions)
    )


@pytest.fixture(scope="session")
def poor() -> Poor:
    """Makes a vendor's language that lacks the features named."""

    def make(*lacking: str, name: str = "elsewhere") -> Dialect:
        no = Answer(support=Support.UNSUPPORTED, note="not there")
        return replace(
            native_dialect(), name=name, title="Elsewhere", foreign=False, features=dict.fromkeys(lacking, no)
        )

    return make
