"""Expressions: where they stand in a workflow, and what an `if` says."""

from __future__ import annotations

from pipemgr.model.expressions import Call, Expression, Literal, parse
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
