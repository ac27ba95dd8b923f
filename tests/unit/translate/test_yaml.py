"""YAML in: the core schema of 1.2, places, and one clear error for everything that is not."""

import time

import pytest
import yaml as pyyaml

from pipemgr.errors import ParseError
from pipemgr.translate import yaml
from pipemgr.translate.document import MAX_BYTES
from pipemgr.translate.yaml import MAX_DEPTH, MAX_NODES, compose, compose_all


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything holds with and without the C library."""
    monkeypatch.setattr(yaml, "_LOADER", getattr(pyyaml, request.param))
    return str(request.param)


def plain(text: str) -> object:
    return compose(text, "f").plain()


def error(text: str) -> ParseError:
    with pytest.raises(ParseError) as caught:
        compose(text, "f")
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            (word, word)
            for word in ("on", "off", "yes", "NO", "y", "12:30:45", "2026-01-01", "1_000", "0b1", "=", "<")
        ),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("+7", 7),
        ("1.10", 1.1),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("9007199254740993", 9007199254740992.0),
        ("nulL", "nulL"),
        ("tRue", "tRue"),
        ("0o8", "0o8"),
        ("1e", "1e"),
        (".", "."),
        ("-", [None]),
        ("'010'", "010"),
        ('"true"', "true"),
        ("!!str 010", "010"),
        ("!!int '5'", 5),
        ("!!float 1", 1),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    found = plain(text)
    assert found == value
    assert type(found) is type(value)


def test_keys_are_their_text() -> None:
    assert plain("on: 1\n3.10: 2\ntrue: 3\n~: 4\n? long\n: 5") == {
        "on": 1,
        "3.10": 2,
        "true": 3,
        "~": 4,
        "long": 5,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {p: [1]}\nb: *x", {"a": {"p": [1]}, "b": {"p": [1]}}),
        ("a: &x 1\nb: [*x, *x]", {"a": 1, "b": [1, 1]}),
        ("a: &x {p: 1, q: 1}\nb: {q: 2, <<: *x}", {"a": {"p": 1, "q": 1}, "b": {"q": 2, "p": 1}}),
        ("a: {<<: [{p: 1}, {p: 2, q: 2}]}", {"a": {"p": 1, "q": 2}}),
        ("a:\n  <<: {p: 1}\n  <<: {p: 2, q: 2}", {"a": {"p": 1, "q": 2}}),
        ("a: {<<: {<<: {p: 1}}}", {"a": {"p": 1}}),
        ("a: {'<<': 1}", {"a": {"<<": 1}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("&k key: *k", {"key": "key"}),
    ],
)
def test_anchors_and_merges(text: str, value: object) -> None:
    assert plain(text) == value


def test_places_are_those_of_keys_and_of_the_anchored_text() -> None:
    root = compose("a: &x\n  p: [1, 2]\nb: *x\nc:\n  <<: *x\n", "f").items()
    assert root["b"].where == "f:3:1"
    second = root["b"].items()["p"].entries()[1]
    assert (second.where, second.path) == ("f:2:10", "b.p[1]")
    assert root["c"].items()["p"].where == "f:2:3"
    assert root["a"].items()["p"] is not root["b"].items()["p"]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1", "'a' stands here twice, first in line 1"),
        ("1: a\n'1': b", "f:2:1", "twice"),
        ("{a: 1, a: 2}", "f:1:8", "twice"),
        ("? [a]\n: b", "f:1:3", "can't be a key"),
        ("a: *x", "f:1:4", "no anchor &x before it"),
        ("a: &x [*x]", "f:1:8", "inside of its own anchor"),
        ("a\n---\nb", "f:2:1", "second document"),
        ("a: !env X", "f:1:4", "tag !env"),
        ("a: !!set {x}", "f:1:4", "tag !!set"),
        ("a: !!int x", "f:1:4", "no !!int"),
        ("a: .nan", "f:1:4", "JSON"),
        ("a: -.INF", "f:1:4", "JSON"),
        ("a: 1e999", "f:1:4", "JSON"),
        ("a: " + "9" * 100_000, "f:1:4", "JSON"),
        ("a: 0x" + "f" * 100_000, "f:1:4", "JSON"),
        ("<<: 1", "f:1:1", "<< takes a mapping"),
        ("<<: [{a: 1}, 2]", "f:1:1", "<< takes a mapping"),
        ("a: b: c", "f:1:5", "second ': '"),
        ("a:\n\t- b", "f:2:1", "tab"),
        ("a:\n  b: 1\n c: 2", "f:3:2", ""),
        ("a: 'x", "f:1:6", "quote"),
        ("a: \x01", "f:1:4", "U+0001"),
        ("ok: 1\na: \x00", "f:2:4", "U+0000"),
        ("a: \ud800", "f:1:4", "U+D800"),
        ('a: "\\ud800"', None, ""),
        ('a: "\\UFFFFFFFF"', None, ""),
        ("a: @x", "f:1:4", ""),
        ("a: [1,", None, ""),
        ("&", None, ""),
        ("%YAML 3.0\n---\na", None, ""),
        ("[" * 50_000, f"f:1:{MAX_DEPTH + 1}", "deep"),
        ("- " * 50_000, f"f:1:{2 * MAX_DEPTH + 1}", "deep"),
        ("{a: " * 50_000, None, "deep"),
        ("? " * 50_000, None, "deep"),
        ("\n".join(" " * depth + "a:" for depth in range(2000)), None, "deep"),
        ("x" * (MAX_BYTES + 1), "f", "larger than"),
    ],
)
def test_what_is_refused_says_where_and_why_in_one_line(text: str, where: str | None, says: str) -> None:
    found = error(text)
    assert found.where is not None
    assert where is None or found.where == where
    assert says in found.message
    assert "\n" not in str(found)
    assert len(str(found)) < 200


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "a: b: c", "a:\n\t- b", "a: 'x", "a: @x", "x: !t 1", "a: \x01"]
)
def test_common_mistakes_have_a_remedy(text: str) -> None:
    assert error(text).remedy


def _laughs(width: int, depth: int) -> str:
    first = f"a0: &a0 [{','.join('x' * width)}]\n"
    return first + "".join(f"a{at}: &a{at} [{','.join([f'*a{at - 1}'] * width)}]\n" for at in range(1, depth))


@pytest.mark.parametrize(
    "text",
    [
        _laughs(9, 30),
        "a0: &a0 {k: 1}\n"
        + "".join(f"a{at}: &a{at} {{<<: [*a{at - 1}, *a{at - 1}], k{at}: 1}}\n" for at in range(1, 3000)),
        "a0: &a0 "
        + "[" * 90
        + "]" * 90
        + "\n"
        + "".join(f"a{at}: &a{at} [*a{at - 1}]\n" for at in range(1, 30)),
        "[" + "1," * (2 * MAX_NODES) + "]",
    ],
    ids=["laughs", "merges", "depth by aliases", "many"],
)
def test_bombs_are_refused_in_bounded_time(text: str, loader: str) -> None:
    begun = time.process_time()  # of this process alone: a busy machine makes nothing longer
    assert error(text).message
    assert time.process_time() - begun < (10 if loader == "CSafeLoader" else 120)


def test_large_is_no_bomb() -> None:
    text = "\n".join(f"key{number}: [{number}, value]" for number in range(20_000))
    assert len(compose(text, "f").items()) == 20_000


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff", "\r\n"])
def test_nothing_is_null(text: str) -> None:
    assert compose(text, "f").is_null


@pytest.mark.parametrize("text", ["a: 1\r\nb: |\r\n  x\r\n  y\r\n", "\ufeffa: 1\nb: |\n  x\n  y\n"])
def test_line_ends_and_byte_order_marks_do_not_matter(text: str) -> None:
    assert plain(text) == {"a": 1, "b": "x\ny\n"}


def test_several_documents_share_a_source() -> None:
    first, second = compose_all("a: 1\n---\nb: 2\n", "f")
    assert (first.plain(), second.plain()) == ({"a": 1}, {"b": 2})
    assert first.origin is second.origin
    assert second.items()["b"].where == "f:3:1"
    assert compose_all("", "f") == ()


def test_an_anchor_ends_with_its_document() -> None:
    with pytest.raises(ParseError, match="no anchor"):
        compose_all("a: &x 1\n---\nb: *x\n", "f")
