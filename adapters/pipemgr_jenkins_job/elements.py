"""Elements: the tree of a configuration, as XStream writes it: an element has children or a text, never both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Element:
    """One element. `text` is None where it is written `<x/>` or has children, and '' for `<x></x>`."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str | None = None
    line: int = 0
    column: int = 0
    begin: tuple[int, int] = (0, 0)
    """Line and column at which its content begins."""
    secret: str | None = None
    """The name of the secret that stood here."""

    def child(self, tag: str) -> Element | None:
        """The first child of that name."""
        return next((one for one in self.children if one.tag == tag), None)

    def find(self, path: str) -> str:
        """The text at a path of names, '' where there is none; `a/@class` is an attribute."""
        here: Element | None = self
        for name in path.split("/"):
            if here is None:
                return ""
            if name.startswith("@"):
                return here.attributes.get(name[1:], "")
            here = here.child(name)
        return (here.text or "") if here is not None else ""

    def walk(self) -> Iterator[Element]:
        """This element and all below, in the order of the text."""
        todo = [self]
        while todo:
            one = todo.pop()
            yield one
            todo.extend(reversed(one.children))

    def pairs(self) -> Iterator[tuple[Element | None, Element]]:
        """This element and all below, in the order of the text, each with what it stands in."""
        todo: list[tuple[Element | None, Element]] = [(None, self)]
        while todo:
            above, one = todo.pop()
            yield above, one
            todo.extend((one, below) for below in reversed(one.children))

    @property
    def kind(self) -> str:
        """The class: what `class=` says, else its name."""
        return self.attributes.get("class", self.tag)


def copied(element: Element) -> Element:
    """A copy that shares nothing with the original; no deeper than what the parser lets in."""
    return Element(
        element.tag,
        dict(element.attributes),
        [copied(one) for one in element.children],
        element.text,
        element.line,
        element.column,
        element.begin,
        element.secret,
    )


def flat(element: Element) -> dict[str, str | None] | None:
    """All that an element says by path; None where a list of several alike (or an odd attribute) stands in the way.

    `a/b` is a text, `a/@class` an attribute; what is written `<a/>` has the value None. Versions of plugins are left out.
    """
    found: dict[str, str | None] = {}
    todo = [("", element)]
    while todo:
        path, one = todo.pop()
        for name, value in one.attributes.items():
            if name not in ("class", "plugin"):
                return None
            if name == "class" and path:
                found[f"{path}@class"] = value
        if path and not one.children and (one.text is not None or "class" not in one.attributes):
            found[path[:-1]] = one.text
        if len({below.tag for below in one.children}) < len(one.children):
            return None
        todo.extend((f"{path}{below.tag}/", below) for below in reversed(one.children))
    return found


def grown(tag: str, said: Mapping[str, str | None], attributes: Mapping[str, str] | None = None) -> Element:
    """The element that says this by path: the way back from `flat`."""
    root = Element(tag, dict(attributes or {}))
    made: dict[str, Element] = {}
    for path, value in said.items():
        here, at = root, ""
        *inner, last = path.split("/")
        for name in inner if last.startswith("@") else (*inner, last):
            at = f"{at}/{name}"
            below = made.get(at)
            if below is None:
                below = made[at] = Element(name)
                here.children.append(below)
            here = below
        if last.startswith("@"):
            here.attributes[last[1:]] = value or ""
        else:
            here.text = value
    return root
