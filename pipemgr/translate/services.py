"""Services: where scripts find the containers beside their own, told where two vendors differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage

from .base import Dialect
from .report import Fidelity, Finding

_HERE: Final = re.compile(r"\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0)\b")


def addresses(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Finding, ...]:
    """A finding for each stage in a container whose services are no longer on its own host."""
    mine, theirs = (one.tables and one.tables.services for one in (source, target))
    if (mine, theirs) != ("localhost", "name"):
        return ()
    return tuple(
        _finding(stage, target) for stage in pipeline.stages if stage.container is not None and stage.services
    )


def _finding(stage: Stage, target: Dialect) -> Finding:
    names = ", ".join(stage.services)
    asked = any(_HERE.search(text) for text in _texts(stage))
    return Finding(
        fidelity=Fidelity.MANUAL if asked else Fidelity.APPROXIMATE,
        path=f"stages.{stage.id}.services",
        source="",
        what=f"the address of {names}",
        why=f"in {target.title} a service beside a container is found by its name, not at localhost"
        + (", which this stage names" if asked else ""),
        remedy=f"connect to the host {names}, or let the stage run on the machine itself and open the ports",
    )


def _texts(stage: Stage) -> Iterator[str]:
    """What may say where a service is: variables and scripts."""
    yield from stage.variables.values()
    for step in stage.steps:
        yield from step.variables.values()
        yield str(step.inputs.get("script", ""))
