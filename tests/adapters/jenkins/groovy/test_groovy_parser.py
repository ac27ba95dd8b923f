"""Groovy is taken apart as Jenkins' Groovy does it; what is no Groovy is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from pipemgr.errors import ParseError
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.parser import parse


def shape(part: Any, source: str) -> Any:  # noqa: C901, PLR0911, PLR0912  (a row for each class)
    """A part as nested tuples, short enough to write down."""

    def inner(one: Any) -> Any:
        return shape(one, source)

    match part:
        case syntax.Constant(value=value):
            return value
        case syntax.Text(pieces=pieces):
            return ("text", *(one if isinstance(one, str) else [inner(one)] for one in pieces))
        case syntax.Name(name=name):
            return f"`{name}"
        case syntax.Property(target=target, name=name, operator=operator):
            return (operator, inner(target), name)
        case syntax.Index(target=target, key=key):
            return ("[]", inner(target), inner(key))
        case syntax.Argument(value=value, key=key):
            return inner(value) if key is None else {key: inner(value)}
        case syntax.Closure(statements=statements, parameters=parameters):
            return ("{}" + parameters, *map(inner, statements))
        case syntax.Call(name=name, arguments=arguments, target=None):
            return (f"{name}()", *map(inner, arguments))
        case syntax.Call(name=name, arguments=arguments, target=target):
            return (f".{name}()", inner(target), *map(inner, arguments))
        case syntax.Items(items=items):
            return [inner(one) for one in items]
        case syntax.Entries(entries=entries):
            return {"map": [(inner(one.key), inner(one.value)) for one in entries]}
        case syntax.Operation(operator=operator, operands=operands):
            return (operator, *map(inner, operands))
        case syntax.Declaration(type=kind, name=name, value=value):
            return ("declare", kind, name, value and inner(value))
        case syntax.Assignment(target=target, operator=operator, value=value):
            return (operator, inner(target), inner(value))
        case syntax.Block(statements=statements):
            return ("block", *map(inner, statements))
        case syntax.If(condition=condition, then=then, otherwise=otherwise):
            return ("if", inner(condition), inner(then), otherwise and inner(otherwise))
        case syntax.Try(body=body, catches=catches, final=final):
            caught = [(one.parameter, inner(one.body)) for one in catches]
            return ("try", inner(body), caught, final and inner(final))
        case syntax.Loop(word=word, head=head, body=body):
            return (word, head, inner(body))
        case syntax.Method(type=kind, name=name, parameters=parameters, body=body):
            return ("method", kind, name, parameters, inner(body))
        case syntax.Return(value=value):
            return ("return", value and inner(value))
        case syntax.Code():
            return ("code", source[part.start : part.end])
    raise AssertionError(part)


def shapes(text: str) -> list[Any]:
    script = parse(text, "Jenkinsfile")
    return [shape(one, text) for one in script.statements]


def one(text: str) -> Any:
    (found,) = shapes(text)
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'a\'b\\c\n\t\u00e9\101\$'", "a'b\\c\n\té" + "A$"),
        ("'a \\\n b'", "a  b"),
        ("'''a'b''c\nd'''", "a'b''c\nd"),
        ("'''a\r\nb'''", "a\nb"),
        ('"""a"b""c"""', 'a"b""c'),
        (
            r"'''\
a'''",
            "a",
        ),
        ("/a\\/b\\.c$/", "a/b\\.c$"),
        ("/a\nb/", "a\nb"),
        ("$/a$$b$/c/d\\e/$", "a$b/c/d\\e"),
        (r"'\ud83d\ude00'", "\U0001f600"),
        ("''", ""),
        ('""', ""),
        ("1_000", 1000),
        ("0x1F", 31),
        ("010", 8),
        ("1.5", 1.5),
        ("10L", 10),
        ("-3", -3),
        ("2.5f", 2.5),
        ("true", True),
        ("null", None),
    ],
)
def test_literals(text: str, value: Any) -> None:
    assert one(f"x = {text}") == ("=", "`x", value)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('"a $b.c. d"', ("a ", [(".", "`b", "c")], ". d")),
        ('"${a}${b}"', (["`a"], ["`b"])),
        ('"$a-${b ? "x${c}" : \'y\'}"', (["`a"], "-", [("? :", "`b", ("text", "x", ["`c"]), "y")])),
        ('"""l1\n${x.y(1)}\\$z"""', ("l1\n", [(".y()", "`x", 1)], "$z")),
        ('"${}"', ([("code", "")],)),
        ('"${a; b}"', ([("code", "a; b")],)),
        ("/^${a}$/", ("^", ["`a"], "$")),
        ("$/$a/b/$", (["`a"], "/b")),
    ],
)
def test_interpolation(text: str, pieces: Any) -> None:
    assert one(f"x = {text}") == ("=", "`x", ("text", *pieces))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sh 'x'", ("sh()", "x")),
        ("'a.b' 'x'", ("a.b()", "x")),
        ("'a.b'('x')", ("a.b()", "x")),
        ("sh('x')", ("sh()", "x")),
        ("sh ('a') + 'b'", ("+", ("sh()", "a"), "b")),
        ("timeout time: 5, unit: 'MINUTES'", ("timeout()", {"time": 5}, {"unit": "MINUTES"})),
        ("foo a,\n  b", ("foo()", "`a", "`b")),
        ("foo(\n a: 1,\n 'b': 2,\n)", ("foo()", {"a": 1}, {"b": 2})),
        ("foo()", ("foo()",)),
        ("foo(*a)", ("foo()", ("*", "`a"))),
        ("stage('x') { }", ("stage()", "x", ("{}",))),
        ("stage('x')\n{ }", ("stage()", "x", ("{}",))),
        ("stage 'x', { }", ("stage()", "x", ("{}",))),
        ("node { a() }", ("node()", ("{}", ("a()",)))),
        ("node label { }", ("node()", ("label()", ("{}",)))),
        ("a.b('x').c { d -> e }", (".c()", (".b()", "`a", "x"), ("{}d", "`e"))),
        ("a\n  // why\n  .b()\n  ?.c", ("?.", (".b()", "`a"), "c")),
        ("a b c d", (".c()", ("a()", "`b"), "`d")),
        ("a b c", (".", ("a()", "`b"), "c")),
        ("f(1) { } { }", ("f()", 1, ("{}",), ("{}",))),
        ("foo[x](1)", (".call()", ("[]", "`foo", "`x"), 1)),
        ("foo.'a-b'(1)", (".a-b()", "`foo", 1)),
        ('env."$a"', ("[]", "`env", ("text", ["`a"]))),
        ("foo [1, 2]", ("[]", "`foo", [1, 2])),
        ("list*.name", ("*.", "`list", "name")),
        ("echo !a", ("echo()", ("!", "`a"))),
        ("sh $/a/$", ("sh()", "a")),
        ('parallel "x${y}": { }, b: { }', ("parallel()", {'"x${y}"': ("{}",)}, {"b": ("{}",)})),
        (
            "x = sh script: 'a', returnStdout: true",
            ("=", "`x", ("sh()", {"script": "a"}, {"returnStdout": True})),
        ),
    ],
)
def test_calls(text: str, expected: Any) -> None:
    assert one(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = a || b && !c", ("||", "`a", ("&&", "`b", ("!", "`c")))),
        ("x = a == 1 ? 'b' : c ?: d", ("? :", ("==", "`a", 1), "b", ("?:", "`c", "`d"))),
        ("x = a\n ? 1\n : 2", ("? :", "`a", 1, 2)),
        ("x = a -\n b - c", ("-", ("-", "`a", "`b"), "`c")),
        ("x = 1 + 2 * 3", ("+", 1, ("*", 2, 3))),
        ("x = (1 + 2) * 3", ("*", ("+", 1, 2), 3)),
        ("x = a / b / c", ("/", ("/", "`a", "`b"), "`c")),
        ("x = a =~ /b/", ("=~", "`a", "b")),
        ("x = a ==~ 'b' && c in [1, 2]", ("&&", ("==~", "`a", "b"), ("in", "`c", [1, 2]))),
        ("x = a !in b", ("!in", "`a", "`b")),
        ("x = y as Integer", ("as", "`y", "`Integer")),
        ("x = y instanceof a.B<C>[]", ("instanceof", "`y", ("code", "a.B<C>[]"))),
        ("x = (String) y.z", ("code", "(String) y.z")),
        ("x = new A<B>(1).c()", (".c()", ("code", "new A<B>(1)"))),
        ("x = 1..5", ("..", 1, 5)),
        ("x = i++", ("x++", "`i")),
        ("x = a.&b", ("code", "a.&b")),
        (
            "x = [1, [a: 'b', 'c d': e, (f): 1, 2: 3], [:], []]",
            [1, {"map": [("a", "b"), ("c d", "`e"), ("`f", 1), (2, 3)]}, {"map": []}, []],
        ),
        ("x = a['b'].c[0]", ("[]", (".", ("[]", "`a", "b"), "c"), 0)),
        ("x = { String a, b = [1, { 2 }] -> a }", ("{}String a, b = [1, { 2 }]", "`a")),
        ("x = { -> a }", ("{}", "`a")),
    ],
)
def test_expressions(text: str, expected: Any) -> None:
    assert one(text) == ("=", "`x", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def x = 1", ("declare", "def", "x", 1)),
        ("def x", ("declare", "def", "x", None)),
        ("String[] x = a", ("declare", "String[]", "x", "`a")),
        ("Map<String, List<String>> x = [:]", ("declare", "Map<String, List<String>>", "x", {"map": []})),
        ("int x = 1", ("declare", "int", "x", 1)),
        ("@Field final def x = 1", ("declare", "@Field final def", "x", 1)),
        ("@Field\nString x", ("declare", "@Field\nString", "x", None)),
        ("def (a, b) = c()", ("declare", "def", "(a, b)", ("c()",))),
        ("(a, b) = c()", ("=", ("code", "(a, b)"), ("c()",))),
        ("env.A = 'b'", ("=", (".", "`env", "A"), "b")),
        ("a[0] += 1", ("+=", ("[]", "`a", 0), 1)),
        ("a = b = c", ("=", "`a", ("=", "`b", "`c"))),
        ("def f(a, b = 1) { return a }", ("method", "def", "f", "a, b = 1", ("block", ("return", "`a")))),
        ("@NonCPS\ndef f()\n{\n}", ("method", "@NonCPS\ndef", "f", "", ("block",))),
        ("private static String f(Map m = [:]) { }", ("method", "private static String", "f", "Map m = [:]", ("block",))),
        ("if (a) { b() } else if (c) d() else { }",
         ("if", "`a", ("block", ("b()",)), ("block", ("if", "`c", ("block", ("d()",)), ("block",))))),
        ("if (a)\n{\n b()\n}\nelse\n{\n}", ("if", "`a", ("block", ("b()",)), ("block",))),
        ("if (a) b(); else c()", ("if", "`a", ("block", ("b()",)), ("block", ("c()",)))),
        ("try { a() }\ncatch (A | B e) { }\nfinally { b() }",
         ("try", ("block", ("a()",)), [("A | B e", ("block",))], ("block", ("b()",)))),
        ("for (int i = 0; i < 3; i++) { a() }", ("for", "int i = 0; i < 3; i++", ("block", ("a()",)))),
        ("while (true) a()", ("while", "true", ("block", ("a()",)))),
        ("loop: for (x in y) { }", ("for", "x in y", ("block",))),
        ("return", ("return", None)),
        ("@Library('x') _", ("code", "@Library('x') _")),
        ("@Library('x')_", ("code", "@Library('x')_")),
        ("import a.b.C as D", ("code", "import a.b.C as D")),
        ("@Library('x') import a.B", ("code", "@Library('x') import a.B")),
        ("throw new X('a')", ("code", "throw new X('a')")),
        ("switch (x) {\n case 1: a(); break\n}", ("code", "switch (x) {\n case 1: a(); break\n}")),
        ("class X extends Y\n{\n def a\n}", ("code", "class X extends Y\n{\n def a\n}")),
        ("def a = 1, b = 2", ("code", "def a = 1, b = 2")),
        ("do { a() } while (b)", ("code", "do { a() } while (b)")),
    ],
)  # fmt: skip
def test_statements(text: str, expected: Any) -> None:
    assert one(text) == expected


def test_several_sections_on_a_line() -> None:
    assert shapes("agent any; stages { }\nwhen { branch 'x' } steps { sh 'y' }") == [
        ("agent()", "`any"),
        ("stages()", ("{}",)),
        ("when()", ("{}", ("branch()", "x"))),
        ("steps()", ("{}", ("sh()", "y"))),
    ]


def test_comments_shebang_and_marks_are_left_out() -> None:
    assert shapes("\ufeff#!/usr/bin/env groovy\n// a '\n/* b \" { */ c() /* d */ // e\n") == [("c()",)]


def test_what_is_unclear_stays_as_it_is_and_takes_nothing_with_it() -> None:
    text = "a('x') { b ]= c }\n".replace("]", "->")
    assert shapes(text + "d()") == [("a()", "x", ("{}b", ("code", "= c"))), ("d()",)]
    assert one("a(b c d e f, 1, { g() })") == ("a()", ("code", "b c d e f"), 1, ("{}", ("g()",)))
    assert shapes("1BAR = 'x'\ny()") == [("code", "1BAR = 'x'"), ("y()",)]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a {\n  b(", "2:4", "`(` is not closed"),
        ("a {\n  b(\n}", "2:4", "`(` is not closed before the `}` at 3:1"),
        ("a\n}", "2:1", "`}` closes nothing"),
        ("x = 'a\nb'", "1:5", "does not end on its line"),
        ("\nx = '''a\nb", "2:5", "does not end"),
        ('x = "${a', "1:6", "`${` is not closed"),
        ('a "b ${c" }\n', "1:6", "`${` is not closed"),
        ("a {\n  b {\n    c\n  d { e }\n}\n", "2:5", "the `}` at 5:1, which stands further left"),
        ("stage(\u2018a\u2019)", "1:7", "is no quote in Groovy"),
        ('x = "${a}', "1:5", "does not end"),
        ("/* a", "1:1", "a comment that begins here does not end"),
        ("x = /a", "1:5", "does not end"),
        ("sh 'a\\.b'", "1:6", "Groovy has no escape `\\.`"),
        ('sh "a $5"', "1:7", "a `$` that begins no expression"),
    ],
)
def test_what_is_no_groovy_is_refused(text: str, where: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, "Jenkinsfile")
    assert caught.value.where == f"Jenkinsfile:{where}"
    assert message in caught.value.message
    assert caught.value.remedy


def test_places_count_from_where_the_script_stands_in_its_file() -> None:
    for text, where in (("a(", "config.xml:7:31"), ("\n a(", "config.xml:8:3")):
        with pytest.raises(ParseError) as caught:
            parse(text, "config.xml", line=7, column=30)
        assert caught.value.where == where


def test_spans_hold_the_text_of_their_parts() -> None:
    text = "a (b + c).d('x') { e }\nf g: [1, 2] // h\n"
    script = parse(text, "Jenkinsfile")
    assert [script.text(one) for one in script.statements] == ["a (b + c).d('x') { e }", "f g: [1, 2]"]
    for part in script.walk():
        for child in part.children():
            assert part.start <= child.start <= child.end <= part.end
