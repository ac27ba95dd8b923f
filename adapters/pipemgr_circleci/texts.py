"""Texts: values of a definition in the model's words; `<< >>` becomes `${{ }}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from pydantic import JsonValue

from pipemgr.adapter import Fields, Node, mapped, some
from pipemgr.model.expressions import (
    Access,
    Binary,
    Call,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Not,
)
from pipemgr.model.expressions import (
    parse as ours,
)
from pipemgr.model.templates import Part, untemplate

from .syntax import parse
from .words import Words

SPAN: Final = re.compile(r"(?P<escaped>\\<<)|<<(?P<body>(?:(?!<<)[^\n])*?)>>")
"""Text that CircleCI fills in; `<<` with a backslash in front is plain text, and so is one before another `<<`."""
ROOTS: Final = frozenset({"pipeline", "matrix", "parameters"})
"""What names in `<< >>` begin with; anything else (a here-document of a script) is plain text."""
_EVENTS: Final = frozenset({"pipeline.event.name", "pipeline.trigger_source", "pipeline.trigger.type"})
"""The values that say what started a pipeline; older definitions ask for the last two
(https://circleci.com/docs/guides/orchestrate/pipeline-variables/)."""
_DEFAULT: Final = ("pipeline.git.branch.is_default", "branch == repository.default_branch")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_MINUTE, _HOUR = 60, 3600


class Texts:
    """Values of the document in the model's words: expressions in them are translated."""

    def __init__(self, words: Words, *, filled: bool = True) -> None:
        self.words = words
        self.filled = filled
        """Whether `<< >>` means anything: version 2.0 has no expressions."""

    # Expressions ---------------------------------------------------------------------------------------

    def translate(self, node: Expression) -> Expression:
        """An expression in our names."""
        match node:
            case Not(operand):
                return Not(self.translate(operand))
            case Binary(operator, left, right):
                return self._event(node) or Binary(operator, self.translate(left), self.translate(right))
            case Call(name, arguments) if name in self.words.tables.variables.functions.ours:
                known = self.words.tables.variables.functions.ours[name]
                return Call(known, tuple(map(self.translate, arguments)))
            case Call("format", arguments):
                return Call("format", tuple(map(self.translate, arguments)))
            case Access() | Name() if str(node) == _DEFAULT[0]:
                return ours(_DEFAULT[1])
        return self.words.vocabulary.read(node)

    def _event(self, node: Binary) -> Expression | None:
        """A comparison of what started the pipeline with a known word."""
        for context, word in ((node.left, node.right), (node.right, node.left)):
            known = self.words.tables.triggers.ours
            if str(context) in _EVENTS and isinstance(word, Literal) and word.value in known:
                return Binary(node.operator, Name("trigger"), Literal(known[str(word.value)]))
        return None

    def parts(self, text: str) -> tuple[Part, ...]:
        """Plain texts and expressions in our names."""
        return tuple(part if isinstance(part, str) else self.translate(part) for part in self.trees(text))

    def trees(self, text: str) -> tuple[Part, ...]:
        """Plain texts and expressions in CircleCI's names."""
        found: list[Part] = []
        at = 0
        for match in SPAN.finditer(text) if self.filled else ():
            tree = None if match["escaped"] else span(match["body"])
            plain = text[at : match.start()] + ("" if tree is not None else match[0].removeprefix("\\"))
            at = match.end()
            found += [plain] if plain else []
            found += [tree] if tree is not None else []
        return tuple(_together([*found, text[at:]]))

    def filled_in(self, text: str) -> str:
        """A text with our templates in it."""
        if "<<" not in text and "${{" not in text:
            return text
        return untemplate(self.parts(text))

    # Values --------------------------------------------------------------------------------------------

    def text(self, node: Node) -> str:
        """A scalar as a string."""
        return self.filled_in(node.text())

    def texts(self, node: Node) -> tuple[str, ...]:
        """One string or a list of them."""
        return tuple(map(self.text, node.one_or_many()))

    def some(self, fields: Fields, keys: dict[str, str]) -> dict[str, Any]:
        """The strings among `keys`, which are theirs: ours."""
        return some(fields, keys, self.text)

    def table(self, node: Node | None) -> dict[str, str]:
        """Environment variables: a mapping, or a list of mappings or of `NAME=value`."""
        if node is None:
            return {}
        found: dict[str, str] = {}
        for entry in node.entries() if node.kind == "sequence" else [node]:
            if entry.kind == "string":
                name, _, value = entry.text().partition("=")
                found[name] = self.filled_in(value)
                continue
            found |= {name: self._value(one) for name, one in entry.items().items()}
        return found

    def _value(self, node: Node) -> str:
        """A variable's value; what is no text is given to scripts as JSON."""
        if node.children is not None:
            node.problem(f"{node.label} must be a text, a number or a boolean")
            node.take_all()
            return ""
        return self.text(node)

    def data(self, node: Node) -> JsonValue:
        """Any value, with the strings in it translated."""
        return mapped(
            node, lambda one: self.filled_in(one.value) if isinstance(one.value, str) else one.value
        )

    def flag(self, node: Node) -> bool | str:
        """A boolean, or a template for one."""
        text = self.text(node)
        return text == "true" if text in ("true", "false") else self._template(node, text, "true or false")

    def count(self, node: Node) -> int | str:
        """A whole number, or a template for one."""
        text = self.text(node)
        return int(text) if text.isdecimal() else self._template(node, text, "a whole number")

    @staticmethod
    def _template(node: Node, text: str, wanted: str) -> str:
        if "${{" in text:
            return text
        if node.children is None:
            node.problem(f"{node.label} must be {wanted}, or a << >> expression, not {text[:40]!r}")
        return "${{ null }}"

    def duration(self, node: Node) -> str | None:
        """A span of time such as `20m`, `1h30m` or `90s`; a bare number is seconds."""
        text = self.text(node).strip()
        if text.startswith("${{") and text[-1:] in "smh":
            return text
        match = _DURATION.fullmatch(text.replace(" ", ""))
        if not text or match is None:
            node.problem(f"{node.label} must be a span of time such as 30s, 20m or 1h30m, not {text[:40]!r}")
            return None
        hours, minutes, seconds = (float(one or 0) for one in match.groups())
        return f"{hours * _HOUR + minutes * _MINUTE + seconds:g}s"


def span(body: str) -> Expression | None:
    """The tree of what stands between `<<` and `>>`; None where that is no expression."""
    try:
        tree = parse(body)
    except (ExpressionError, ValueError):
        return None
    roots = {node.name for node in tree.walk() if isinstance(node, Name)}
    return tree if roots <= ROOTS else None


def _together(parts: list[Part]) -> Iterator[Part]:
    """Neighbouring plain texts as one, and no empty ones."""
    plain = ""
    for part in parts:
        if isinstance(part, str):
            plain += part
            continue
        yield from [plain] if plain else []
        yield part
        plain = ""
    yield from [plain] if plain else []


Made = TypeVar("Made")


def safely(node: Node, work: Callable[[], Made]) -> Made | None:
    """What `work` makes of the expression of a node; None, and a problem at its place, when it is none."""
    try:
        return work()
    except ExpressionError as error:
        node.problem(f"{node.label} holds no valid expression: {error}", error.offset)
        return None
