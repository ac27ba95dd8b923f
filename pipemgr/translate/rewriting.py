"""Rewriting: every expression of a definition changed, in conditions and in templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipemgr.model.definitions import OPAQUE, Definition
from pipemgr.model.expressions import Expression, ExpressionError, Literal
from pipemgr.model.templates import Part, template, untemplate

from .tree import Some, rebuild

_TYPED: Final = frozenset({"allow_failure", "cancel_running", "fail_fast", "max_parallel", "parallelism"})
"""Fields whose values are flags or numbers, or templates that give one."""
_FLAGS: Final = {"true": True, "false": False}

Rewriting = Callable[[Expression], Expression]


def rewritten(value: Some, condition: Rewriting, text: Rewriting | None = None) -> Some:
    """`value` with `condition` applied to its conditions, and `text` (or the same) to what its templates show.

    What belongs to a vendor (`vendor`, what is opaque) stays as it is; so does a text that is no template.
    """
    text = text or condition

    def change(one: Any) -> Definition:
        opaque = OPAQUE in (getattr(one, "action", None), getattr(one, "event", None))
        update = {}
        for name in type(one).model_fields:
            old = getattr(one, name)
            kept = name == "vendor" or (opaque and name in ("inputs", "options"))
            new = old if kept else _changed(old, condition, text)
            if name in _TYPED and isinstance(old, str):
                new = _typed(old, new)
            if new is not old:
                update[name] = new
        return one.model_copy(update=update) if update else one  # type: ignore[no-any-return]

    return rebuild(value, change)


def _typed(old: str, new: Any) -> Any:
    """What a template for a flag or a number became: still one, or the value itself; the old one where it is neither."""
    if "${{" in str(new):
        return new
    return _FLAGS.get(new, int(new) if new.isdecimal() else old)


def _changed(value: Any, condition: Rewriting, text: Rewriting) -> Any:
    match value:
        case Expression():
            new: Any = condition(value)
            return value if new == value else new
        case str() if "${{" in value:
            return _text(value, text)
        case dict():
            inner = {key: _changed(one, condition, text) for key, one in value.items()}
            return inner if any(inner[key] is not value[key] for key in value) else value
        case list() | tuple():
            several = [_changed(one, condition, text) for one in value]
            same = all(new is old for new, old in zip(several, value, strict=True))
            return value if same else type(value)(several)
    return value


def _text(value: str, change: Rewriting) -> str:
    """A template changed; as it was where nothing in it changes, so that its own spelling stays."""
    try:
        old = template(value)
    except ExpressionError:
        return value
    new = tuple(change(part) if isinstance(part, Expression) else part for part in old)
    return value if new == old else untemplate(tuple(map(_shown, old, new)))


def _shown(old: Part, new: Part) -> Part:
    """What became one certain value, as the text that it gives."""
    if isinstance(new, Literal) and new != old:
        return new.value if isinstance(new.value, str) else "" if new.value is None else str(new)
    return new
