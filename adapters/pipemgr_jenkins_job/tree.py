"""Tree: elements as nodes, which remember whether anybody read them; and secrets taken out before anybody can."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from typing import Final

from pipemgr.adapter import Fidelity, Node, Source

from .elements import Element
from .words import literal, secret

_ENCRYPTED: Final = re.compile(r"\{AQAAA[A-Za-z0-9+/=]{8,}\}")
"""A value that a controller encrypted with its own key (https://javadoc.jenkins.io/hudson/util/Secret.html)."""
_IN_ADDRESS: Final = re.compile(r"(?<=://)([^\s/:@]*:)([^\s/@${}]+)(?=@)")
"""A user and a password in an address."""
_ADDRESS: Final = re.compile(r"ur[il]$|remote|repo", re.IGNORECASE)
"""Fields that hold addresses."""
_REFERENCE: Final = re.compile(r"\s*\$(?:\w+|\{[\w.]+\})\s*")
_FLAG: Final = re.compile(r"\s*(?:true|false|yes|no|on|off)\s*", re.IGNORECASE)
_TELLING: Final = re.compile(r"pass|secret|token|key|defaultValue", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"password\w*Definition\Z", re.IGNORECASE)
_DEFAULT: Final = "defaultValue"
"""The field of a parameter for a password that is one."""
_BLOCK: Final = 16
_SHORTEST: Final = 24
GAP: Final = ""
"""What stands in place of a secret where no model can name it."""


MARK: Final = re.compile(r"\{secret ([^{}\n]+)\}")


def gap(name: str) -> str:
    """What stands in place of a secret within a longer text, where a reference would not be understood."""
    return f"{{secret {name}}}"


def is_old_secret(text: str) -> bool:
    """Whether a text can be a secret as Jenkins encrypted it before 2.64: base64 of whole blocks."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(text) >= _SHORTEST and len(data) % _BLOCK == 0


def is_secret(one: Element, names: Collection[str], above: Element | None = None) -> bool:
    """Whether the whole text of an element is a secret, by its name, by what it stands in or by how it looks."""
    if not one.text or _REFERENCE.fullmatch(one.text) or _FLAG.fullmatch(one.text):
        return False
    if one.tag in names or (above is not None and one.tag == _DEFAULT and _PASSWORD.search(above.tag)):
        return True
    return bool(_TELLING.search(one.tag)) and is_old_secret(one.text)


def _has_password(one: Element) -> bool:
    """Whether a field that holds an address has a password in it."""
    return bool(one.text and _ADDRESS.search(one.tag) and _IN_ADDRESS.search(one.text))


def _without_passwords(text: str, instead: str) -> str:
    return _IN_ADDRESS.sub(lambda match: match[1] + instead, text)


def hide(root: Element, names: Collection[str], stem: str) -> None:
    """Take all secrets out of the elements: each is replaced by a reference to a secret of a name of its own.

    Encrypted values go wherever they stand, and so do passwords in addresses; in fields that are known to hold secrets
    (`names`), every value does that is not itself a reference to a variable. Every other text becomes a text of the model; but scripts stay what they are.
    """
    used: dict[str, int] = {}
    for above, one in root.pairs():
        holds = is_secret(one, names, above)
        told = [*one.attributes.values(), one.text or ""]
        if holds or any(map(_ENCRYPTED.search, told)) or _has_password(one):
            base = f"{stem}-{one.tag.rpartition('.')[2]}"
            used[base] = used.get(base, 0) + 1
            one.secret = base if used[base] == 1 else f"{base}-{used[base]}"
            mark = gap(one.secret)
            one.attributes = {key: _ENCRYPTED.sub(mark, value) for key, value in one.attributes.items()}
        if not one.text:
            continue
        if one.secret is not None and (holds or _ENCRYPTED.fullmatch(one.text)):
            one.text = secret(one.secret)
            continue
        if one.secret is not None:
            one.text = _ENCRYPTED.sub(gap(one.secret), one.text)
            if _has_password(one):
                one.text = _without_passwords(one.text, gap(one.secret))
        if "${{" in one.text and one.tag != "script":
            one.text = literal(one.text)


def without_secrets(root: Element, names: Collection[str]) -> None:
    """Empty every secret, for comparison: what they hold is encrypted anew whenever Jenkins saves."""
    for above, one in root.pairs():
        for key, value in one.attributes.items():
            one.attributes[key] = _emptied(value)
        if is_secret(one, names, above):
            one.text = GAP
        elif one.text:
            one.text = _emptied(one.text)
            if _has_password(one):
                one.text = _without_passwords(one.text, GAP)


def _emptied(text: str) -> str:
    return MARK.sub(GAP, _ENCRYPTED.sub(GAP, text))


class Tree:
    """The nodes of a configuration, by their elements."""

    def __init__(self, root: Element, name: str, text: str) -> None:
        self.root = root
        self.source = Source(name, _ENCRYPTED.sub(lambda match: "*" * len(match[0]), text))
        self._nodes: dict[int, Node] = {}
        todo: list[tuple[Element, Node | None, str]] = [(root, None, "")]
        for element, parent, key in todo:
            node = self._grow(element, parent, key)
            counts: dict[str, int] = {}
            for one in element.children:
                counts[one.tag] = counts.get(one.tag, 0) + 1
                at = counts[one.tag]
                todo.append((one, node, one.tag if at == 1 else f"{one.tag}[{at}]"))

    def _grow(self, element: Element, parent: Node | None, key: str) -> Node:
        value = None if element.children else element.text or ""
        begin = element.begin if element.begin[0] else None
        node = Node(self.source, parent, key, value, element.line, element.column, begin)
        if element.children:
            node.children = {}
        if parent is not None and isinstance(parent.children, dict):
            parent.children[key] = node
        self._nodes[id(element)] = node
        return node

    def node(self, element: Element) -> Node:
        """The node of an element."""
        return self._nodes[id(element)]

    def take(self, element: Element, model: str) -> Node:
        """The node of an element, read with all below, which becomes a path of the model."""
        return self.node(element).take_all().feeds(model)

    def tell_secrets(self) -> None:
        """A finding for each secret that was taken out."""
        for one in self.root.walk():
            if one.secret is not None:
                self.node(one).finding(
                    Fidelity.MANUAL,
                    f"secret {one.secret}",
                    f"<{one.tag}> holds a secret, which is never copied: this name stands for it",
                    f"keep it as {one.secret} where the pipeline goes, or take the value over in Jenkins by hand",
                )
