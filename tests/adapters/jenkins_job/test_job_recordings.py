"""Recorded configurations: what a real Jenkins took and answered is read, written and equal in its normal form."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import ParseError
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import single
from pipemgr_jenkins_job import normalise

pytestmark = pytest.mark.corpus

Exchange = dict[str, Any]
SUCCESS = 200


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """Every recorded exchange in which a job's configuration was sent or answered."""
    named = os.environ.get("PIPEMGR_RECORDINGS")
    if not named:
        pytest.skip("PIPEMGR_RECORDINGS is not set: no recorded configurations are read")
    place = Path(named) / "jenkins"
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(place.rglob("*.json"))]
    return [
        one
        for one in found
        if isinstance(one, dict) and any(part in _path(one) for part in ("/config.xml", "/createItem"))
    ]


def _path(exchange: Exchange) -> str:
    return str(exchange.get("request", {}).get("path", ""))


def configurations(exchanges: list[Exchange]) -> list[str]:
    """What the server took, and what it answered."""
    taken = [one for one in exchanges if one["response"]["status"] == SUCCESS]
    texts = [one["request"]["body"] for one in taken if one["request"]["method"] == "POST"]
    texts += [one["response"]["text"] for one in taken if one["request"]["method"] == "GET"]
    return [text for text in texts if text]


def test_all_that_the_server_took_is_read_and_written_the_same(
    registry: Registry, exchanges: list[Exchange]
) -> None:
    jobs: Dialect = registry.dialect("jenkins-job")
    found = configurations(exchanges)
    assert len(found) >= 10
    refused = []
    for text in found:
        try:
            pipeline = read(single("jobs/lab/config.xml", text), jobs).pipeline
        except Exception as error:  # noqa: BLE001 - which, is said below
            refused.append((text, error))
            continue
        assert normalise(write(pipeline, jobs).documents.documents[0].text) == normalise(text)
    # Jenkins takes a script that is no Groovy, and says so when it is executed.
    assert [text for text, _ in refused] == [text for text in found if "ech 'y'" in text]


def test_what_was_sent_is_what_is_answered_in_normal_form(exchanges: list[Exchange]) -> None:
    sent: dict[str, str] = {}
    compared = 0
    for one in exchanges:
        path, method = _path(one), one["request"]["method"]
        if one["response"]["status"] != SUCCESS:
            continue
        name = path.partition("name=")[2] if "createItem" in path else path.split("/")[-2]
        if method == "POST":
            sent[name] = one["request"]["body"]
        elif name in sent:
            compared += 1
            assert normalise(one["response"]["text"]) == normalise(sent[name])
    assert compared


def test_what_the_server_refuses_as_no_xml_is_refused(registry: Registry, exchanges: list[Exchange]) -> None:
    broken = [
        one["request"]["body"]
        for one in exchanges
        if one["response"]["status"] >= 500 and one["request"]["method"] == "POST"
    ]
    assert broken
    for text in broken:
        with pytest.raises(ParseError):
            read(single("jobs/lab/config.xml", text), registry.dialect("jenkins-job"))
