"""Parameters out: what a person may set when starting a build.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#parameters
"""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Data, Parameter, Pipeline
from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import call
from .layout import Item, Statement, block
from .parameters import GROOVY
from .scope import hints, own
from .text_writer import Texts

_TYPES: Final = {"boolean": "booleanParam", "choice": "choice"}
_UNNAMED: Final = "unnamed-parameters"


def parameters(pipeline: Pipeline, texts: Texts) -> tuple[Item, ...]:
    """The section `parameters`."""
    kept, shown = own(pipeline.vendor), hints(pipeline.vendor)
    lines = [
        _parameter(name, one, _of(kept, name), _of(shown, name), texts)
        for name, one in pipeline.parameters.items()
    ]
    unnamed = kept.get(_UNNAMED)
    lines += [str(one) for one in unnamed] if isinstance(unnamed, list) else []
    return block("parameters", map(Statement, lines))


def _of(data: Data, name: str) -> Data:
    """What is kept of one parameter."""
    rows = data.get("parameters")
    found = rows.get(name) if isinstance(rows, dict) else None
    return found if isinstance(found, dict) else {}


def _parameter(name: str, parameter: Parameter, kept: Data, shown: Data, texts: Texts) -> str:
    if isinstance(text := kept.get(GROOVY), str):
        return text
    path = f"parameters.{name}"
    kind = str(kept.get("type") or shown.get("type") or _TYPES.get(parameter.type, "string"))
    given = {"name": quoted(name)}
    if parameter.type == "choice":
        given["choices"] = texts.value(list(_first(name, parameter, texts)), f"{path}.choices")
    elif parameter.default is not None:
        given["defaultValue"] = _default(parameter, texts, path)
    if parameter.description is not None:
        given["description"] = texts.text(parameter.description, f"{path}.description")
    given |= {key: texts.value(one, path) for key, one in shown.items() if key != "type"}
    return call(kind, None, given)


def _default(parameter: Parameter, texts: Texts, path: str) -> str:
    default = parameter.default
    if isinstance(default, str) and "${{" in default:
        return texts.value(default, f"{path}.default")
    if parameter.type == "boolean":
        return str(default if isinstance(default, bool) else str(default).lower() == "true").lower()
    return texts.text(_text(default), f"{path}.default")


def _first(name: str, parameter: Parameter, texts: Texts) -> list[JsonValue]:
    """The choices; the first one is the default on Jenkins."""
    rows = list(parameter.choices)
    if parameter.default is None or rows[:1] == [parameter.default]:
        return rows
    why = "the first choice is the default on Jenkins"
    texts.losses.add(
        Fidelity.EQUIVALENT, f"parameters.{name}.choices", f"order of the choices of {name}", why
    )
    return [parameter.default, *(one for one in rows if one != parameter.default)]


def _text(one: JsonValue) -> str:
    return str(one).lower() if isinstance(one, bool) else "" if one is None else str(one)
