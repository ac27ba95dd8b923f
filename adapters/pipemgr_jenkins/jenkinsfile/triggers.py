"""Triggers in: what starts builds, as far as a Jenkinsfile says it.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#triggers
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipemgr.adapter import Node
from pipemgr.model.definitions import OPAQUE, Data, Trigger

from .scope import VENDOR
from .values import Values

IMPLIED: Final = (Trigger(event="push"), Trigger(event="pull_request"), Trigger(event="manual"))
"""What starts builds of a multibranch project whatever its Jenkinsfile says."""
POLL: Final = "poll"
"""The option of pushes that has the times at which Jenkins looks for them."""
_ZONE: Final = re.compile(r"TZ=(\S+)")


class TriggerReader:
    """Reads the triggers of a pipeline."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def read(self, node: Node | None) -> tuple[Trigger, ...]:
        """All triggers: those of every project, and those that the section says."""
        found = list(IMPLIED)
        for call in node.feeds("triggers").entries() if node is not None else ():
            self._one(call, found)
        return tuple(found)

    def _one(self, call: Node, found: list[Trigger]) -> None:
        name = str(call.items()["name"].value)
        arguments = self.values.named(call)
        value = arguments.get("") or arguments.get("spec") or arguments.get("upstreamProjects")
        if value is not None and name == "cron":
            call.take_all().feeds(f"triggers[{len(found)}]")
            found += schedules(self.values.text(value.feeds(f"triggers[{len(found)}].cron")))
        elif value is not None and name == "pollSCM":
            call.take_all().feeds("triggers[0]")
            text = self.values.text(value.feeds(f"triggers[0].options.{POLL}"))
            found[0] = found[0].model_copy(update={"options": {POLL: text}})
        elif value is not None and name == "upstream":
            found.append(self._upstream(call, value, len(found)))
        else:
            call.feeds(f"triggers[{len(found)}]")
            found.append(Trigger(event=OPAQUE, options={"vendor": VENDOR, "value": self.values.source(call)}))

    def _upstream(self, call: Node, value: Node, at: int) -> Trigger:
        call.take_all().feeds(f"triggers[{at}]")
        names = self.values.text(value.feeds(f"triggers[{at}].options.pipelines"))
        options: Data = {"pipelines": [one.strip() for one in names.split(",") if one.strip()]}
        threshold = self.values.named(call).get("threshold")
        if threshold is not None:
            text = self.values.source(threshold.feeds(f"triggers[{at}].options.threshold"))
            options["threshold"] = text.rpartition(".")[2].strip("'\"").lower()
        return Trigger(event="upstream", options=options)


def schedules(spec: str) -> Iterator[Trigger]:
    """A schedule for each line of a cron text; a line with the time zone counts for those below."""
    zone: str | None = None
    for line in spec.splitlines():
        text = line.strip()
        if (match := _ZONE.fullmatch(text)) is not None:
            zone = match[1]
        elif text and not text.startswith("#"):
            yield Trigger(event="schedule", cron=text, timezone=zone)
