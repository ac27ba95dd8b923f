"""XML in and out: places, limits, and the bytes that Jenkins itself would write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import ParseError
from pipemgr_jenkins_job.elements import Element, flat, grown
from pipemgr_jenkins_job.parsing import MAX_DEPTH, parse
from pipemgr_jenkins_job.references import resolve
from pipemgr_jenkins_job.rendering import document, rendered

PLACE = re.compile(r"config\.xml:\d+:\d+$")

characters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
elements = st.recursive(
    st.builds(Element, names, st.dictionaries(names, characters, max_size=2), text=st.none() | characters),
    lambda inner: st.builds(
        Element,
        names,
        st.dictionaries(names, characters, max_size=2),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


def bare(element: Element) -> object:
    return element.tag, element.attributes, element.text, [bare(one) for one in element.children]


@given(elements)
def test_what_is_written_is_read_again(element: Element) -> None:
    assert bare(parse(document(element), "config.xml")) == bare(element)


def test_the_style_is_that_of_jenkins() -> None:
    element = Element(
        "project",
        children=[
            Element("description", text=""),
            Element("properties"),
            Element("command", text='echo "it\'s" > a && b\r\n\x1b[0m'),
        ],
    )
    assert document(element) == (
        "<?xml version='1.1' encoding='UTF-8'?>\n"
        "<project>\n"
        "  <description></description>\n"
        "  <properties/>\n"
        "  <command>echo &quot;it&apos;s&quot; &gt; a &amp;&amp; b&#xd;\n&#x1b;[0m</command>\n"
        "</project>"
    )


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_control_characters_come_as_references_in_either_version(version: str) -> None:
    text = f"<?xml version='{version}' encoding='UTF-8'?>\n<p><a>&#27;[1m&#x1B;</a></p>"
    assert parse(text, "config.xml").find("a") == "\x1b[1m\x1b"


def test_elements_know_their_places() -> None:
    root = parse("<?xml version='1.1'?>\n<p>\n  <ä/><b>\n</b>\n</p>", "config.xml")
    assert [(one.tag, one.line, one.column) for one in root.children] == [("ä", 3, 3), ("b", 3, 7)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not XML"),
        ("<p>", "not XML"),
        ("<p></q>", "not XML"),
        ("<p>&unknown;</p>", "not XML"),
        ("<p>\x1b</p>", "not XML"),
        ("<p>text<b/></p>", "stands between"),
        ('<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>', "document type"),
        ('<!DOCTYPE p SYSTEM "http://example.org/p.dtd"><p/>', "document type"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), "deep"),
        ("<a>" + "<b/>" * 100_001 + "</a>", "more than"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        parse(text, "config.xml")
    assert PLACE.match(caught.value.where or "")


def test_references_stand_for_what_they_lead_to() -> None:
    root = parse(
        "<p><a><s class='x'><t>1</t></s></a><a><s class='x' reference='../../a/s'/></a>"
        "<v><owner reference='../..'/></v><w reference='../none'/></p>",
        "config.xml",
    )
    resolve(root)
    assert [rendered(one) for one in root.children[1].children] == ['<s class="x">\n  <t>1</t>\n</s>']
    assert root.children[2].children[0].attributes == {"reference": "../.."}
    assert root.children[3].attributes == {"reference": "../none"}


def test_references_that_double_what_they_lead_to_come_to_an_end() -> None:
    doubled = "".join(
        f"<a><x reference='../../a[{n}]'/><y reference='../../a[{n}]'/></a>" for n in range(1, 40)
    )
    root = parse(f"<p><a><t/></a>{doubled}</p>", "config.xml")
    resolve(root)
    assert sum(1 for _ in root.walk()) <= 100_000


def test_paths_lead_both_ways() -> None:
    element = parse("<a><b class='k'><c>1</c><d/></b><e></e></a>", "config.xml")
    said = flat(element)
    assert said == {"b/@class": "k", "b/c": "1", "b/d": None, "e": ""}
    assert bare(grown("a", said)) == bare(element)
    assert flat(parse("<a><b>1</b><b>2</b></a>", "config.xml")) is None
