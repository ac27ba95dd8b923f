"""Real-looking documents with something broken in them: read, or refused with a place, and never anything else."""

import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.registry import Registry
from pipemgr.service.languages import Languages
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.report import Outcome

HERE = Path(__file__).parent
REGISTRY = Registry()
LANGUAGES = Languages(REGISTRY)
READABLE = [
    name
    for name in LANGUAGES.names()
    if name == "native" or REGISTRY.manifest(name).capabilities[Capability.READ]
]
PLACE = re.compile(r":\d+:\d+$")
LONGEST = 10.0
"""Seconds that reading and writing may take, however broken a document is, on a busy machine."""
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", " ", "x" * 50_000, "${{", "${{ }}", "<< x", "<<parameters.x>>", "{{ .Branch }}",
    "a\x00b", "${{ secrets['x'] }}", [], {}, [[]], [None], {"": None}, {"<<": 1}, {"a": {"b": {"c": []}}}, "!!!", "*",
)  # fmt: skip
Where = tuple[Any, Any]
"""A collection and a key (or an index) in it."""


def sources(name: str) -> list[str]:
    """Documents of a language; pipemgr's own and another target's are those that stand for them."""
    found = [*HERE.glob(f"{name}/*/source.*"), *HERE.glob(f"{name}/*/written.*")]
    if name == "native":
        found = [*HERE.glob("*/*/pipeline.yaml")]
    if not found:
        found = [*HERE.glob("github-actions/*/source.*")]
    return [path.read_text(encoding="utf-8") for path in sorted(found)]


class Loader(yaml.SafeLoader):
    """YAML with `on` as a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - overrides the library's own
        first: [(tag, pattern) for tag, pattern in rows if not tag.endswith((":bool", ":timestamp"))]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def places(value: Any) -> Iterator[Where]:
    """Every place of a document where a value stands."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def delete(chance: random.Random, where: Where) -> None:
    del where[0][where[1]]


def duplicate(chance: random.Random, where: Where) -> None:
    within, key = where
    if isinstance(within, list):
        within.insert(key, within[key])
    else:
        within[f"{key}2"] = within[key]


def retype(chance: random.Random, where: Where) -> None:
    where[0][where[1]] = chance.choice(ODD)


def wrap(chance: random.Random, where: Where) -> None:
    value = where[0][where[1]]
    where[0][where[1]] = chance.choice(([value], {"x": value}, [value, value], str(value)))


def rename(chance: random.Random, where: Where) -> None:
    within, key = where
    if isinstance(within, dict):
        within[chance.choice(("", "x", "name", "if", "when", "0", f"{key} "))] = within.pop(key)


def swap(chance: random.Random, where: Where) -> None:
    within, key = where
    other = chance.choice(list(within) if isinstance(within, dict) else range(len(within)))
    within[key], within[other] = within[other], within[key]


def nest(chance: random.Random, where: Where) -> None:
    value = where[0][where[1]]
    for _ in range(chance.choice((5, 60))):
        value = chance.choice(([value], {"steps": [value]}))
    where[0][where[1]] = value


CHANGES: tuple[Callable[[random.Random, Where], None], ...] = (
    delete, duplicate, retype, retype, wrap, rename, swap, nest,
)  # fmt: skip


def mutated(text: str, chance: random.Random) -> str:
    """The document with one to three changes anywhere in it; in its characters where it is no YAML."""
    try:
        data = yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict | list):
        return damaged(text, chance)
    for _ in range(chance.randint(1, 3)):
        known = list(places(data))
        if known:
            chance.choice(CHANGES)(chance, chance.choice(known))
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def damaged(text: str, chance: random.Random) -> str:
    """The text with one to three pieces of it taken out, said again, moved elsewhere or made something odd."""
    for _ in range(chance.randint(1, 3)):
        begin, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, begin + chance.choice((1, 8, 80)))
        before, piece, after = text[:begin], text[begin:end], text[end:]
        odd = chance.choice(
            ("", piece * 2, "{", "}", "'", "${", "\\", "</a>", "&#x1b;", "\x00", "x" * 50_000)
        )
        at = chance.randrange(len(after) + 1)
        moved = before + after[:at] + piece + after[at:]
        text = chance.choice((before + odd + after, before + after, moved))
    return text


def read_or_refused(text: str, language: Dialect) -> None:
    """The document becomes a pipeline or a refusal, quickly, and everything said of it has a place."""
    begin = time.monotonic()
    conversion = convert(single(".ci/config.yml", text), language, LANGUAGES.native)
    assert time.monotonic() - begin < LONGEST
    report = conversion.report
    assert all(PLACE.search(finding.source) and finding.why for finding in report.findings)
    counts = report.accounting.model_dump()
    assert counts.pop("nodes") == sum(counts.values())
    assert (report.outcome is Outcome.FAILED) == (not conversion.documents)


@pytest.mark.parametrize("name", READABLE)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(data=st.data())
def test_broken_documents_are_read_or_refused_with_a_place(name: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sources(name)))
    broken = mutated(text, data.draw(st.randoms(use_true_random=False)))
    read_or_refused(broken, LANGUAGES.get(name))


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 2000,
        "a: " * 2000,
        "- " * 500,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(20)]),
        "x: " + "${{ " + "(" * 5000 + " }}",
        "jobs: 3\nworkflows: {version: 2}\nversion: 2.1\npipeline: x\non: push\nstages: []",
        "%YAML 9.9\n---\na",
        "a: b\n---\nc: d",
        "\ufeff",
        "\t",
        "? [a]\n: b",
        "!!python/object/apply:os.system ['true']",
    ],
    ids=range(14),
)
def test_hostile_documents_end_quickly_too(name: str, text: str) -> None:
    read_or_refused(text, LANGUAGES.get(name))
