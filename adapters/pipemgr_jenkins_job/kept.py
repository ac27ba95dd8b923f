"""Kept: what a model keeps of a configuration by path, and how it gets back into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses, ParseError
from pipemgr.model.expressions import Access, ExpressionError, Literal, Name
from pipemgr.model.templates import template

from .elements import Element
from .parsing import parse
from .rendering import rendered

SCRIPT = "script"
"""A field whose text is never a text of the model: it is read and written as it stands."""


def kept_text(element: Element) -> str:
    """A field as a text: what it says, or the whole element where it has more than a text."""
    whole = bool(element.children or element.attributes)
    text = element.text or ""
    return rendered(element) if whole or text.startswith(f"<{element.tag}") else text


def keep(data: dict[str, JsonValue], path: str, value: str) -> None:
    """Keep a text at a path; several of one path are a list."""
    before = data.get(path)
    if before is None:
        data[path] = value
    else:
        data[path] = [*before, value] if isinstance(before, list) else [before, value]


def each(value: JsonValue) -> tuple[str, ...]:
    """One text or several."""
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def in_order(elements: Iterable[Element], tags: JsonValue) -> list[Element]:
    """Elements of a list in the order of these names; those that are not named follow."""
    names = list(map(str, tags)) if isinstance(tags, list) else []
    left = list(elements)
    found: list[Element] = []
    for name in names:
        at = next((at for at, one in enumerate(left) if one.tag == name), None)
        if at is not None:
            found.append(left.pop(at))
    return [*found, *left]


def remember(hints: dict[str, JsonValue], name: str, elements: Iterable[Element]) -> None:
    """Remember the order of a list, where there is one."""
    tags = [one.tag for one in elements]
    if len(set(tags)) > 1:
        hints[name] = [*tags]


def section(data: Mapping[str, JsonValue], name: str) -> Iterator[tuple[str, str]]:
    """The path and the text of all that is kept in a section of the job, in order."""
    for path, value in data.items():
        if path.startswith(f"{name}/"):
            yield from ((path, text) for text in each(value))


class Grower:
    """Puts kept texts back into elements; secrets become gaps, which are told."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses

    def element(self, text: str, path: str) -> Element | None:
        """The element of a kept text; what is none is told, for a person wrote it."""
        try:
            element = parse(text, path or "the pipeline")
        except ParseError as error:
            self.losses.add(
                Fidelity.DROPPED,
                path,
                "XML of Jenkins",
                f"it is not well-formed: {error.message}",
                "correct it",
            )
            return None
        return self.plain(element, path)

    def plain(self, element: Element, path: str) -> Element:
        """The element with its texts of the model as texts of a configuration."""
        for one in element.walk():
            if one.text and "${{" in one.text and one.tag != SCRIPT:
                one.text = self.text(one.text, path, one.tag)
        return element

    def field(self, tag: str, text: str, path: str) -> Element | None:
        """The element of a field that is kept as its text, or whole."""
        if text.startswith(f"<{tag}"):
            return self.element(text, path)
        return Element(tag, text=self.text(text, path, tag))

    def text(self, text: str, path: str, tag: str) -> str:
        """A text of the model as one of a configuration."""
        if "${{" not in text:
            return text
        try:
            parts = template(text)
        except ExpressionError:
            return text
        return "".join(one if isinstance(one, str) else self._part(one, path, tag) for one in parts)

    def _part(self, part: object, path: str, tag: str) -> str:
        match part:
            case Literal(value=str(text)):
                return text
            case Access(Name("secrets"), Literal(str(name))):
                self.losses.add(
                    Fidelity.MANUAL,
                    path,
                    f"secret {name}",
                    f"<{tag}> holds a secret of Jenkins, which is in no definition: it is left empty",
                    f"enter the value of {name} in Jenkins once the job is there",
                    kind="secret",
                )
                return ""
        self.losses.add(
            Fidelity.MANUAL, path, str(part), f"<{tag}> takes a constant here", "write what it should say"
        )
        return ""
