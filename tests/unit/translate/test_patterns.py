"""Patterns: globs, regular expressions and comparisons take the same names.

What globs mean: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax (the cheat sheet of
filter patterns).
"""

import re
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name
from pipemgr.translate.patterns import (
    glob_to_regex,
    globs_to_regex,
    regex_bounds,
    regex_to_expression,
    regex_to_globs,
)

BRANCH = Name("branch")
names = st.lists(st.text("abv1.-+", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join)
"""Names of branches: no empty part between slashes."""
globs = st.lists(
    st.sampled_from(
        ["a", "b", "v", "1", ".", "/", "*", "**", "**/", "[ab]", "[a-v1]", "a?", "b+", "[1v]+", "\\+"]
    ),
    min_size=1,
    max_size=5,
).map("".join)
regexes = st.recursive(
    st.sampled_from(["a", "b", "v1", "/", "-", r"\.", r"\/", ".*", ".+", "[^/]*", "[^/]+", r"\d", r"\d+"])
    | st.sampled_from(
        ["[ab]", "[a-v]+", "[.-]", "a?", "b*", "v{2}", "1{1,2}", r"[\w.]+", ".", r"\w", "[^a]"]
    ),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=1, max_size=3).map(lambda several: f"({'|'.join(several)})")
        | inner.map(lambda one: f"(?:{one})?")
    ),
    max_leaves=6,
).flatmap(lambda one: st.sampled_from([one, f"^{one}$", f"({one})"]))


@cache
def _glob_takes(glob: str, name: str) -> bool:
    """The meaning of a glob, by trying: written from its description, without regular expressions."""
    if not glob:
        return not name
    if glob.startswith("**/") and _glob_takes(glob[3:], name):
        return True
    if glob.startswith("**/"):
        cuts = [at + 1 for at, character in enumerate(name) if character == "/" and at]
        return any(_glob_takes(glob[3:], name[cut:]) for cut in cuts)
    if glob.startswith("**"):
        rest = glob.lstrip("*")
        return any(_glob_takes(rest, name[at:]) for at in range(len(name) + 1))
    if glob.startswith("*"):
        end = (name + "/").index("/")
        return any(_glob_takes(glob[1:], name[at:]) for at in range(end + 1))
    one, rest = _one(glob)
    fits = bool(name) and name[0] in one
    if rest.startswith("?"):
        return _glob_takes(rest[1:], name) or (fits and _glob_takes(rest[1:], name[1:]))
    if rest.startswith("+"):
        long = next((at for at, character in enumerate(name) if character not in one), len(name))
        return any(_glob_takes(rest[1:], name[at:]) for at in range(1, long + 1))
    return fits and _glob_takes(rest, name[1:])


def _one(glob: str) -> tuple[str, str]:
    """The characters that the first one of a glob stands for, and the rest of the glob."""
    if glob.startswith("\\"):
        return glob[1], glob[2:]
    if not glob.startswith("["):
        return glob[0], glob[1:]
    inside, _, rest = glob[1:].partition("]")
    return {"ab": "ab", "1v": "1v", "a-v1": "abcdefghijklmnopqrstuv1"}[inside], rest


@given(globs, names)
def test_a_glob_and_its_regular_expression_take_the_same_names(glob: str, name: str) -> None:
    assert bool(re.fullmatch(glob_to_regex(glob), name)) == _glob_takes(glob, name)


@given(globs, names)
def test_a_glob_in_front_of_which_stands_an_exclamation_mark_takes_the_others(glob: str, name: str) -> None:
    assert bool(re.fullmatch(glob_to_regex(f"!{glob}"), name)) != _glob_takes(glob, name)


@given(st.lists(st.tuples(st.booleans(), globs), max_size=4), names)
def test_of_a_list_the_last_glob_that_takes_a_name_decides(
    several: list[tuple[bool, str]], name: str
) -> None:
    taken = False
    for negative, glob in several:
        taken = not negative if _glob_takes(glob, name) else taken
    pattern = globs_to_regex([f"!{glob}" if negative else glob for negative, glob in several])
    assert bool(re.fullmatch(pattern, name)) == taken


@given(regexes, names)
def test_globs_take_what_their_regular_expression_takes(pattern: str, name: str) -> None:
    found = regex_to_globs(pattern)
    assume(found is not None)
    assert any(re.fullmatch(glob_to_regex(glob), name) for glob in found or ()) == bool(
        re.fullmatch(pattern, name)
    )


def _holds(condition: Expression, name: str) -> bool:
    match condition:
        case Literal(bool(value)):
            return value
        case Binary("&&", left, right):
            return _holds(left, name) and _holds(right, name)
        case Binary("||", left, right):
            return _holds(left, name) or _holds(right, name)
        case Binary("==", _, Literal(text)):
            return name == text
        case Binary("!=", _, Literal(text)):
            return name != text
        case Call(function, (_, Literal(str(text)))):
            return {
                "starts_with": name.startswith,
                "ends_with": name.endswith,
                "contains": name.__contains__,
            }[function](text)
    raise AssertionError(condition)


@given(regexes, names)
def test_a_condition_holds_for_what_its_regular_expression_takes(pattern: str, name: str) -> None:
    condition = regex_to_expression(BRANCH, pattern)
    assume(condition is not None)
    assert condition is not None
    assert _holds(condition, name) == bool(re.fullmatch(pattern, name))


@given(regexes.map("v(?:{})".format), st.data())
def test_bounds_hold_for_all_that_a_regular_expression_takes(pattern: str, data: st.DataObject) -> None:
    condition = regex_bounds(BRANCH, pattern)
    form = re.compile(pattern, re.ASCII)
    name = data.draw(st.from_regex(form, fullmatch=True, alphabet="abv1.-+/"))
    assert condition is None or _holds(condition, name)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("main", ("main",)),
        ("^main$|^dev$", ("main", "dev")),
        (r"release\/.*", ("release/**",)),
        (r"release/[^/]+", ("release/*",)),
        (r"v\d+\.\d+\.\d+", ("v[0-9]+.[0-9]+.[0-9]+",)),
        (r"v[0-9]+(\.[0-9]+)*", None),
        (r"v?\d+", ("[0-9]+", "v[0-9]+")),
        (".*", ("**",)),
        (".*/x", ("*/**/x",)),
        ("(?!main$).*", None),
        ("(main", None),
        ("a{1000}", None),
        ("", None),
        (r"c\+\+", (r"c\+\+",)),
    ],
)
def test_globs_are_as_a_person_would_write_them(pattern: str, expected: tuple[str, ...] | None) -> None:
    assert regex_to_globs(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("main", "branch == 'main'"),
        ("main|dev", "branch == 'main' || branch == 'dev'"),
        ("release/.*", "starts_with(branch, 'release/')"),
        ("release/.+", "starts_with(branch, 'release/')"),
        ("v.+", "starts_with(branch, 'v') && branch != 'v'"),
        (".*-rc", "ends_with(branch, '-rc')"),
        (".*wip.*", "contains(branch, 'wip')"),
        ("a.*z", "starts_with(branch, 'a') && ends_with(branch, 'z')"),
        ("aba.*aba", None),
        (".+", "branch != ''"),
        (".*", "true"),
        (r"v\d+", None),
        ("[", None),
    ],
)
def test_conditions_are_as_a_person_would_write_them(pattern: str, expected: str | None) -> None:
    found = regex_to_expression(BRANCH, pattern)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"v\d+\.\d+", "starts_with(branch, 'v') && contains(branch, '.')"),
        (r"\d+-rc", "ends_with(branch, '-rc')"),
        (r"\d+\.\d+", "contains(branch, '.')"),
        (r"v1\.\d+\.\d+", "starts_with(branch, 'v1.')"),
        (r"\d+", None),
        (r"(?i)v.*", None),
    ],
)
def test_bounds_name_what_all_texts_have(pattern: str, expected: str | None) -> None:
    found = regex_bounds(BRANCH, pattern)
    assert (None if found is None else str(found)) == expected
