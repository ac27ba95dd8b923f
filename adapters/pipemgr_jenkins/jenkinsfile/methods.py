"""Methods in: what a call of the file's own method does, as steps for other vendors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Method

from .bound import bound, parameters
from .drafts import Draft, Place
from .nodes import Spot
from .statements import Statements

if TYPE_CHECKING:
    from .step_reader import StepReader

MOST: Final = 500
"""Steps that the methods of a file may become, all calls together."""


class Methods:
    """The methods that a file defines."""

    def __init__(self, reader: StepReader) -> None:
        self.reader = reader
        found = (one for one in reader.file.script.statements if isinstance(one, Method))
        self._methods = {one.name: one for one in found}
        self._bodies: dict[str, Node] = {}
        self._open: set[str] = set()
        self._left = MOST

    def steps(self, call: Call, place: Place) -> list[Draft] | None:
        """The steps that a call does; None where it is no method of the file, or one that calls itself."""
        name = call.name
        if name not in self._methods or name in self._open or self._left <= 0:
            return None
        given = parameters(self._methods[name].parameters, call.arguments, place.values.scope)
        if given is None:
            return None
        self._open.add(name)
        try:
            found = self.reader.statements(
                self._body(name).entries(), bound(replace(place.bare, is_groovy=True), given)
            )
        finally:
            self._open.remove(name)
        self._left -= len(found)
        return found

    def _body(self, name: str) -> Node:
        """The statements of a method as nodes of their own: those of the file stand where they are called."""
        if name not in self._bodies:
            nodes = Statements(self.reader.file.script, "")
            body = nodes.statements(Spot(nodes.root(), name), self._methods[name].body)
            self.reader.file.parts.update(nodes.parts)
            self._bodies[name] = body
        return self._bodies[name]
