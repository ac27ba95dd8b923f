"""Builds as the model sees them: what Jenkins' answers say, as one snapshot; pure functions on JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote

from pydantic import JsonValue

from pipemgr.adapter import MASK, NotFound, Statuses
from pipemgr.model import runs as model
from pipemgr.model.identity import fingerprint
from pipemgr.model.runs import Artifact, BuildInstance, BuildLog, BuildRef, StageInstance, TestCounts
from pipemgr.model.status import Status

Data = dict[str, Any]

TREE: Final = (
    "_class,number,displayName,url,building,inProgress,result,timestamp,duration,queueId,"
    "artifacts[relativePath],"
    "actions[_class,causes[_class,shortDescription,userId,userName,upstreamProject,upstreamBuild],"
    "parameters[_class,name,value],lastBuiltRevision[SHA1,branch[name]],"
    "failCount,skipCount,totalCount,"
    "waitingDurationMillis,blockedDurationMillis,buildableDurationMillis]"
)
"""What is asked of a build; whatever a kind of build does not have, Jenkins leaves out."""
PIPELINE: Final = "WorkflowRun"
"""The class of builds that have stages."""
WHOLE: Final = "build"
"""The name of the log of the whole build."""
CAUSES: Final = {
    "hudson.model.Cause$UserIdCause": "manual",
    "hudson.model.Cause$UserCause": "manual",
    "hudson.triggers.TimerTrigger$TimerTriggerCause": "schedule",
    "hudson.triggers.SCMTrigger$SCMTriggerCause": "push",
    "jenkins.branch.BranchEventCause": "push",
    "jenkins.branch.BranchIndexingCause": "push",
    "com.cloudbees.jenkins.GitHubPushCause": "push",
    "com.dabsquared.gitlabjenkins.cause.GitLabWebHookCause": "push",
}
"""Neutral triggers by the class of a cause (Javadoc of `hudson.model.Cause` and of the plugins' classes).

No table of triggers: those have one word for each trigger, as definitions write it; a build has many causes.
"""
_SECRET: Final = re.compile(r"Password|Secret")
_REMOTE: Final = re.compile(r"^(refs/remotes/[^/]+/|refs/heads/|origin/)")


@dataclass(frozen=True)
class Flow:
    """What a build's stages are, its own word for how far it is, and why it is no further."""

    stages: tuple[StageInstance, ...] = ()
    word: str = ""
    reason: str = ""


def identify(number: int, timestamp: int) -> str:
    """The id of a build: its number and the moment it began, in milliseconds since 1970.

    A number alone is given twice: by a job that was removed and made anew, or whose builds were all removed and the
    next number reset. The moment never changes, also not when a restart lets a pipeline go on (recorded).
    """
    return f"{number}-{timestamp}"


def identified(ref: BuildRef, where: str = "") -> tuple[int, int | None]:
    """Number and moment of the build that `ref` names; a number alone names whichever has it now."""
    found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,16}))?", ref.build)
    if found is None or ref.attempt != 1:
        raise NotFound(
            f"{ref.pipeline!r} has no build {ref.build!r} (attempt {ref.attempt})", where=where or None
        )
    return int(found[1]), int(found[2]) if found[2] else None


def moment(milliseconds: object) -> datetime | None:
    """A moment that Jenkins gives in milliseconds since 1970; None for what is none."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or milliseconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def ended(start: object, duration: object) -> datetime | None:
    """When something that began at `start` was over."""
    began = moment(start)
    if began is None or not isinstance(duration, int) or duration < 0:
        return None
    return began + timedelta(milliseconds=duration)


def actions(answer: Data) -> list[Data]:
    """What plugins add to a build; many of them have nothing to tell."""
    return [one for one in answer.get("actions") or () if isinstance(one, dict) and one]


# The whole build ---------------------------------------------------------------------------------------


def instance(ref: BuildRef, answer: Data, flow: Flow, statuses: Statuses, *, steps: bool) -> BuildInstance:
    """The snapshot of a build from its answer (`TREE`) and its stages; with the logs of `steps`, or without."""
    status = build_status(answer, flow, statuses)
    return BuildInstance(
        build=_build(ref, answer),
        external_id=ref.build,
        status=status,
        queued_at=_queued(answer),
        started_at=moment(answer.get("timestamp")),
        finished_at=ended(answer.get("timestamp"), answer.get("duration")) if status.finished else None,
        url=answer.get("url"),
        stages=flow.stages,
        logs=tuple(logs(flow.stages if steps else (), complete=status.finished)),
        artifacts=artifacts(answer),
        tests=counts(answer),
        source_digest=fingerprint([answer, [stage.model_dump(mode="json") for stage in flow.stages]]),
    )


def build_status(answer: Data, flow: Flow, statuses: Statuses) -> Status:
    """How far the build is and how it ended.

    It goes on as long as `inProgress` says so (older versions only have `building`): a result may be there before
    the end, and is provisional then.
    """
    began = moment(answer.get("timestamp"))
    if answer.get("inProgress") or answer.get("building"):
        paused = statuses.status("run", flow.word) if flow.word else None
        word = flow.word if paused is not None and paused.state == "waiting" else "building"
        return statuses.status("run", word, answer.get("result"), started=began, reason=flow.reason)
    end = ended(answer.get("timestamp"), answer.get("duration"))
    result = answer.get("result")
    reason = _interruption(answer) or flow.reason or ("" if result else "it ended without a result")
    status = statuses.status("run", result, started=began, finished=end, reason=reason)
    return status.model_copy(update={"reason": ""}) if status.good else status


def _build(ref: BuildRef, answer: Data) -> model.Build:
    commit, branch = revision(answer, ref.pipeline)
    trigger, actor = cause(answer)
    number = answer.get("number")
    return model.Build(
        pipeline=ref.pipeline,
        external_id=ref.build,
        number=number,
        name=answer.get("displayName") or f"#{number}",
        commit=commit,
        branch=branch,
        trigger=trigger,
        actor=actor,
        url=answer.get("url"),
        parameters=parameters(answer),
    )


def _queued(answer: Data) -> datetime | None:
    """When it was queued, where the metrics plugin says how long it waited before it began."""
    began = moment(answer.get("timestamp"))
    for action in actions(answer):
        if began is not None and "waitingDurationMillis" in action:
            names = ("waitingDurationMillis", "blockedDurationMillis", "buildableDurationMillis")
            return began - timedelta(milliseconds=sum(int(action.get(name) or 0) for name in names))
    return None


def cause(answer: Data) -> tuple[str | None, str | None]:
    """Trigger and actor: of several causes (queue items are merged) the first that the catalogue has a name for."""
    found = [one for action in actions(answer) if _is_cause(action) for one in action["causes"] if one]
    if not found:
        return None, None
    known = next((one for one in found if one.get("_class") in CAUSES), found[0])
    actor = next((who for one in found if (who := one.get("userId") or one.get("userName"))), None)
    name = str(known.get("_class") or known.get("shortDescription") or "")
    return CAUSES.get(name, _upstream(known) or re.split(r"[.$]", name)[-1] or None), actor


def _is_cause(action: Data) -> bool:
    return bool(action.get("causes")) and "Interrupted" not in str(action.get("_class"))


def _upstream(one: Data) -> str | None:
    project = one.get("upstreamProject")
    return f"upstream {project}#{one.get('upstreamBuild')}" if project else None


def _interruption(answer: Data) -> str:
    """Who stopped it, or what did."""
    said = [
        str(one.get("shortDescription") or "")
        for action in actions(answer)
        if "Interrupted" in str(action.get("_class"))
        for one in action.get("causes") or ()
    ]
    return "; ".join(dict.fromkeys(text for text in said if text))


def parameters(answer: Data) -> dict[str, JsonValue]:
    """What the build was given; the values of secret parameters are never kept, whatever Jenkins tells of them."""
    found: dict[str, JsonValue] = {}
    for action in actions(answer):
        for one in action.get("parameters") or ():
            secret = _SECRET.search(str(one.get("_class")))
            found[str(one.get("name"))] = MASK if secret else one.get("value")
    return found


def revision(answer: Data, pipeline: str) -> tuple[str | None, str | None]:
    """Commit and branch that were built.

    A build may check out several repositories. The one whose branch the job is named after (a multibranch project's
    job) goes first, else the first that was checked out.
    """
    found = [one for action in actions(answer) if (one := action.get("lastBuiltRevision"))]
    pairs = [(one.get("SHA1"), _branch(one)) for one in found]
    own = unquote(pipeline.rpartition("/")[2])
    return next((pair for pair in pairs if pair[1] == own), pairs[0] if pairs else (None, None))


def _branch(revised: Data) -> str | None:
    names = [str(one["name"]) for one in revised.get("branch") or () if one.get("name")]
    return _REMOTE.sub("", names[0]) if names and names[0] != "detached" else None


# What it left ------------------------------------------------------------------------------------------


def artifacts(answer: Data) -> tuple[Artifact, ...]:
    """The files that were archived; Jenkins knows their MD5 only, so a digest is for who downloads them."""
    url = str(answer.get("url") or "")
    paths = [str(one["relativePath"]) for one in answer.get("artifacts") or () if one.get("relativePath")]
    return tuple(
        Artifact(name=path, uri=f"{url}artifact/{quote(path)}" if url else None)
        for path in dict.fromkeys(paths)
    )


def counts(answer: Data) -> TestCounts | None:
    """How its tests ended, as the JUnit plugin counts them."""
    for action in actions(answer):
        if isinstance(total := action.get("totalCount"), int):
            failed, skipped = int(action.get("failCount") or 0), int(action.get("skipCount") or 0)
            return TestCounts(passed=max(0, total - failed - skipped), failed=failed, skipped=skipped)
    return None


def logs(stages: tuple[StageInstance, ...], *, complete: bool) -> Iterator[BuildLog]:
    """The log of the build, and of each step that has begun, by the step's id."""
    yield BuildLog(name=WHOLE, complete=complete)
    for stage in stages:
        for step in stage.steps:
            if step.started_at is not None:
                yield BuildLog(
                    name=step.external_id,
                    stage=stage.external_id,
                    step=step.external_id,
                    complete=step.status.finished,
                )
