"""Calls out: steps, options and the like as Groovy writes them; `arguments` are Groovy already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pipemgr_jenkins.groovy.quoting import key

_BARE: Final = re.compile(r"""['"\d\w]""")
"""What an argument may begin with where a call has no parentheses."""


def call(name: str, main: str | None = None, arguments: Mapping[str, str] | None = None) -> str:
    """A call with parentheses: `timeout(time: 5, unit: 'MINUTES')`."""
    return f"{name}({_arguments(main, arguments)})"


def statement(name: str, main: str | None = None, arguments: Mapping[str, str] | None = None) -> str:
    """A call as a statement, without parentheses where it needs none: `sh 'make'`."""
    given = _arguments(main, arguments)
    return f"{name} {given}" if _BARE.match(given) else f"{name}({given})"


def _arguments(main: str | None, arguments: Mapping[str, str] | None) -> str:
    named = [f"{key(name)}: {value}" for name, value in (arguments or {}).items()]
    return ", ".join([*([main] if main is not None else []), *named])
