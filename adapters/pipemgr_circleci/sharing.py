"""Sharing: where several jobs run in the same place, that is declared once as an executor."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

from pipemgr.model.definitions import Data

PLACE: Final = ("docker", "machine", "macos", "resource_class")


def shared(jobs: Data, executors: Data) -> tuple[Data, Data]:
    """Executors that several jobs use, beside those declared; the jobs with their names in place of what they say."""
    executors = dict(executors)
    names = {_key(place): name for name, place in executors.items()}
    places = {name: _place(job) for name, job in jobs.items()}
    counts = Counter(_key(place) for place in places.values() if place)
    for place in places.values():
        key = _key(place)
        if place and counts[key] > 1 and key not in names and "<< parameters." not in key:
            names[key] = declared(place, executors)
    return executors, {name: _using(job, names.get(_key(places[name]))) for name, job in jobs.items()}


def declared(place: Data, executors: Data) -> str:
    """The name of an executor for a place, which is declared now if it is not yet."""
    for name, known in executors.items():
        if known == place:
            return name
    name = _name(place, executors)
    executors[name] = place
    return name


def _place(job: Any) -> Data:
    return {key: job[key] for key in PLACE if key in job} if "executor" not in job else {}


def _key(place: Any) -> str:
    return json.dumps(place, sort_keys=True)


def _using(job: Any, name: str | None) -> Any:
    """A job that names an executor, where its place stood."""
    if name is None:
        return job
    found: Data = {}
    for key, value in job.items():
        if key in PLACE:
            found.setdefault("executor", name)
        else:
            found[key] = value
    return found


def _name(place: Any, taken: Data) -> str:
    """A name from what it is: `node`, `linux`, `macos`."""
    if "docker" in place:
        image = str(place["docker"][0].get("image", ""))
        word = re.sub(r"[:@].*", "", image).split("/")[-1]
    elif "macos" in place:
        word = "macos"
    else:
        machine = place.get("machine")
        image = str(machine.get("image", "")) if isinstance(machine, dict) else ""
        word = "windows" if image.startswith("windows") else "linux"
        word = f"{word}-arm" if str(place.get("resource_class", "")).startswith("arm.") else word
        word = image.partition(":")[0] if word in taken and image else word
    word = re.sub(r"[^a-z0-9_-]+", "-", word.lower()).strip("-_")
    base = word if word[:1].isalpha() else f"executor-{word}".rstrip("-")
    wish, number = base, 2
    while wish in taken:
        wish, number = f"{base}-{number}", number + 1
    return wish
