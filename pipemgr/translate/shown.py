"""Shown: what a stage that took the place of several looks like: variables said once, and short names of steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pipemgr.model.definitions import Stage, Step
from pipemgr.model.expressions import Expression, ExpressionError, Name
from pipemgr.model.templates import template

_MOVING: Final = frozenset(
    {"checkout", "cache", "cache.restore", "cache.save", "artifact.upload"}
) | frozenset({"artifact.download", "workspace.save", "workspace.restore", "tests.publish"})
"""Actions that fetch or hand on files and look at no variables but those of git."""
_OF_GIT: Final = "GIT_"
_CLOSE: Final = (Name("secrets"), Name("steps"), Name("variables"))
_NAME: Final = re.compile(r"(?<!parameters\.)\b\w+")
_WORD: Final = re.compile(r"[\w./-]*[A-Za-z][\w./:-]*")
_PREPARES: Final = frozenset({"cd", "echo", "export", "if", "for", "printf", "set", "source", "while"})
"""First words of lines that do not say what a script is for."""
_WORDS: Final = 3
_LONGEST: Final = 40


# Variables ------------------------------------------------------------------------------------------------


def common_variables(stages: Sequence[Stage], given: Mapping[str, str]) -> dict[str, str]:
    """The variables that all stages may have: those that set them agree, and they make no difference to the others.

    Stages that don't set one must not name it either, and those that do must name it: what nobody names is meant for
    programs, which look for it wherever they are. `given` are variables that all have anyway, with some other value.
    """
    values: dict[str, dict[str, None]] = {}
    setting, naming, asking = Counter[str](), Counter[str](), Counter[str]()
    for stage in stages:
        asked = words(one.data() for one in stage.steps)
        asking.update(asked & stage.variables.keys())
        naming.update(asked | words([stage.data()]))
        setting.update(stage.variables.keys())
        for name, text in stage.variables.items():
            values.setdefault(name, {})[text] = None
    agreed = {name: next(iter(texts)) for name, texts in values.items() if len(texts) == 1}
    return {
        name: text
        for name, text in agreed.items()
        if setting[name] == len(stages)
        or (naming[name] == setting[name] == asking[name] and name not in given and not _is_close(text))
    }


def _is_close(text: str) -> bool:
    """Whether a value is kept close to those that need it: a secret, or what is known in its stage only."""
    try:
        parts = template(text)
    except ExpressionError:
        return True
    nodes = (node for part in parts if isinstance(part, Expression) for node in part.walk())
    return any(node in _CLOSE for node in nodes)


def seen(variables: Mapping[str, str], step: Step) -> dict[str, str]:
    """The variables of its stage that a step can see."""
    if step.action not in _MOVING:
        return dict(variables)
    named = words([step.data()])
    return {name: text for name, text in variables.items() if name.startswith(_OF_GIT) or name in named}


def words(data: Iterable[Any]) -> set[str]:
    """The words of all texts in some data; the parameter `x` is not the variable `x`."""
    return {word for one in data for text in _texts(one) for word in _NAME.findall(text)}


def _texts(data: Any) -> Iterator[str]:
    todo = [data]
    while todo:
        match todo.pop():
            case str(text):
                yield text
            case Mapping() as one:
                todo += [*one.keys(), *one.values()]
            case list() | tuple() as several:
                todo += several


# Names ----------------------------------------------------------------------------------------------------


def in_short(script: str) -> str:
    """The program that a script is about, with what it is asked to do, such as `npm ci`; empty where nothing tells."""
    for line in script.splitlines():
        words = list(_plain(line))
        if words and words[0] not in _PREPARES:
            return " ".join(words)[:_LONGEST]
    return ""


def _plain(line: str) -> Iterator[str]:
    """The first plain words of a line: of options, quotes and values nothing is shown."""
    for word in line.split()[:_WORDS]:
        plain = word.rstrip(";")
        if not _WORD.fullmatch(plain) or plain.startswith("-"):
            return
        yield plain
        if plain != word:
            return
