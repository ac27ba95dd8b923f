"""Values: the few declared ways in which an input's value changes between us and a vendor."""

from __future__ import annotations

from pydantic import JsonValue

from .rows import Conversion

_SEPARATORS = {"lines": "\n", "commas": ","}
_YES_NO = {True: "yes", False: "no"}


def to_vendor(value: JsonValue, convert: Conversion) -> JsonValue:
    """Our value in the vendor's form; what the conversion says nothing about (a template, say) stays as it is."""
    match convert, value:
        case "not", bool():
            return not value
        case "yes-no", bool():
            return _YES_NO[value]
        case (("lines" | "commas"), list()):
            return _SEPARATORS[convert].join(map(str, value))
        case "list", str():
            return [line for line in map(str.strip, value.splitlines()) if line]
        case "joined", str():
            return ", ".join(line for line in map(str.strip, value.splitlines()) if line)
    return value


def from_vendor(value: JsonValue, convert: Conversion) -> JsonValue:
    """The vendor's value in our form: the other way round."""
    match convert, value:
        case "not", bool():
            return not value
        case "yes-no", ("yes" | "no"):
            return value == "yes"
        case (("lines" | "commas"), str()) if "${{" not in value:
            parts = (part.strip() for part in value.split(_SEPARATORS[convert]))
            return [part for part in parts if part]
        case "list", list():
            return "\n".join(map(str, value))
        case "joined", str() if "${{" not in value:
            return "\n".join(part for part in map(str.strip, value.split(",")) if part)
    return value
