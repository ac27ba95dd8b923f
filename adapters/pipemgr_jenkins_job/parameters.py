"""Parameters, both ways: texts, flags and choices are ours; what is special about others is kept beside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Data, Parameter
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import untemplate

from .elements import Element
from .kept import Grower
from .normal import same
from .rendering import rendered
from .tree import Tree
from .words import OWN, Words

STRING: Final = "hudson.model.StringParameterDefinition"
BOOLEAN: Final = "hudson.model.BooleanParameterDefinition"
CHOICE: Final = "hudson.model.ChoiceParameterDefinition"
PROPERTY: Final = "hudson.model.ParametersDefinitionProperty"
PASSWORD: Final = re.compile("password", re.IGNORECASE)
LIST: Final = "parameterDefinitions"
KEPT: Final = "parameters"
_TAGS: Final = {"boolean": BOOLEAN, "choice": CHOICE}


def parameter_variable(name: str) -> str:
    """The variable that scripts find a parameter as."""
    return untemplate((Access(Name("parameters"), Literal(name)),))


def understood(element: Element) -> Parameter:
    """The parameter that an element asks for; of a kind that is not ours its name, description and default."""
    description = element.find("description") or None
    default = element.child("defaultValue")
    text = default.text or "" if default is not None and not default.children else None
    if default is not None and (default.secret is not None or PASSWORD.search(element.tag)):
        text = None
    match element.tag:
        case _ if element.tag == CHOICE:
            choices = tuple(_choices(element.child("choices")))
            return Parameter(type="choice", description=description, choices=choices)
        case _ if element.tag == BOOLEAN:
            return Parameter(type="boolean", description=description, default=(text or "").lower() == "true")
    return Parameter(description=description, default=text)


def _choices(element: Element | None) -> Iterator[str]:
    for one in element.walk() if element is not None else ():
        if one.tag == "string":
            yield one.text or ""


def written(name: str, parameter: Parameter) -> Element:
    """The element that asks for a parameter."""
    root = Element(_TAGS.get(parameter.type, STRING), children=[Element("name", text=name)])
    if parameter.description is not None:
        root.children.append(Element("description", text=parameter.description))
    if parameter.type == "choice":
        array = Element("a", {"class": "string-array"})
        array.children = [Element("string", text=str(one)) for one in _ordered(parameter)]
        root.children.append(Element("choices", {"class": "java.util.Arrays$ArrayList"}, children=[array]))
        return root
    default = parameter.default
    if default is not None or parameter.type == "boolean":
        text = (
            str(default is True or default == "true").lower()
            if parameter.type == "boolean"
            else _text(default)
        )
        root.children.append(Element("defaultValue", text=text))
    if parameter.type != "boolean":
        root.children.append(Element("trim", text="false"))
    return root


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ordered(parameter: Parameter) -> list[object]:
    """The choices with the default first, which is how Jenkins knows it."""
    first = [one for one in parameter.choices if one == parameter.default]
    return [*first, *(one for one in parameter.choices if one != parameter.default)]


def read(elements: list[Element], tree: Tree, words: Words, kept: Data, hints: Data) -> dict[str, Parameter]:
    """All parameters of a job; those that the writer would not make the same way are kept whole."""
    found: dict[str, Parameter] = {}
    for element in elements:
        name = element.find("name")
        path = f"parameters.{name}" if name else f"{OWN}.{KEPT}"
        tree.take(element, path)
        parameter = understood(element)
        if not name:
            kept[f"{KEPT}/{element.tag}"] = rendered(element)
            continue
        if not same(written(name, parameter), element, words, "parameter"):
            place = hints if element.tag in (STRING, BOOLEAN, CHOICE) else kept
            place[f"{KEPT}/{name}"] = rendered(element)
        found[name] = parameter
    return found


def _tell(name: str, parameter: Parameter, grower: Grower) -> None:
    """What a parameter of Jenkins' says in another way."""
    if parameter.type == "choice" and parameter.default is not None:
        grower.losses.add(
            Fidelity.EQUIVALENT,
            f"parameters.{name}",
            f"the default of {name}",
            "the first of the choices is the default, so it stands first",
        )


def as_before(parameters: Mapping[str, Parameter], kept: Data, grower: Grower) -> Iterator[Element]:
    """The elements of all parameters: those that are as they were read get their own texts back."""
    left = {path: text for path, text in kept.items() if path.startswith(f"{KEPT}/")}
    for name, parameter in parameters.items():
        text = left.pop(f"{KEPT}/{name}", None)
        element = grower.element(str(text), f"parameters.{name}") if text is not None else None
        if element is not None and element.find("name") == name and understood(element) == parameter:
            yield element
        else:
            _tell(name, parameter, grower)
            yield grower.plain(written(name, parameter), f"parameters.{name}")
    for path, text in left.items():
        if (element := grower.element(str(text), path)) is not None and not element.find("name"):
            yield element
