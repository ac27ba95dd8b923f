"""Fields: what a row says of an element, applied both ways: fields become inputs of ours, and the rest is kept."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from pipemgr.adapter import ElementRow, InputRow, from_vendor, to_vendor
from pipemgr.model.definitions import HINTS, Data

Said = dict[str, str | None]
_FLAGS: dict[str, bool] = {"true": True, "false": False}


def described(row: ElementRow, ours: str) -> InputRow:
    """How an input of ours stands in the element."""
    theirs = row.inputs[ours]
    return InputRow(name=theirs) if isinstance(theirs, str) else theirs


def read_value(text: str, how: InputRow, kind: str) -> JsonValue:
    """A field's text as an input of ours; `kind` is the type that the catalogue gives it."""
    if how.values:
        return how.values.get(text.lower(), text)
    if (kind == "boolean" or how.convert in ("not", "yes-no")) and text.lower() in _FLAGS:
        return from_vendor(_FLAGS[text.lower()], how.convert)
    if kind == "number" and text.removeprefix("-").isdecimal():
        return int(text)
    return from_vendor(text, how.convert)


def written_value(value: JsonValue, how: InputRow) -> str:
    """An input of ours as a field's text."""
    if how.values:
        found = [theirs for theirs, ours in how.values.items() if ours == value]
        return found[0] if found else str(value)
    theirs = to_vendor(value, how.convert)
    if isinstance(theirs, bool):
        return "true" if theirs else "false"
    return "" if theirs is None else str(theirs)


def is_default(row_fields: Mapping[str, object], path: str, text: str | None) -> bool:
    """Whether a field says what it says by itself; an empty text is as good as none."""
    default = row_fields.get(path)
    return text == default or (not text and not default) or (text or "").lower() == default


def read_fields(row: ElementRow, said: Said, kinds: Mapping[str, str]) -> tuple[Data, Data]:
    """Inputs of ours, and what is kept for configurations: other fields, and under `hints` texts as they were."""
    left = dict(said)
    inputs: Data = dict(row.implied)
    kept: Data = {}
    spelt: Data = {}
    for ours in row.inputs:
        how = described(row, ours)
        default = row.fields.get(how.name)
        text = left.pop(how.name, default if isinstance(default, str) else None)
        if text is None:
            continue
        value = read_value(text, how, kinds.get(ours, "string"))
        if how.without is not None and (out := left.pop(how.without, None)):
            value = "\n".join([str(value), *(f"!{one.strip()}" for one in out.split(","))])
            text = f"{text}\n{out}"
        inputs[ours] = value
        again = _texts(value, how)
        if "\n".join(again.values()) != text:
            spelt[how.name] = said.get(how.name) or ""
    for path, text in left.items():
        if not is_default(row.fields, path, text):
            kept[path] = text or ""
    return inputs, {**kept, **({HINTS: spelt} if spelt else {})}


def _texts(value: JsonValue, how: InputRow) -> dict[str, str]:
    """The fields of one input: its own, and the one that takes out again."""
    if how.without is None or not isinstance(value, str):
        return {how.name: written_value(value, how)}
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    into = "\n".join(line for line in lines if not line.startswith("!"))
    out = ", ".join(line[1:] for line in lines if line.startswith("!"))
    return {how.name: written_value(into, how)} | ({how.without: out} if out else {})


def written_fields(row: ElementRow, inputs: Mapping[str, JsonValue], kept: Data) -> Said:
    """All fields of an element, in Jenkins' order; what is kept and has no place follows."""
    given: dict[str, str] = {}
    spelt = kept.get(HINTS)
    for ours, value in inputs.items():
        if ours in row.inputs and value is not None:
            how = described(row, ours)
            given |= _texts(value, how)
            before = spelt.get(how.name) if isinstance(spelt, dict) else None
            if isinstance(before, str) and read_value(before, how, _kind(value)) == value:
                given[how.name] = before
    given |= {path: str(text) for path, text in kept.items() if path != HINTS}
    found: Said = {}
    for path, default in row.fields.items():
        if path in given:
            found[path] = given.pop(path)
        elif isinstance(default, str):
            found[path] = default
        elif default is not None:
            found[path] = None
    return {**found, **given}


def _kind(value: JsonValue) -> str:
    return "boolean" if isinstance(value, bool) else "number" if isinstance(value, int) else "string"
