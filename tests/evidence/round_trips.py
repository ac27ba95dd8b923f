"""Item 2: read and written again by the same vendor's language: the same by the model, by plain YAML, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import HINTS, Pipeline
from pipemgr.translate.convert import Conversion, read
from pipemgr.translate.document import DocumentSet
from pipemgr.translate.edit import edit
from pipemgr.translate.tree import rebuild

from .corpus import CONFIGS, FOLDERS, WORKFLOWS, File, conversion, outcome, readable
from .figures import Figure
from .plain_configs import unequal as unequal_configs
from .plain_workflows import unequal as unequal_workflows
from .ways import language

LEAST_EQUAL = 0.97


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind in FOLDERS:
        all_of = readable(kind)
        if not all_of:
            continue
        short = tuple(f"{file.name}: {why}" for file in all_of if (why := model_differs(file)))
        equal = len(all_of) - len(short)
        yield Figure(
            2, f"{kind} written anew read back equal", equal, of=len(all_of), goal=LEAST_EQUAL, short=short
        )
        if kind in PLAIN:
            short = tuple(f"{file.name}: {why}" for file in all_of if (why := plain_differs(file)))
            equal = len(all_of) - len(short)
            yield Figure(
                2,
                f"{kind} written anew equal as plain YAML",
                equal,
                of=len(all_of),
                goal=LEAST_EQUAL,
                short=short,
            )
        short = tuple(f"{file.name}: {why}" for file in all_of if (why := bytes_differ(file)))
        equal = len(all_of) - len(short)
        yield Figure(2, f"{kind} unedited are byte-identical", equal, of=len(all_of), goal=1.0, short=short)


PLAIN = {WORKFLOWS: unequal_workflows, CONFIGS: unequal_configs}


@cache
def again(file: File) -> Conversion | None:
    """The file written anew."""
    made = conversion(file, file.language)
    return made if isinstance(made, Conversion) and made.documents else None


def model_differs(file: File) -> str:
    """In what the pipeline that is read back differs; empty where it is equal."""
    made = again(file)
    if made is None:
        return "not written"
    before = outcome(file).pipeline
    try:
        after = read(made.documents, language(file.language)).pipeline
    except DefinitionError as error:
        return f"what was written can't be read: {error}"
    if before is None or _without_hints(before) == _without_hints(after):
        return ""
    before, after = _without_hints(before), _without_hints(after)
    return "; ".join(list(_paths(before.data(), after.data()))[:4]) or "differs"


def _without_hints(pipeline: Pipeline) -> Pipeline:
    """The pipeline without what only helps to write the same text again: bytes are compared by themselves."""

    def change(value: Any) -> Any:
        kept = getattr(value, "vendor", None)
        if not kept:
            return value
        vendor = {name: {k: v for k, v in data.items() if k != HINTS} for name, data in kept.items()}
        return value.model_copy(update={"vendor": {name: data for name, data in vendor.items() if data}})

    return rebuild(pipeline, change)


def _paths(one: object, two: object, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        for key in {**one, **two}:
            yield from _paths(one.get(key), two.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for at, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from _paths(left, right, f"{path}[{at}]")
    elif one != two:
        yield f"{path}: {str(one)[:80]!r}, then {str(two)[:80]!r}"


def plain_differs(file: File) -> str:
    """In what the plain YAML differs once both are in one spelling, whatever our reader thinks of them."""
    made = again(file)
    if made is None:
        return "not written"
    try:
        found = list(PLAIN[file.kind](file.text, made.documents.documents[0].text))
    except yaml.YAMLError as error:
        return f"no plain YAML: {' '.join(str(error).split())[:200]}"
    return "; ".join(found[:4])


def bytes_differ(file: File) -> str:
    """Whether writing onto the source changes a byte of what nobody edited."""
    pipeline = outcome(file).pipeline
    assert pipeline is not None
    writing = edit(pipeline, language(file.language), file.documents)
    return "" if writing.documents == DocumentSet(documents=file.documents.documents) else "differs"
