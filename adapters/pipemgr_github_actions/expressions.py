"""Expressions: where they stand in a workflow, and what an `if` says."""

from __future__ import annotations

from typing import Final

from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, parse, transform
from pipemgr.model.templates import template


def condition(text: str) -> tuple[Expression, bool]:
    """The expression of an `if`, still in their names, and whether it is a text for an accident.

    Without `${{ }}` the whole text is the expression. With text around `${{ }}` the whole is a string, which is
    true however the expression ends: that is what it becomes here too. Raises `ExpressionError`.
    """
    if "${{" not in text:
        return parse(text), False
    parts = template(text)
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return parts[0], False
    values = [part for part in parts if isinstance(part, Expression)]
    numbers = iter(range(len(values)))
    pattern = "".join(
        f"{{{next(numbers)}}}" if isinstance(part, Expression) else part.replace("{", "{{").replace("}", "}}")
        for part in parts
    )
    return Call("format", (Literal(pattern), *values)), True


# Tags --------------------------------------------------------------------------------------------------
# GitHub's authors ask for the kind or the full name of what is built; other vendors have the name of the tag.


def portable(node: Expression) -> Expression:
    """An expression in our names with questions about `ref_type` and `ref` that concern tags asked of `tag`."""
    return transform(node, _about_tag)


def idiomatic(node: Expression) -> Expression:
    """The other way round, for GitHub."""
    return transform(node, _about_ref)


def _about_tag(node: Expression) -> Expression:
    match node:
        case Binary(("==" | "!=") as operator, left, Literal("tag")) if left == _REF_TYPE:
            return Binary("!=" if operator == "==" else "==", _TAG, Literal(""))
        case Binary(("==" | "!=") as operator, left, Literal(str(text))) if left == _REF and _names_tag(text):
            return Binary(operator, _TAG, Literal(text.removeprefix(_TAGS)))
        case Call("starts_with", (left, Literal(str(text)))) if left == _REF and _names_tag(text):
            return Call("starts_with", (_TAG, Literal(text.removeprefix(_TAGS))))
    return node


def _about_ref(node: Expression) -> Expression:
    match node:
        case Binary(("==" | "!=") as operator, left, Literal("")) if left == _TAG:
            return Binary("!=" if operator == "==" else "==", _REF_TYPE, Literal("tag"))
        case Binary(("==" | "!=") as operator, left, Literal(str(text))) if left == _TAG:
            return Binary(operator, _REF, Literal(_TAGS + text))
        case Call("starts_with", (left, Literal(str(text)))) if left == _TAG and text:
            return Call("starts_with", (_REF, Literal(_TAGS + text)))
    return node


def _names_tag(text: str) -> bool:
    return text.startswith(_TAGS) and text != _TAGS


_REF: Final = Name("ref")
_REF_TYPE: Final = Name("ref_type")
_TAG: Final = Name("tag")
_TAGS: Final = "refs/tags/"
