"""What a step's condition asks for: the job's state, what is known before it runs, and what only a run can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Step
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not

from .folding import conjuncts, joined
from .phrases import Phrases

ALWAYS, ON_FAIL, ON_SUCCESS = "always", "on_fail", "on_success"
_STATUS: Final = {
    "always()": ALWAYS,
    "!canceled()": ALWAYS,
    "success() || failure()": ALWAYS,
    "failure() || success()": ALWAYS,
    "failure()": ON_FAIL,
    "!success()": ON_FAIL,
    "failure() || canceled()": ON_FAIL,
    "canceled() || failure()": ON_FAIL,
    "success()": ON_SUCCESS,
    "!failure()": ON_SUCCESS,
    "stage.status == 'success'": ON_SUCCESS,
    "stage.status == 'failure'": ON_FAIL,
}
"""What `when` of a step says for a condition."""
_STRANGERS: Final = (
    "pipeline.event.",
    "pipeline.git.",
    "pipeline.parameters.",
    "pipeline.trigger_parameters.",
)
"""Values that anybody may have chosen: filled into a script, they could end its quotes."""
_CANCELED: Final = ("canceled()", "stage.status == 'cancelled'")


@dataclass(frozen=True)
class Asked:
    """When a step is executed."""

    status: str | None = None
    """`when` of a step; None where it says nothing."""
    statement: JsonValue = None
    """A logic statement that decides it before the job runs."""
    tests: tuple[str, ...] = ()
    """Tests of a shell that decide it in the job."""


def asked(phrases: Phrases, step: Step, path: str) -> Asked | None:
    """What a step's condition asks for; None when the step is never executed, which is noted."""
    status: list[str] = []
    before: list[Expression] = []
    tests: list[str] = []
    for node in conjuncts(phrases.decided(step.when) if step.when is not None else None):
        if str(node) in _CANCELED or (isinstance(node, Literal) and not node.value):
            why = (
                "CircleCI stops a canceled job at once"
                if str(node) in _CANCELED
                else "it is never executed here"
            )
            phrases.losses.add(Fidelity.EQUIVALENT, path, f"a step when {node}", why)
            return None
        if (word := _STATUS.get(str(node))) is not None:
            status.append(word)
        elif phrases.conditions.statement(node) is not None:
            before.append(node)
        else:
            tests += _tested(phrases, node, path)
    statement = phrases.conditions.statement(whole) if (whole := joined(before)) is not None else None
    return Asked(_strictest(status), statement, tuple(tests))


def _strictest(status: list[str]) -> str | None:
    if ON_FAIL in status:
        return ON_FAIL
    return ALWAYS if status and ON_SUCCESS not in status else None


def _tested(phrases: Phrases, node: Expression, path: str) -> tuple[str, ...]:
    """The shell's test of a condition; none, which is noted, where a script can't tell either."""
    if _is_cache_hit(node):
        why = "CircleCI does not tell whether a cache was restored: the step is executed in any case"
        phrases.losses.add(
            Fidelity.APPROXIMATE, path, f"condition {node}", why, "let its tool find out what is there"
        )
        return ()
    found = test(phrases, node)
    if found is None:
        why = "only a run can tell, and CircleCI's steps know nothing of it; the step is now always executed"
        remedy = "let the script find out, and end early"
        phrases.losses.add(Fidelity.DROPPED, path, f"condition {node}", why, remedy)
        return ()
    why = "only a run can tell: the script itself tests it, and ends early"
    phrases.losses.add(Fidelity.EQUIVALENT, path, f"condition {node}", why)
    return (found,)


def _is_cache_hit(node: Expression) -> bool:
    return any(
        isinstance(one, Access) and str(one).startswith("steps.") and one.key == Literal("cache-hit")
        for one in node.walk()
    )


# Tests of a shell --------------------------------------------------------------------------------------


def test(phrases: Phrases, node: Expression) -> str | None:
    """A condition as bash tests it; None where nothing in a script can tell."""
    match node:
        case Not(operand):
            inner = test(phrases, operand)
            return inner and f"! {{ {inner}; }}"
        case Binary("&&" | "||" as operator, left, right):
            first, second = test(phrases, left), test(phrases, right)
            return f"{{ {first} {operator} {second}; }}" if first and second else None
        case Binary(("==" | "!=") as operator, left, right):
            return _compared(phrases, operator, left, right)
        case Call("starts_with" | "ends_with" | "contains" as name, (subject, Literal(str(text)))):
            value = _value(phrases, subject)
            pattern = {"starts_with": f"{_quoted(text)}*", "ends_with": f"*{_quoted(text)}"}
            return value and f"[[ {value} == {pattern.get(name, f'*{_quoted(text)}*')} ]]"
    value = _value(phrases, node)
    return value and f"[ -n {value} ]"


def _compared(phrases: Phrases, operator: str, left: Expression, right: Expression) -> str | None:
    for one, other in ((left, right), (right, left)):
        match one, other:
            case Call("hash_files", (Literal(str(file)),)), Literal("") if not set("*?[") & set(file):
                return f"[ {'! ' if operator == '==' else ''}-e {_quoted(file)} ]"
    first, second = _value(phrases, left), _value(phrases, right)
    return f"[ {first} {'=' if operator == '==' else '!='} {second} ]" if first and second else None


def _value(phrases: Phrases, node: Expression) -> str | None:
    match node:
        case Literal(value):
            return _quoted(
                "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            )
        case Access() | Name():
            if (name := phrases.variable(node)) is not None:
                return f'"${{{name}}}"' if not name.startswith("$") else f'"{name}"'
            text = phrases.compiled(node)
            return f'"{text}"' if text and not any(one in text for one in _STRANGERS) else None
    return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if set(text) & set('"$`\\') else f'"{text}"'
