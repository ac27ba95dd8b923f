"""Triggers out: what starts builds, as far as a Jenkinsfile says it; its project says the rest.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#triggers
"""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import OPAQUE, Pipeline, Trigger

from .call_writer import call
from .layout import Item, Statement, block
from .text_writer import Texts
from .triggers import IMPLIED, POLL

_PROJECT: Final = tuple(one.event for one in IMPLIED)
_RESULT: Final = "hudson.model.Result."
_REMEDIES: Final = {
    "api": "let the program start the build by Jenkins' own API, with a token",
    "call": "let the other pipeline use the step build",
    "merge_queue": "let the project build the branches that the queue makes",
    "pull_request_target": "let the project build pull requests, and give the job only secrets that they may see",
    "release": "let the project build tags",
}


def triggers(pipeline: Pipeline, texts: Texts) -> tuple[Item, ...]:
    """The section `triggers`."""
    lines: list[str] = []
    crons: list[tuple[str | None, str]] = []
    for at, trigger in enumerate(pipeline.triggers):
        path = f"triggers[{at}]"
        if trigger.event == "schedule" and trigger.cron is not None:
            crons.append((trigger.timezone, trigger.cron))
        elif trigger.event in _PROJECT:
            lines += _project(trigger, texts, path)
        else:
            lines += _other(trigger, texts, path)
    _tell_project(pipeline, texts)
    if crons:
        lines.insert(0, call("cron", texts.text(_spec(crons), "triggers")))
    return block("triggers", map(Statement, lines))


def _spec(crons: list[tuple[str | None, str]]) -> str:
    """One text for all schedules; a line with a time zone counts for those below it."""
    found: list[str] = []
    last: str | None = None
    for zone, cron in sorted(crons, key=lambda one: one[0] is not None):
        if zone is not None and zone != last:
            found.append(f"TZ={zone}")
        last = zone
        found.append(cron)
    return "\n".join(found)


def _project(trigger: Trigger, texts: Texts, path: str) -> list[str]:
    poll = trigger.options.get(POLL)
    return [call("pollSCM", texts.text(poll, f"{path}.options.{POLL}"))] if isinstance(poll, str) else []


def _tell_project(pipeline: Pipeline, texts: Texts) -> None:
    """Say of what starts builds of a project whatever its Jenkinsfile says."""
    said = [one.event for one in pipeline.triggers]
    missing = [one for one in _PROJECT if one not in said]
    if missing:
        why = f"a multibranch project is also started by: {', '.join(missing)}"
        remedy = "restrict what the project builds in its settings"
        less = Fidelity.EQUIVALENT if missing == ["manual"] else Fidelity.APPROXIMATE
        texts.losses.add(less, "triggers", "what starts builds", why, remedy)


def _other(trigger: Trigger, texts: Texts, path: str) -> list[str]:
    options = trigger.options
    if trigger.event == OPAQUE and isinstance(options.get("value"), str):
        return [str(options["value"])]
    if trigger.event == "upstream":
        names = options.get("pipelines")
        given = {
            "upstreamProjects": texts.text(
                ", ".join(map(str, names if isinstance(names, list) else [])), path
            )
        }
        if isinstance(threshold := options.get("threshold"), str):
            given["threshold"] = f"{_RESULT}{threshold.upper()}"
        return [call("upstream", None, given)]
    remedy = _REMEDIES.get(trigger.event, "start it by another way")
    why = "a Jenkinsfile can't say it"
    texts.losses.add(Fidelity.DROPPED, path, f"trigger {trigger.event}", why, remedy)
    return []
