"""docs/format.md is current, and its examples are valid and use every key."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import PipemgrError
from pipemgr.mapping.catalogue import catalogue
from pipemgr.service.languages import Languages
from pipemgr.service.reference import made, vendors
from pipemgr.translate.document import single
from pipemgr.translate.features import FEATURES
from pipemgr.translate.reference import filled
from pipemgr.translate.yaml import compose

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
TABLES = re.compile(r"<!-- made: keys (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
KEY = re.compile(r"^\| `([\w-]+)`", re.MULTILINE)


def test_the_page_is_current() -> None:
    assert made(TEXT) == TEXT, "write it anew: python -m pipemgr.service.reference docs/format.md"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition("\n")[0])
def test_examples_are_valid(example: str) -> None:
    reading = Languages(Registry()).native.reader.read(single("example.yaml", example))
    assert reading.findings == ()
    assert reading.pipeline.stages


def test_every_key_has_an_example() -> None:
    used = set().union(*(keys(compose(example, "example.yaml").plain()) for example in EXAMPLES))
    tables = dict(TABLES.findall(TEXT))
    assert len(tables) >= 12
    missing = {kind: set(KEY.findall(table)) - used for kind, table in tables.items()}
    assert {kind: names for kind, names in missing.items() if names} == {}


def keys(value: Any) -> set[str]:
    match value:
        case dict():
            return set(value).union(*map(keys, value.values()))
        case list():
            return set().union(*map(keys, value))
    return set()


def test_everything_there_is_stands_on_the_page() -> None:
    known = catalogue()
    names = {*known.actions, *known.triggers, *known.runners, *known.contexts, *known.functions, *FEATURES}
    told = {*KEY.findall(TEXT), *re.findall(r"^(?:\| `|### )([\w.-]+)", TEXT, re.MULTILINE)}
    assert names - told == set()
    assert list(notes()) == []


def notes() -> Iterator[str]:
    """Notes of the vendors that are not on the page."""
    for vendor in vendors(Registry()):
        yield from (one.note for one in vendor.features.values() if one.note and one.note not in TEXT)


def test_marks_and_parts_fit() -> None:
    with pytest.raises(PipemgrError, match=r"marks and parts differ: .*features.*nonsense"):
        filled("<!-- made: nonsense -->\n<!-- end -->\n", catalogue(), ())
