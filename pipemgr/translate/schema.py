"""The published JSON Schema of pipeline files, made from the reader's own tables.

`python -m pipemgr.translate.schema` prints it; `pipeline.schema.json` beside this file holds it for editors, and a
test compares the two.
"""

from __future__ import annotations

import inspect
import json
import sys
from importlib.resources import files
from typing import Any, Final

from pipemgr.mapping.catalogue import Catalogue, catalogue
from pipemgr.model import definitions

from .features import descriptions
from .native_reader import NativeReader

FILE: Final = "pipeline.schema.json"
ID: Final = "urn:pipemgr:schema:pipeline:1"


def pipeline_schema(names: Catalogue | None = None) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of pipeline files that use the catalogue's actions and triggers."""
    names = names or catalogue()
    schema = NativeReader(names.inputs(), names.shorts(), names.triggers).schema()
    shared: dict[str, Any] = {}
    root = _described(schema, shared)
    actions = shared["Step"]["properties"]
    for name, action in names.actions.items():
        actions[name] = {"description": action.description, **actions[name]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        **shared.pop(root["$ref"].rpartition("/")[2]),
        "$defs": shared,
    }


def _described(schema: Any, shared: dict[str, Any]) -> Any:
    """The schema with the model's own words, and what has the name of a class moved to `shared`."""
    if isinstance(schema, list):
        return [_described(one, shared) for one in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _described(one, shared) for key, one in schema.items()}
    kind = schema.get("title")
    if not isinstance(kind, str):
        return out
    out["description"] = (inspect.getdoc(getattr(definitions, kind)) or "").partition("\n")[0]
    for key, one in out["properties"].items():
        about = descriptions().get((kind, key.replace("-", "_")))
        out["properties"][key] = {"description": about, **one} if about else one
    shared[kind] = out
    return {"$ref": f"#/$defs/{kind}"}


def published() -> str:
    """The schema that is shipped."""
    return files("pipemgr.translate").joinpath(FILE).read_text(encoding="utf-8")


def text() -> str:
    """The schema as it is to be shipped."""
    return json.dumps(pipeline_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
