"""Control: starting, stopping, repeating and answering builds, and which build a request became."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    AdapterError,
    NotFound,
    Refused,
    UnsupportedCapability,
)
from pipemgr.model.runs import BuildRef

from .builds import Data, identify
from .client import Client
from .jobs import PAGE
from .overview import GRAPHS, Overview

QUEUED: Final = "cancelled,why,executable[number,timestamp]"
WANTED: Final = "buildable,property[parameterDefinitions[name,type,choices]]"
GIVEN: Final = "_class,number,timestamp,actions[parameters[_class,name,value]]"
PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""How long to wait between looks at the queue, in seconds; the last one again and again."""
_ITEM: Final = re.compile(r"/queue/item/(\d+)/?$")


class Control:
    """What can be done to builds of one Jenkins."""

    def __init__(
        self, client: Client, overview: Overview, locate: Callable[[BuildRef], str], *, wait: float
    ) -> None:
        self._client = client
        self._locate = locate
        self._overview = overview
        self._wait = wait

    # Starting --------------------------------------------------------------------------------------------

    def start(self, name: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Start a build and follow its queue item to it.

        Jenkins takes unknown parameters silently and answers a wrong choice with 500 (recorded), so both are
        refused here. Two requests that meet in the queue become one build (recorded), and that one is said to both.
        """
        job = self._client.job(name)
        wanted = self._client.api(job, WANTED)
        if not wanted.get("buildable", True):
            raise Refused(
                f"{name!r} is disabled or can't be built",
                where=self._client.where,
                remedy="enable it in Jenkins",
            )
        defined = _defined(wanted)
        form = self._form(name, defined, parameters)
        response = self._client.post(f"{job}/{'buildWithParameters' if defined else 'build'}", form)
        found = _ITEM.search(response.headers.get("Location", ""))
        if found is None:
            raise AdapterError(
                f"{name!r} was asked for, but Jenkins named no queue item",
                where=self._client.where,
                remedy="look whether it began: it is found by the next poll if so",
            )
        return self._follow(name, int(found[1]))

    def _form(
        self, name: str, defined: Mapping[str, Data], parameters: Mapping[str, JsonValue]
    ) -> dict[str, str]:
        if strange := sorted(parameters.keys() - defined.keys()):
            raise Refused(
                f"{name!r} has no parameter {', '.join(strange)}",
                where=self._client.where,
                remedy=f"it has: {', '.join(sorted(defined)) or 'none'}",
            )
        form = {key: _text(key, value) for key, value in parameters.items()}
        for key, text in form.items():
            choices = defined[key].get("choices")
            if choices and text not in choices:
                raise Refused(
                    f"{text!r} is no choice of the parameter {key!r} of {name!r}",
                    where=self._client.where,
                    remedy=f"the choices are: {', '.join(map(str, choices))}",
                )
        return form

    def _follow(self, name: str, item: int) -> BuildRef:
        """The build that a queue item becomes, looked for as long as the settings allow.

        Raises `AdapterError` when it still waits then: a build has no number before, and is found by polling later.
        """
        deadline, looks, why = time.monotonic() + self._wait, 0, ""
        while True:
            try:
                queued = self._client.api(self._client.root(f"queue/item/{item}"), QUEUED)
            except NotFound:
                return self._by_item(name, item)
            if queued.get("cancelled"):
                raise Refused(
                    f"queue item {item} of {name!r} was cancelled before it began", where=self._client.where
                )
            if build := queued.get("executable"):
                return BuildRef(pipeline=name, build=identify(build["number"], build["timestamp"]))
            why = str(queued.get("why") or "it is about to begin")
            pause = PAUSES[min(looks, len(PAUSES) - 1)]
            if time.monotonic() + pause > deadline:
                raise self._waits(name, item, why)
            time.sleep(pause)
            looks += 1

    def _waits(self, name: str, item: int, why: str) -> AdapterError:
        return AdapterError(
            f"{name!r} is queued as item {item} and has not begun after {self._wait:g} s: {why}",
            where=self._client.where,
            remedy="don't start it again: it is recorded when it begins; `start_wait` sets how long to wait",
        )

    def _by_item(self, name: str, item: int) -> BuildRef:
        """The build that came of a queue item that is gone: items are kept five minutes, and no restart (recorded)."""
        tree = f"allBuilds[number,timestamp,queueId]{{0,{PAGE}}}"
        for one in self._client.api(self._client.job(name), tree).get("allBuilds") or ():
            if one.get("queueId") == item:
                return BuildRef(pipeline=name, build=identify(one["number"], one["timestamp"]))
        raise AdapterError(
            f"queue item {item} of {name!r} is gone, and no build names it",
            where=self._client.where,
            remedy="Jenkins may have been restarted; look whether it began before starting it again",
        )

    # Stopping and repeating ------------------------------------------------------------------------------

    def cancel(self, ref: BuildRef) -> None:
        """Ask a build to stop; one that is over stays as it is."""
        self._client.post(f"{self._locate(ref)}/stop")

    def rerun(self, ref: BuildRef, *, failed_only: bool) -> BuildRef:
        """Execute a build again as a new one: by Pipeline Graph View where it is, else with the same parameters."""
        if failed_only:
            raise UnsupportedCapability(
                "the jenkins adapter cannot execute only what failed", remedy="execute the whole build again"
            )
        url = self._locate(ref)
        way = self._client.memory.stages
        if way in GRAPHS and (item := self._replay(f"{url}/{way}")) is not None:
            return self._follow(ref.pipeline, item)
        given = self._client.api(url, GIVEN)
        return self.start(ref.pipeline, self._repeated(ref, given))

    def _replay(self, url: str) -> int | None:
        """Rerun a pipeline as it was, script and parameters: the queue item; None where the plugin has no such verb.

        The plugin's description calls it `doRerun`, its code `rerun`.
        """
        for verb in ("rerun", "doRerun"):
            try:
                answer = json.loads(self._client.post(f"{url}/{verb}").content)
            except (NotFound, ValueError):
                continue
            data = answer.get("data") or {}
            if answer.get("status") == "ok" and "queueId" in data:
                return int(data["queueId"])
            raise Refused(
                f"it can't be executed again: {answer.get('message') or 'Jenkins gives no reason'}",
                where=self._client.where,
                remedy="start the job anew",
            )
        return None

    def _repeated(self, ref: BuildRef, given: Data) -> dict[str, JsonValue]:
        values = [one for action in given.get("actions") or () for one in action.get("parameters") or ()]
        hidden = [
            str(one["name"]) for one in values if "value" not in one or "Password" in str(one.get("_class"))
        ]
        if hidden:
            raise Refused(
                f"{ref.pipeline}#{given.get('number')} had parameters whose values Jenkins does not tell: "
                + ", ".join(hidden),
                where=self._client.where,
                remedy="start the job with these parameters",
            )
        return {str(one["name"]): one["value"] for one in values}

    # Answering -------------------------------------------------------------------------------------------

    def approve(self, ref: BuildRef, stage: str, *, accept: bool) -> None:
        """Answer the input that a stage waits for; what it asks for is answered with its defaults."""
        url = self._locate(ref)
        one = self._pending(ref, stage, self._overview.waiting(url))
        entry = f"{url}/input/{one['id']}"
        if not accept:
            self._client.post(f"{entry}/abort")
        elif one.get("inputs"):
            values = [self._default(url, asked) for asked in one["inputs"]]
            self._client.post(
                f"{url}/wfapi/inputSubmit?inputId={one['id']}", {"json": json.dumps({"parameter": values})}
            )
        else:
            self._client.post(f"{entry}/proceedEmpty")

    def _pending(self, ref: BuildRef, stage: str, pending: list[Data]) -> Data:
        exact = [one for one in pending if stage in (one.get("stage"), one.get("id"))]
        found = exact or [one for one in pending if one.get("stage") is None]
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"{one['id']} ({one.get('message')})" for one in found)
        raise Refused(
            f"{len(found)} inputs of {ref.pipeline} {ref.build} may be meant by {stage!r}: {names}"
            if found
            else f"stage {stage!r} of {ref.pipeline} {ref.build} waits for no input",
            where=self._client.where,
            remedy="name the input by its id" if found else "look at the build again",
        )

    def _default(self, url: str, asked: Data) -> dict[str, Any]:
        value = (asked.get("definition") or {}).get("defaultVal")
        if value is None:
            raise Refused(
                f"the input asks for {asked.get('name')!r}, which has no default",
                where=self._client.where,
                remedy=f"answer it in Jenkins: {url}/input/",
            )
        return {"name": asked.get("name"), "value": value}


def _defined(wanted: Data) -> dict[str, Data]:
    lists = (one.get("parameterDefinitions") or () for one in wanted.get("property") or () if one)
    return {str(one["name"]): one for several in lists for one in several}


def _text(name: str, value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (dict, list)):
        raise Refused(f"the parameter {name!r} must be a text, a number, true or false")
    return str(value)
