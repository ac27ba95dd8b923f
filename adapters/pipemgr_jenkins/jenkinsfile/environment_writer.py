"""Environments out: variables of a pipeline, a block or a stage as `environment`.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#environment
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import call
from .credentials import variable_of
from .layout import Item, Statement, block
from .text_writer import Texts, secret_of, secrets_in

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KEYWORDS: Final = frozenset(
    [
        "abstract",
        "as",
        "assert",
        "boolean",
        "break",
        "byte",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "def",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extends",
        "false",
        "final",
        "finally",
        "float",
        "for",
        "goto",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "int",
        "interface",
        "long",
        "native",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "short",
        "static",
        "strictfp",
        "super",
        "switch",
        "synchronized",
        "this",
        "threadsafe",
        "throw",
        "throws",
        "transient",
        "true",
        "try",
        "void",
        "volatile",
        "while",
    ]
)
"""Words that Groovy takes for no variable (https://groovy-lang.org/syntax.html#_keywords)."""
_PARTS: Final = {"": ":userpass", "_USR": ":username", "_PSW": ":password"}
"""The variables that a credential with user name and password gives by `credentials()`."""


@dataclass(frozen=True)
class Environment:
    """An `environment` section, and the variables that it can't give: steps are given those."""

    items: tuple[Item, ...]
    rest: Mapping[str, str]


def environment(
    variables: Mapping[str, str], texts: Texts, path: str, axes: tuple[str, ...] = ()
) -> Environment:
    """The section that gives `variables`; those that are axes of the matrix are there by themselves."""
    entries: dict[str, str] = {}
    rest: dict[str, str] = {}
    bound = _pairs(variables)
    for name, value in variables.items():
        if name in axes and value == f"${{{{ matrix.{name} }}}}":
            continue
        at = f"{path}.{name}"
        secret = secret_of(value)
        if name in bound:
            entries |= {name: call("credentials", quoted(bound[name]))} if bound[name] else {}
        elif not _NAME.match(name) or name in _KEYWORDS or (secret is not None and ":" in secret):
            rest[name] = value
        elif secret is not None:
            entries[name] = call("credentials", quoted(secret))
        else:
            for needed in secrets_in(value):
                entries.setdefault(variable_of(needed), call("credentials", quoted(needed)))
            entries[name] = texts.text(value, at)
    lines = (Statement(f"{name} = {value}") for name, value in entries.items())
    return Environment(block("environment", lines), rest)


def _pairs(variables: Mapping[str, str]) -> dict[str, str]:
    """The credential of each variable that `credentials()` gives with user name and password; '' for its parts."""
    found: dict[str, str] = {}
    for name, value in variables.items():
        secret = secret_of(value) or ""
        if not secret.endswith(":userpass"):
            continue
        identity = secret.removesuffix(":userpass")
        given = {f"{name}{end}": f"{identity}{part}" for end, part in _PARTS.items()}
        if all(secret_of(variables.get(one, "")) == wanted for one, wanted in given.items()):
            found |= {one: identity if one == name else "" for one in given}
    return found
