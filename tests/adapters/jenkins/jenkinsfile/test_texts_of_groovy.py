"""Strings of Groovy become texts with templates, and any text becomes a string that reads as the same text."""

import contextlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import Losses
from pipemgr.errors import ParseError
from pipemgr.model.expressions import parse
from pipemgr.model.templates import template, untemplate
from pipemgr_jenkins.groovy.parser import parse as parse_groovy
from pipemgr_jenkins.groovy.syntax import Assignment, If, Script, Text
from pipemgr_jenkins.jenkinsfile.expression_writer import condition
from pipemgr_jenkins.jenkinsfile.phrases import truth
from pipemgr_jenkins.jenkinsfile.scope import Scope, Words
from pipemgr_jenkins.jenkinsfile.terms import Terms
from pipemgr_jenkins.jenkinsfile.text_writer import Texts
from pipemgr_jenkins.jenkinsfile.texts import text

WORDS = Words()


def read(code: str, **more: Any) -> str:
    """The text that a value of Groovy is."""
    script = parse_groovy(f"x = {code}", "Jenkinsfile")
    (found,) = script.statements
    assert isinstance(found, Assignment)
    return text(found.value, Scope(words=WORDS, script=script).inner(**more))


def written(value: str) -> str:
    return Texts(WORDS, Losses()).text(value, "x")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("'make ${X} $Y'", "make ${X} $Y"),
        ('"make ${env.X} $Y"', "make ${{ variables.X }} ${{ variables.Y }}"),
        ('"make \\${X} \\$Y"', "make ${X} $Y"),
        ('"v${params.A}-${env.BUILD_NUMBER}"', "v${{ parameters.A }}-${{ build.number }}"),
        ('"$WORKSPACE/x"', "${{ workspace }}/x"),
        ('"${env.JOB_NAME}#${currentBuild.number}"', "${{ pipeline.name }}#${{ build.number }}"),
        ("'a' + env.B + \"c${D}\" + 'e'", "a${{ variables.B }}c${{ variables.D }}e"),
        ('"""\n  a ${env.B}\n"""', "\n  a ${{ variables.B }}\n"),
        ("/a\\d+ ${env.B}/", "a\\d+ ${{ variables.B }}"),
        ('"${{ x }}"', "${{ opaque('jenkins', 'x') }}"),
        ("'${{ x }}'", "${{ '${{' }} x }}"),
        ("\"${env.A ?: 'b'}\"", "${{ variables.A || 'b' }}"),
        ("\"${env.A ? 'b' : ''}\"", "${{ case(variables.A != '', 'b', '') }}"),
        ("\"${f('it')}\"", "${{ opaque('jenkins', 'f(''it'')') }}"),
        ("env.A", "${{ variables.A }}"),
        ("f()", "${{ opaque('jenkins', 'f()') }}"),
        ("5", "5"),
        ("true", "true"),
        ('"${true} ${5}"', "true 5"),
        ("a + b + 'c' + D", "${{ opaque('jenkins', 'a + b') }}c${{ variables.D }}"),
        ("a + ('b' + C)", "${{ opaque('jenkins', 'a') }}b${{ variables.C }}"),
        ("a + b", "${{ opaque('jenkins', 'a + b') }}"),
        ('"${A + \'_\' + "${B}"}"', "${{ variables.A }}_${{ variables.B }}"),
        ("'$' + '{{ x }}'", "${{ '${{' }} x }}"),
    ],
)
def test_strings_are_read(code: str, ours: str) -> None:
    assert read(code) == ours


def test_axes_of_the_matrix_are_no_variables() -> None:
    assert read('"${OS}-${env.OS}"', axes=["OS"]) == "${{ matrix.OS }}-${{ matrix.OS }}"


@pytest.mark.parametrize(
    ("ours", "code"),
    [
        ("make $HOME ${X} \\n", "'make $HOME ${X} \\\\n'"),
        ("it's", "'it\\'s'"),
        ("a\nb", "'''a\nb'''"),
        ("v${{ build.number }}", '"v${env.BUILD_NUMBER}"'),
        ('say "${{ branch }}" $HOME \\', '"say \\"${env.BRANCH_NAME}\\" \\$HOME \\\\"'),
        ("${{ '${{' }} x }}", "'${{ x }}'"),
        ("${{ variables.A || 'b' }}", "\"${env.A ?: 'b'}\""),
    ],
)
def test_texts_are_written(ours: str, code: str) -> None:
    assert written(ours) == code


@given(st.text())
def test_any_plain_text_reads_as_it_was(value: str) -> None:
    ours = untemplate((value,))
    assert read(written(ours)) == ours


PLAIN = st.text(st.sampled_from("aX1 $\\'\"{}\n\t/*-é\u2028"), min_size=1, max_size=12)
EXPRESSIONS = st.sampled_from(
    [
        "branch",
        "build.number",
        "parameters.A",
        "variables.HOME",
        "variables.A || 'b'",
        "case(tag != '', 'it''s \"x\" $y', branch)",
        "opaque('jenkins', 'f(\"${a}\", ''b'')')",
    ]
).map(parse)


@given(st.lists(st.one_of(PLAIN, EXPRESSIONS), max_size=6))
def test_any_text_with_templates_reads_as_it_was(pieces: list[Any]) -> None:
    ours = "".join(
        untemplate(tuple(group)) if not plain else untemplate(("".join(group),))
        for plain, group in _groups(pieces)
    )
    again = read(written(ours))
    assert _joined(again) == _joined(ours)


def _groups(pieces: list[Any]) -> Iterator[tuple[bool, list[Any]]]:
    return ((plain, list(group)) for plain, group in groupby(pieces, lambda one: isinstance(one, str)))


def _joined(value: str) -> list[Any]:
    """The parts of a text, with texts that follow one another as one."""
    found: list[Any] = []
    for part in template(value):
        plain = part if isinstance(part, str) else getattr(part, "value", None)
        if isinstance(plain, str) and found and isinstance(found[-1], str):
            found[-1] += plain
        else:
            found.append(plain if isinstance(plain, str) else str(part))
    return found


# Real files --------------------------------------------------------------------------------------------


def scripts(corpus: Path) -> Iterator[Script]:
    for folder in ("definitions/jenkinsfile", "pairs/pmd-groovy-json", "pairs/pmd-groovy-only"):
        for file in (one for one in sorted((corpus / folder).rglob("*")) if one.is_file()):
            with contextlib.suppress(ParseError, UnicodeDecodeError):
                yield parse_groovy(file.read_text(encoding="utf-8"), file.name)


@pytest.mark.corpus
def test_every_string_of_real_files_reads_as_the_same_text_when_it_is_written(corpus: Path) -> None:
    count, differ = 0, []
    for script in scripts(corpus):
        scope = Scope(words=WORDS, script=script)
        for part in script.walk():
            if isinstance(part, Text):
                once = text(part, scope)
                count += 1
                if _joined(read(written(once))) != _joined(once):
                    differ.append((script.text(part), once))
    assert differ == []
    assert count > 500


@pytest.mark.corpus
def test_every_if_of_real_files_asks_the_same_when_it_is_written(corpus: Path) -> None:
    count, differ = 0, []
    for script in scripts(corpus):
        scope = Scope(words=WORDS, script=script)
        for part in script.walk():
            if isinstance(part, If):
                code = condition(truth(part.condition, scope), Terms())
                again = parse_groovy(f"x = {code}", "Jenkinsfile")
                (found,) = again.statements
                assert isinstance(found, Assignment)
                count += 1
                if condition(truth(found.value, Scope(words=WORDS, script=again)), Terms()) != code:
                    differ.append((script.text(part.condition), code))
    assert differ == []
    assert count > 200
