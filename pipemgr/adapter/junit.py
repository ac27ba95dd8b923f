"""JUnit reports: the test cases in the XML that nearly every test tool can write.

There is no standard; this reads what Ant, Maven Surefire, pytest, Gradle and their followers have in common. Entities
are not resolved and nothing is fetched, so a report from a stranger does no harm.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pipemgr.errors import ParseError
from pipemgr.model.runs import TestCase
from pipemgr.model.status import Result

if TYPE_CHECKING:
    from lxml.etree import _Element

SHOWN: Final = 4000
"""Characters of a message that are kept."""
_RESULTS: Final = {"error": Result.ERROR, "failure": Result.FAILURE, "skipped": Result.SKIPPED}
_CONTROLS: Final = bytes(set(range(32)) - {9, 10, 13})
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")


def parse(content: bytes, where: str = "the report") -> tuple[TestCase, ...]:
    """The test cases of a report, in its order; none when it is XML, but no report.

    Control characters, which test tools print and XML forbids, are left out. Raises `ParseError` with the line for
    what is no XML.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(_legal(content), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        place = f"{where}:{line}:{column}"
        raise ParseError(f"no JUnit report: {error.msg}", where=place) from None
    return tuple(_case(one) for one in root.iter("{*}testcase"))


def _legal(content: bytes) -> bytes:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content
    return _REFERENCE.sub(_legal_reference, content.translate(None, _CONTROLS))


def _legal_reference(found: re.Match[bytes]) -> bytes:
    number = int(found[1], 16) if found[1] else int(found[2])
    return b"" if number < 32 and number not in {9, 10, 13} else found[0]  # noqa: PLR2004 - the first printable one


def _case(element: _Element) -> TestCase:
    result, message = Result.SUCCESS, ""
    for child in element.iterchildren(*(f"{{*}}{name}" for name in _RESULTS)):
        result = _RESULTS[str(child.tag).rpartition("}")[2]]
        message = (child.get("message") or "".join(child.itertext()).strip())[:SHOWN]
        break
    return TestCase(
        name=element.get("name") or "",
        suite=element.get("classname") or _suite(element),
        result=result,
        seconds=_seconds(element.get("time")),
        message=message,
    )


def _suite(element: _Element) -> str:
    above = element.getparent()
    return (above.get("name") or "") if above is not None else ""


def _seconds(text: str | None) -> float | None:
    try:
        found = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None
