"""Tools in: what a controller has installed by name, as steps that provide the same elsewhere.

Jenkins gets its section `tools` back; others know no names that an administrator gave, but most of them say the version.
Source: https://www.jenkins.io/doc/book/pipeline/syntax/#tools
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step

from .scope import VENDOR

TOOL: Final = "tool"
"""The hint of a step that stands for an entry of `tools`."""
_ACTIONS: Final = {"jdk": "setup.java", "nodejs": "setup.node", "go": "setup.go", "gradle": "setup.gradle"}
"""The types of tools that others can provide, and the actions that do."""
_OLD_JAVA: Final = re.compile(r"(?<![\d.])1[._]([5-8])(?![\d])")
_NOTE: Final = "the version is read off the name that somebody gave the tool in Jenkins"


def split(tools: Mapping[str, JsonValue]) -> tuple[Data, Data]:
    """The tools that steps stand for, and those that only Jenkins provides."""
    known = {kind: name for kind, name in tools.items() if version(kind, name) is not None}
    return known, {kind: name for kind, name in tools.items() if kind not in known}


def steps(tools: Mapping[str, JsonValue]) -> tuple[Step, ...]:
    """The steps that provide tools."""
    found = ((kind, name, version(kind, name)) for kind, name in tools.items())
    return tuple(_step(kind, str(name), said) for kind, name, said in found if said is not None)


def version(kind: str, name: JsonValue) -> str | None:
    """The version that a tool's name says; None where it says none, or nobody else provides such a tool."""
    if kind not in _ACTIONS or not isinstance(name, str) or "${{" in name:
        return None
    if kind == "jdk" and (old := _OLD_JAVA.search(name)):
        return old[1]
    match = re.search(r"\d+(?:[._]\d+)*", name)
    return match[0].replace("_", ".") if match else None


def _step(kind: str, name: str, said: str) -> Step:
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    inputs: Data = {
        "vendor": VENDOR,
        "value": f"tool name: '{quoted}', type: '{kind}'",
        "steps": [{"action": _ACTIONS[kind], "inputs": {"version": said}}],
        "note": _NOTE,
    }
    return Step(action=OPAQUE, inputs=inputs, vendor={VENDOR: {HINTS: {TOOL: kind}}})
