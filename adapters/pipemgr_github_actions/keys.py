"""Keys that GitHub's syntax does not know: told with the nearest one that it does, and kept as they stand."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from pipemgr.adapter import Fidelity, Node, compose

Shapes = dict[str, dict[str, str | None]]


@cache
def _table() -> dict[str, Any]:
    file = files(__package__).joinpath("keys.yaml")
    return compose(file.read_text(encoding="utf-8"), file.name).plain()  # type: ignore[no-any-return]


def tell_strange_keys(root: Node, shape: str) -> None:
    """A finding for each key, event and activity type below `root` that GitHub does not know.

    To be asked when reading is over, so that the findings lead to what became of the keys.
    """
    _check(root, shape, _table()["shapes"])
    on = root.children.get("on") if isinstance(root.children, dict) else None
    if on is not None:
        _events(on, _table()["shapes"]["events"])


def _check(node: Node, shape: str, shapes: Shapes) -> None:
    if isinstance(node.children, list) and shape.endswith("[]"):
        for one in node.children:
            _check(one, shape.removesuffix("[]"), shapes)
    elif isinstance(node.children, dict) and not shape.endswith("[]"):
        known = shapes[shape]
        for key, child in node.children.items():
            below = known.get(key, known.get("*"))
            if below is not None:
                _check(child, below, shapes)
            elif key not in known:
                _strange(child, f"key {key!r}", key, known)


def _events(on: Node, known: Collection[str]) -> None:
    """Words for events where `on` is no mapping, and activity types where it is one."""
    if not isinstance(on.children, dict):
        for one in on.children or [on]:
            if isinstance(one.value, str) and one.value not in known:
                _strange(one, f"event {one.value!r}", one.value, known)
        return
    for event, node in on.children.items():
        types = node.children.get("types") if isinstance(node.children, dict) else None
        allowed = _table()["types"].get(event)
        if types is None or not allowed:
            continue
        for one in types.children if isinstance(types.children, list) else [types]:
            if isinstance(one.value, str) and one.value not in allowed:
                _strange(one, f"type {one.value!r} of {event}", one.value, allowed)


def _strange(node: Node, what: str, word: str, known: Collection[str]) -> None:
    near = get_close_matches(word, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known) or 'nothing'}"
    node.finding(Fidelity.EQUIVALENT, what, "GitHub does not know it here; it is kept as it stands", remedy)
