"""Item 17: Jenkinsfiles converted to workflows and executed: what their scripts print, and how the build ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from pipemgr.translate.convert import convert
from pipemgr.translate.document import single

from .executing import MARK, execute
from .figures import Figure
from .ways import GITHUB, JENKINS, language

FOLDER: Final = Path(__file__).parents[1] / "translation" / "executed-jenkins"
LEAST: Final = 20


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    yield Figure(17, "Jenkinsfiles that are executed here as workflows", len(expectations()), goal=LEAST)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: differs(name, Path(folder) / name) for name in expectations()}
    short = tuple(f"{name}: {why}" for name, why in found.items() if why)
    what = "executed Jenkinsfiles: the expected lines and outcomes"
    yield Figure(17, what, len(found) - len(short), of=len(found), goal=1.0, short=short)


@cache
def expectations() -> Mapping[str, dict[str, Any]]:
    """By Jenkinsfile: what Jenkins would print of its marked lines, and how the build would end."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "expectations.yaml").read_text("utf-8"))
    return found


def differs(name: str, folder: Path) -> str:
    """In what a converted Jenkinsfile does not end as expected; empty where it does."""
    expected = expectations()[name]
    text = (FOLDER / f"{name}.Jenkinsfile").read_text("utf-8")
    made = convert(single("Jenkinsfile", text), language(JENKINS), language(GITHUB))
    [document] = made.documents
    secrets = [f"--secret {key}={value}" for key, value in expected.get("secrets", {}).items()]
    ended = execute(document.text, folder, " ".join(("push", *secrets)))
    lines = (line.strip() for job in ended.values() for line in job.marks)
    marks = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    order = sorted if expected.get("unordered") else list
    if order(marks) != order(expected["marks"]):
        return f"lines {marks}, not {expected['marks']}"
    result = "failure" if any(job.result == "failure" for job in ended.values()) else "success"
    return "" if result == expected["result"] else f"{result}, not {expected['result']}"
