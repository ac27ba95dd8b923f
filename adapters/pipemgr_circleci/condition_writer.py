"""Conditions out: as expression strings, as logic statements, and as tests of a shell."""

from __future__ import annotations

import json
import re
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Vocabulary
from pipemgr.model.expressions import (
    Access,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    Opaque,
    Star,
    transform,
)

from .folding import FALSE, TRUE, Known, access, fold, joined, path_of

OPERATORS: Final = {"&&": "and", "||": "or"}
_BINDING: Final = {"or": 1, "and": 2}
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_BRANCH, _TAG, _REF = Name("branch"), Name("tag"), Name("ref")
_DEFAULT: Final = {"branch", "repository.default_branch"}
_IS_DEFAULT: Final = Opaque("circleci", "pipeline.git.branch.is_default")
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


class Unsayable(Exception):
    """CircleCI's compiler knows nothing like it."""


# Names of references -----------------------------------------------------------------------------------


def plainer(node: Expression) -> Expression:
    """The same condition in terms of branch, tag and the parts of the repository's name."""
    return transform(node, _plainer)


def _plainer(node: Expression) -> Expression:
    match node:
        case Binary(("==" | "!=") as operator, left, right) if {str(left), str(right)} == _DEFAULT:
            return Binary(operator, _IS_DEFAULT, TRUE)
        case Binary(("==" | "!=") as operator, left, Literal(str(text))) | Binary(
            ("==" | "!=") as operator, Literal(str(text)), left
        ):
            found = _compared(left, text)
            return node if found is None else fold(found if operator == "==" else Not(found), {})
        case Access(Access(Name("event"), Literal("parameters")), key):
            return Access(Name("parameters"), key)
        case Call("contains", (Call("from_json", (Literal(str(text)),)), subject)):
            return _listed(subject, text) or node
        case Call("starts_with" | "contains" as name, (subject, Literal(str(text)))) if subject == _REF:
            return _begun(text, anywhere=name == "contains") or node
    return node


def _compared(subject: Expression, text: str) -> Expression | None:
    """What it means that a name of a reference or of the repository is a text."""
    match str(subject):
        case "ref" if text.startswith(_HEADS):
            return Binary("==", _BRANCH, Literal(text.removeprefix(_HEADS)))
        case "ref" if text.startswith(_TAGS):
            return Binary("==", _TAG, Literal(text.removeprefix(_TAGS)))
        case "ref_type" if text in ("tag", "branch"):
            return Binary("!=" if text == "tag" else "==", _TAG, Literal(""))
        case "repository.name" if text.count("/") == 1:
            owner, name = (Literal(part) for part in text.split("/"))
            own = Binary("==", access("repository.owner"), owner)
            return Binary("&&", own, Binary("==", Opaque("circleci", "pipeline.git.repo_name"), name))
    return None


def _listed(subject: Expression, text: str) -> Expression | None:
    """What it means that a list of texts, in JSON, has a value."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return None
    return joined((Binary("==", subject, Literal(one)) for one in found), "||")


def _begun(text: str, *, anywhere: bool) -> Expression | None:
    for start, name in ((_HEADS, _BRANCH), (_TAGS, _TAG)):
        if text.startswith(start):
            rest = Literal(text.removeprefix(start))
            some = Binary("!=", name, Literal(""))
            return Call("contains" if anywhere else "starts_with", (name, rest)) if rest.value else some
    return None


# In CircleCI's words -----------------------------------------------------------------------------------


class Conditions:
    """Writes conditions.

    `parameters` are the job's, by what they stand for, `types` those of the pipeline's. With `closed` the matrix has
    nothing else, and what is `filled` is never empty in it.
    """

    def __init__(  # noqa: PLR0913 - all that is known of a place
        self,
        vocabulary: Vocabulary,
        known: Known,
        parameters: dict[str, str],
        types: dict[str, str],
        *,
        closed: bool = False,
        filled: frozenset[str] = frozenset(),
    ) -> None:
        self.vocabulary = vocabulary
        self.known = known
        self.parameters = parameters
        self.types = types
        self.closed = closed
        self.filled = filled

    def decided(self, node: Expression) -> Expression:
        """The condition, in our names, without what is known already."""
        node = fold(plainer(fold(node, self.known)), self.known)
        return fold(transform(node, self._absent), {}) if self.closed else node

    def _absent(self, node: Expression) -> Expression:
        """Null for what no cell of the matrix has."""
        match node:
            case Access(Name("matrix"), Literal(str(axis))):
                text = f"matrix.{axis}"
                there = any(one == text or one.startswith(f"{text}.") for one in self.parameters)
                return node if there else Literal(None)
            case Binary("||", left, _) if path_of(left) in self.filled:
                return left
            case Binary("&&", left, right) if path_of(left) in self.filled:
                return right
        return node

    def theirs(self, node: Expression) -> Expression:
        """The condition in CircleCI's names. Raises `Unsayable` when only a run can tell."""

        def lost(_fidelity: object, what: str, _why: str) -> None:
            if what != "trigger":
                raise Unsayable(what)

        node = transform(self.decided(node), self._own)
        if any(one == Name("matrix") or isinstance(one, Star) for one in node.walk()):
            raise Unsayable("matrix")
        return self.vocabulary.write(node, lost)

    def _own(self, node: Expression) -> Expression:
        if self.parameters and (known := self.parameters.get(path_of(node))) is not None:
            return Opaque(self.vocabulary.vendor, f"parameters.{known}")
        match node:
            case Binary(("==" | "!=") as operator, left, Literal(value)):
                return Binary(operator, left, Literal(self._typed(left, value)))
            case Call("matches" | "contains" | "ends_with", (subject, Literal(str(text)))):
                return Call("starts_with", (subject, Literal(_pattern(node, text))))
        return node

    def _typed(self, subject: Expression, value: object) -> bool | int | float | str | None:
        """A text compared with a boolean parameter, as the boolean."""
        match subject:
            case Access(Name("parameters"), Literal(str(name))) if self.types.get(name) == "boolean":
                return {"true": True, "false": False}.get(str(value).lower(), value)  # type: ignore[arg-type]
        return value  # type: ignore[return-value]

    def expression(self, node: Expression) -> str | None:
        """The condition as an expression string; None when only a run can tell."""
        try:
            found = self.theirs(node)
            if any(map(_is_parameter, found.walk())):
                return None
            return written(found)
        except Unsayable:
            return None

    def statement(self, node: Expression) -> JsonValue:
        """The condition as a logic statement; None when only a run can tell."""
        try:
            return statement(self.theirs(node))
        except Unsayable:
            return None


_REGEX: Final = "\0"
"""Marks a pattern in place of a beginning."""


def _is_parameter(node: Expression) -> bool:
    """Whether it is a look-up of a parameter; only such nodes are printed, for trees are large."""
    return isinstance(node, Access | Name) and _begins_plain(node) and str(node).startswith("parameters.")


def _begins_plain(node: Access | Name) -> bool:
    return isinstance(node, Name) or isinstance(node.target, Name)


def _pattern(node: Call, text: str) -> str:
    escaped = re.sub(r"[.^$*+?()\[\]{}|\\]", r"\\\g<0>", text)
    match node.name:
        case "contains":
            return f"{_REGEX}^.*{escaped}.*$"
        case "ends_with":
            return f"{_REGEX}^.*{escaped}$"
    bare = text.removeprefix("^")
    return f"{_REGEX}^{bare if bare.endswith('$') and not bare.endswith(chr(92) + '$') else bare + '$'}"


def written(node: Expression) -> str:
    """An expression string of a condition in CircleCI's names. Raises `Unsayable`."""
    return _written(node)[0]


def _written(node: Expression) -> tuple[str, int]:
    match node:
        case Literal():
            return _literal(node.value), 9
        case Name() | Access():
            return _path(node), 9
        case Not(operand):
            text, binding = _written(operand)
            return (f"not {text}" if binding == 9 else f"not ({text})"), 8  # noqa: PLR2004
        case Binary("&&" | "||" as operator, left, right):
            return _chain(OPERATORS[operator], left, right)
        case Binary(operator, left, right):
            return f"{_wrapped(left, 4)} {operator} {_wrapped(right, 4)}", 3
        case Call("starts-with", (subject, Literal(str(text)))):
            if text.startswith(_REGEX):
                return f"{_wrapped(subject, 4)} matches /{_slashed(text[1:])}/", 3
            return f"{_wrapped(subject, 4)} starts-with {_literal(text)}", 3
    raise Unsayable(str(node))


def _chain(word: str, left: Expression, right: Expression) -> tuple[str, int]:
    binding = _BINDING[word]
    return f"{_wrapped(left, binding)} {word} {_wrapped(right, binding + 1)}", binding


def _wrapped(node: Expression, at_least: int) -> str:
    text, binding = _written(node)
    return text if binding >= at_least else f"({text})"


def _slashed(pattern: str) -> str:
    return re.sub(r"(?<!\\)/", r"\\/", pattern)


def _path(node: Expression) -> str:
    text = str(node)
    if not _WORD.match(text):
        raise Unsayable(text)
    return text


def _literal(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if '"' in value or "\\" in value:
            raise Unsayable(value)
        return f'"{value}"'
    return str(value)


def statement(node: Expression) -> JsonValue:
    """A logic statement of a condition in CircleCI's names. Raises `Unsayable`."""
    match node:
        case Literal(value):
            return "" if value is None else value
        case Name() | Access():
            return f"<< {_path(node)} >>"
        case Not(operand):
            return {"not": statement(operand)}
        case Binary("&&" | "||" as operator):
            return {OPERATORS[operator]: [statement(one) for one in _flat(node, operator)]}
        case Binary("==", left, right):
            return {"equal": [statement(right), statement(left)]}
        case Binary("!=", left, Literal("")):
            return statement(left)
        case Binary("!=", left, right):
            return {"not": {"equal": [statement(right), statement(left)]}}
        case Call("starts-with", (subject, Literal(str(text)))):
            regex = text[1:] if text.startswith(_REGEX) else f"^{re.escape(text)}.*$"
            return {"matches": {"pattern": regex, "value": statement(subject)}}
    raise Unsayable(str(node))


def _flat(node: Expression, operator: str) -> tuple[Expression, ...]:
    if isinstance(node, Binary) and node.operator == operator:
        return (*_flat(node.left, operator), *_flat(node.right, operator))
    return (node,)


def either(nodes: list[Expression]) -> Expression:
    """A condition that holds when any of these does."""
    return joined((one for one in nodes if one != FALSE), "||") or FALSE if TRUE not in nodes else TRUE
