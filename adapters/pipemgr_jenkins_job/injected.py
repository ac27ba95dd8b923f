"""Injected variables, both ways: those that the plugin Environment Injector sets (https://plugins.jenkins.io/envinject/)."""

from __future__ import annotations

import re
from typing import Final

from .elements import Element, flat, grown

WRAPPER: Final = "EnvInjectBuildWrapper"
PROPERTY: Final = "EnvInjectJobProperty"
"""Both have aliases instead of names of classes."""
PLUGIN: Final = "envinject"
_CONTENT: Final = "info/propertiesContent"
_LINE: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*)")
_SPECIAL: Final = re.compile(r"[\\$\n\r]")
"""What a file of properties, or the plugin, reads as more than it is."""
_USUAL: Final = {
    "info/loadFilesFromMaster": "false",
    "info/secureGroovyScript/sandbox": "false",
    "keepBuildVariables": "true",
    "keepJenkinsSystemVariables": "true",
    "on": "true",
    "overrideBuildParameters": "false",
}


def understood(element: Element) -> dict[str, str] | None:
    """The variables that an element sets; None where it does more than that, or computes them."""
    said = flat(element)
    if said is None or element.tag not in (WRAPPER, PROPERTY):
        return None
    if any(text and text != _USUAL.get(path) for path, text in said.items() if path != _CONTENT):
        return None
    found: dict[str, str] = {}
    for line in (said.get(_CONTENT) or "").splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "!")):
            continue
        match = _LINE.fullmatch(line)
        if match is None or _SPECIAL.search(line):
            return None
        found[match[1]] = match[2]
    return found or None


def sayable(name: str, text: str) -> bool:
    """Whether a variable can be set to a text."""
    return bool(re.fullmatch(r"[A-Za-z_]\w*", name)) and not _SPECIAL.search(text) and text == text.lstrip()


def written(variables: dict[str, str]) -> Element:
    """The wrapper that sets variables."""
    content = "\n".join(f"{name}={text}" for name, text in variables.items())
    return grown(WRAPPER, {_CONTENT: content, "info/loadFilesFromMaster": "false"}, {"plugin": PLUGIN})
