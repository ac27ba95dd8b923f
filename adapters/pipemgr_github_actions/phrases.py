"""Phrases: values of the model in GitHub's words, for the writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses, Vocabulary
from pipemgr.model.definitions import Data, seconds
from pipemgr.model.expressions import Expression, Literal
from pipemgr.model.templates import template

from .expressions import idiomatic

_MINUTE = 60


class Phrases:
    """Turns values into GitHub's, and notes what gets lost."""

    def __init__(self, names: Vocabulary, losses: Losses) -> None:
        self.names = names
        self.losses = losses

    def text(self, value: Any, path: str) -> Any:
        """A text with its templates in GitHub's names; anything else as it is."""
        if not isinstance(value, str):
            return value
        if "${{" not in value:
            return value
        return "".join(part if isinstance(part, str) else self._shown(part, path) for part in template(value))

    def _shown(self, node: Expression, path: str) -> str:
        """An expression of a text; nothing where it became null, which GitHub would show as nothing too."""
        written = self._theirs(node, path)
        lost = written == Literal(None) and node != written
        return "" if lost else f"${{{{ {written} }}}}"

    def _theirs(self, node: Expression, path: str) -> Expression:
        return self.names.write(idiomatic(node), self.losses.at(path))

    def texts(self, values: tuple[str, ...], path: str) -> list[str]:
        """A list of texts."""
        return [self.text(value, f"{path}[{at}]") for at, value in enumerate(values)]

    def table(self, values: Mapping[str, str], path: str) -> Data:
        """A mapping of texts."""
        return {key: self.text(value, f"{path}.{key}") for key, value in values.items()}

    def data(self, value: Any, path: str) -> JsonValue:
        """Any value, with the texts in it translated."""
        match value:
            case dict():
                return {key: self.data(one, f"{path}.{key}") for key, one in value.items()}
            case list() | tuple():
                return [self.data(one, f"{path}[{at}]") for at, one in enumerate(value)]
        translated: JsonValue = self.text(value, path)
        return translated

    def condition(self, node: Expression | None, path: str) -> str | bool | None:
        """The value of an `if`: without `${{ }}` where it can do without."""
        if node is None:
            return None
        if isinstance(node, Literal) and isinstance(node.value, bool):
            return node.value
        text = str(self._theirs(node, path))
        return f"${{{{ {text} }}}}" if text.startswith("!") or "${{" in text else text

    def minutes(self, duration: str | None, path: str) -> JsonValue:
        """A duration as a number of minutes."""
        if duration is None:
            return None
        length = seconds(duration)
        if length is not None:
            return int(length / _MINUTE) if length % _MINUTE == 0 else length / _MINUTE
        if not duration.endswith("m"):
            self.losses.add(
                Fidelity.DROPPED, path, f"timeout {duration}", "GitHub counts minutes and has no arithmetic"
            )
            return None
        counted: JsonValue = self.text(duration[:-1], path)
        return counted
