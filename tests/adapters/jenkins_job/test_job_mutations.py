"""Damaged jobs: read, or refused with a place; never another exception, never a file that is read, never for long."""

import builtins
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import single
from pipemgr_jenkins_job import normalise
from pipemgr_jenkins_job.elements import Element
from pipemgr_jenkins_job.parsing import parse
from pipemgr_jenkins_job.rendering import document

CASES = sorted((Path(__file__).parents[2] / "translation" / "jenkins-job").glob("*/source.xml"))
SOURCES = [path.read_text(encoding="utf-8") for path in CASES]
REGISTRY = Registry()
JOBS = REGISTRY.dialect("jenkins-job")
PLACE = re.compile(r":\d+:\d+$")
LONGEST = 10.0
ODD = (
    "", " ", "\n", "x" * 20_000, "${{", "${{ }}", "${{ secrets.x }}", "-1", "1e999", "true", "\x1b", "]]>", "&amp;",
    "../" * 99, "<scm/>", "TZ=", "{AQAAABAAAAAQ}", "H H H H H H", "a && ", "é\u2028",
)  # fmt: skip
TAGS = (
    "scm", "builders", "triggers", "properties", "definition", "script", "axes", "hudson.tasks.Shell", "a", "string", "name",
)  # fmt: skip


def test_there_are_jobs_to_damage() -> None:
    assert len(SOURCES) >= 4


def damage(root: Element, chance: random.Random) -> None:
    """Change one thing somewhere in a tree."""
    everything = list(root.walk())
    one, other = chance.choice(everything), chance.choice(everything)
    match chance.randrange(8):
        case 0 if one.children:
            one.children.pop(chance.randrange(len(one.children)))
        case 1 if one.children:
            one.children.append(chance.choice(one.children))
        case 2:
            one.tag = chance.choice(TAGS)
        case 3:
            one.children, one.text = [], chance.choice(ODD)
        case 4:
            one.attributes = {
                chance.choice(("class", "reference", "plugin", "serialization")): chance.choice(ODD)
            }
        case 5 if other not in one.walk() and one not in other.walk():
            one.children.append(other)
            one.text = None
        case 6:
            chance.shuffle(one.children)
        case 7:
            one.attributes["reference"] = "/".join(
                chance.choices(("..", "a", "string[2]"), k=chance.randrange(1, 6))
            )


def problem(text: str) -> DefinitionError | None:
    """What is wrong with a text, once all that can be done with it was tried."""
    try:
        normalise(text)
        pipeline = read(single("config.xml", text), JOBS).pipeline
        again = write(pipeline, JOBS).documents
        read(again, JOBS)
    except DefinitionError as error:
        return error
    return None


def tried(text: str) -> None:
    start = time.monotonic()
    wrong = problem(text)
    assert wrong is None or PLACE.search(wrong.where or ""), wrong
    assert time.monotonic() - start < LONGEST


@settings(max_examples=150)
@given(st.sampled_from(SOURCES), st.integers(0, 2**32), st.integers(1, 4))
def test_damaged_elements_are_read_or_refused(source: str, seed: int, times: int) -> None:
    chance = random.Random(seed)
    root = parse(source, "config.xml")
    for _ in range(times):
        damage(root, chance)
    tried(document(root))


@settings(max_examples=100)
@given(st.sampled_from(SOURCES), st.data())
def test_damaged_texts_are_read_or_refused(source: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(source)))
    length = data.draw(st.integers(0, 40))
    new = data.draw(
        st.sampled_from([*ODD, "<", ">", "</", "&", "&#0;", "&#x1b;", "<!--", "<![CDATA[", "\x00", "'"])
    )
    tried(source[:at] + new + source[at + length :])


@settings(max_examples=20)
@given(
    st.sampled_from(SOURCES),
    st.integers(0, 2**32),
    st.sampled_from(["github-actions", "circleci", "jenkins"]),
)
def test_damaged_jobs_are_converted_or_refused(source: str, seed: int, target: str) -> None:
    root = parse(source, "config.xml")
    damage(root, random.Random(seed))
    convert(single("config.xml", document(root)), JOBS, REGISTRY.dialect(target))


HOSTILE = (
    '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><project><description>&x;</description></project>',
    '<!DOCTYPE p SYSTEM "file:///etc/passwd"><project/>',
    '<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><project/>',
    '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><project>&b;</project>',
    '<?xml-stylesheet href="file:///etc/passwd"?><project><builders><xi href="file:///etc/passwd"/></builders></project>',
    "<project>" + "<a>" * 5_000,
    "<project><builders>" + "<a.B reference='../a.B'/>" * 3_000 + "</builders></project>",
    "<project><a>" + "&#27;" * 100_000 + "</a></project>",
    "<project><builders><hudson.tasks.Shell><command>" + "${{" * 30_000 + "</command></hudson.tasks.Shell></builders></project>",
    "<project " + " ".join(f"a{n}='1'" for n in range(20_000)) + "/>",
    "<project><assignedNode>" + "a" * 30_000 + " & </assignedNode></project>".replace("&", "&amp;"),
    "<project><triggers><hudson.triggers.TimerTrigger><spec>" + "H * * * *\n" * 5_000
    + "</spec></hudson.triggers.TimerTrigger></triggers></project>",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_read_no_file_and_come_to_an_end(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried("<project/>")  # tables are read by now
    opened: list[Any] = []
    usual = builtins.open
    monkeypatch.setattr(
        builtins, "open", lambda *args, **more: opened.append(args[0]) or usual(*args, **more)
    )
    tried(text)
    assert not any("passwd" in str(one) for one in opened)
