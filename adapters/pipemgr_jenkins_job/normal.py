"""Normal form: what two configurations have to agree in to be the same to Jenkins, as a text to compare.

Two texts have the same normal form when Jenkins itself could have written both of the same job. These differ freely:

- the declaration, comments, line ends and blanks between elements, the way in which characters are written;
- versions and names of plugins (`plugin="git@5.2"`), which change with each upgrade;
- `<actions/>`, which are never a person's, and properties that plugins add by themselves, while they say nothing;
- fields that are absent, empty, or say what their row in the tables calls the default;
- the order of fields of one object, of properties and of triggers; builders, publishers, wrappers and all other lists
  keep theirs;
- what stands behind a reference, which is compared as if it stood there twice;
- secrets: what they hold is encrypted anew at every save.

All else counts: one blank more in a script is a difference.
"""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Tables

from .elements import Element
from .fields import is_default
from .parsing import parse
from .references import resolve
from .rendering import rendered
from .tree import without_secrets
from .words import Words

OUTERMOST: Final = "job"
PLACES: Final = {
    "axes": "axis",
    "buildWrappers": "wrapper",
    "builders": "builder",
    "parameterDefinitions": "parameter",
    "postbuilders": "builder",
    "prebuilders": "builder",
    "properties": "property",
    "publishers": "publisher",
    "reporters": "publisher",
    "triggers": "trigger",
}
"""What stands in a list of a job."""
_UNORDERED: Final = frozenset(("properties", "triggers"))
_COLLECTIONS: Final = frozenset(
    (
        "concurrent-list",
        "empty-list",
        "empty-set",
        "linked-list",
        "list",
        "set",
        "sorted-set",
        "tree-set",
        "vector",
    )
)
_BASIC: Final = frozenset(
    ("boolean", "double", "entry", "float", "int", "list", "long", "map", "null", "set", "string")
)
"""Names of elements of lists and maps, where an empty one counts."""


def normalise(text: str, name: str = "config.xml", tables: Tables | None = None) -> str:
    """The normal form of a configuration; raises `ParseError` for what is no XML."""
    words = Words(tables)
    root = parse(text, name)
    without_secrets(root, words.tables.elements.secrets)
    resolve(root)
    return rendered(normal(root, words, OUTERMOST)) + "\n"


def same(one: Element, other: Element, words: Words, place: str = "") -> bool:
    """Whether two elements say the same at a place."""
    return rendered(normal(one, words, place)) == rendered(normal(other, words, place))


def normal(
    element: Element, words: Words, place: str = "", around: dict[str, object] | None = None
) -> Element:
    """The normal form of an element; recursion goes no deeper than the parser lets elements be.

    `around` is what its fields say by themselves, where the row of an element around it knows.
    """
    inner = PLACES.get(element.tag, "")
    defaults = _defaults(element, words, place) or around or {}
    found = Element(element.tag, _attributes(element, inner), text=element.text)
    for child in element.children:
        one = normal(child, words, inner or child.tag, _below(defaults, child.tag))
        if not _says_nothing(one, words, inner, defaults):
            found.children.append(one)
    if not found.children:
        blank = inner and not (element.text or "").strip()
        found.text = None if element.children or blank else element.text or None
    if element.tag in _UNORDERED or _is_object(found):
        found.children.sort(key=lambda one: (one.tag, rendered(one) if inner else ""))
    return found


def _attributes(element: Element, inner: str) -> dict[str, str]:
    left = {name: value for name, value in sorted(element.attributes.items()) if name != "plugin"}
    if inner and left.get("class") in _COLLECTIONS:
        del left["class"]
    return left


def _defaults(element: Element, words: Words, place: str) -> dict[str, object]:
    """What the fields of an element say by themselves, by path."""
    if place == OUTERMOST:
        return words.usual(element.tag)
    row = words.row(place, element.kind)
    return dict(row.fields) if row is not None else {}


def _below(defaults: dict[str, object], tag: str) -> dict[str, object]:
    return {path[len(tag) + 1 :]: one for path, one in defaults.items() if path.startswith(f"{tag}/")}


def _says_nothing(one: Element, words: Words, inner: str, defaults: dict[str, object]) -> bool:
    """Whether an element in its normal form can as well be absent."""
    if one.tag == "actions" and not inner:
        return True
    if inner == "property" and (row := words.row(inner, one.tag)) is not None and row.added:
        return not one.children
    if one.children:
        return False
    kind = one.attributes.get("class")
    if kind is not None and not one.text and f"{one.tag}/@class" in defaults:
        return kind == defaults[f"{one.tag}/@class"]
    if "." in one.tag or one.tag in _BASIC or inner or (one.attributes and kind not in _COLLECTIONS):
        return False
    return not one.text or is_default(defaults, one.tag, one.text)


def _is_object(element: Element) -> bool:
    """Whether the children of an element are fields of one object, whose order means nothing."""
    tags = [one.tag for one in element.children]
    return (
        element.tag not in PLACES
        and element.tag != "entry"
        and "serialization" not in element.attributes
        and len(set(tags)) == len(tags)
        and not any("." in tag or tag in _BASIC for tag in tags)
    )
