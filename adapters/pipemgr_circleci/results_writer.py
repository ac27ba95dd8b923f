"""Test reports out: `store_test_results`."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, said
from pipemgr.model.definitions import Step

from .cache_writer import lines
from .phrases import Phrases

_WILD: Final = re.compile(r"[*?\[]")


def write_results(phrases: Phrases, step: Step, path: str) -> list[JsonValue]:
    """A step for each folder or file of reports: CircleCI looks for all reports below a folder, and knows no globs."""
    found: list[str] = []
    for line in lines(step.inputs.get("path")):
        text = str(phrases.field(line, f"{path}.inputs.path"))
        if _WILD.search(text) and not text.startswith("!"):
            folder = posixpath.dirname(_WILD.split(text)[0]) or "."
            why = f"CircleCI knows no globs here: all reports below {folder} are taken"
            phrases.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.path", f"path {text}", why)
            text = folder
        found += [text] if text not in found else []
    for name in step.inputs.keys() - {"path"}:
        why = "CircleCI's test results have names by their jobs, and none are an error nowhere"
        what = f"input {name} of tests.publish"
        phrases.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.{name}", what, why)
    title = phrases.label(step.name, f"{path}.name")
    return [{"store_test_results": said({"name": title, "path": one})} for one in found]
