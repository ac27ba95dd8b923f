"""JSON Schemas of the table files, for editors: `python -m pipemgr.mapping.schema` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from . import elements, rows, variables
from .loader import shipped

FILES: Final[dict[str, type[rows.TableFile]]] = {
    "catalogue-actions": rows.ActionsFile,
    "catalogue-expressions": rows.WordsFile,
    "catalogue-runners": rows.RunnerKindsFile,
    "catalogue-triggers": rows.TriggerKindsFile,
    "elements": elements.ElementsFile,
    "jobs": rows.JobsFile,
    "runners": rows.RunnersFile,
    "scripts": rows.ScriptsFile,
    "statuses": rows.StatusesFile,
    "steps": rows.StepsFile,
    "triggers": rows.TriggersFile,
    "variables": variables.VariablesFile,
}
"""The class of each kind of table file; those of the catalogue begin with its name."""


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one kind of table file."""
    made = FILES[kind].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def text(kind: str) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(kind), indent=2) + "\n"


def main() -> None:
    """Write every schema into the source tree."""
    folder = Path(str(shipped("schema")))
    for kind in FILES:
        (folder / f"{kind}.json").write_text(text(kind), encoding="utf-8")


if __name__ == "__main__":
    main()
