"""`pipemgr build show`, and how builds are shown to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from pipemgr.errors import NoSuchObject
from pipemgr.ledger.views import BuildView, InstanceView
from pipemgr.model.runs import Artifact, BuildInstance, StageInstance
from pipemgr.model.status import State, Status
from pipemgr.service import builds
from pipemgr.service.results import summary
from pipemgr.service.runtime import opened

from .build_options import BUILD, FAILED
from .render import ago, coloured, json_option, plain, print_json, status, table, took


@click.command()
@BUILD
@click.option("--exit-status", is_flag=True, help="Leave with 1 when it did not end well.")
@click.option("--url", "--web", "only_url", is_flag=True, help="Print only its address at the vendor.")
@json_option
def show(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    exit_status: bool,
    only_url: bool,
    as_json: bool,
) -> None:
    """Show a build with its attempts, stages, steps, tests and artifacts.

    BUILD is PIPELINE#NUMBER, a number, or an id or its beginning.
    """
    with opened() as runtime:
        whole = builds.whole(runtime, reference, connection)
    view = builds.pick(whole, attempt)
    snapshot = view.snapshot()
    if only_url:
        click.echo(plain(_address(snapshot)))
    elif as_json:
        print_json({**build_json(view), "attempts": list(map(_attempt, whole.instances))})
    else:
        show_build(view)
        if len(whole.instances) > 1:
            _show_attempts(whole)
    raise SystemExit(FAILED if exit_status and snapshot.status.finished and not snapshot.status.good else 0)


def _address(snapshot: BuildInstance) -> str:
    """Where the vendor shows it; raises `NoSuchObject` when the vendor never said."""
    address = snapshot.url or snapshot.build.url
    if not address:
        raise NoSuchObject("its vendor tells no address of this build")
    return address


def build_json(view: InstanceView) -> dict[str, Any]:
    """An attempt for machines."""
    snapshot = view.snapshot()
    return {
        "id": str(view.instance.id),
        "connection": view.build.connection,
        **snapshot.model_dump(mode="json"),
    }


def _attempt(view: InstanceView) -> dict[str, Any]:
    snapshot = view.snapshot()
    said = snapshot.model_dump(
        mode="json", include={"attempt", "status", "queued_at", "started_at", "finished_at", "url"}
    )
    return {"id": str(view.instance.id), **said}


def show_build(view: InstanceView) -> None:
    """A build for people."""
    show_snapshot(view.snapshot(), builds.title(view.build), view.build.connection)


def show_snapshot(snapshot: BuildInstance, title: str, connection: str) -> None:
    """An attempt for people, as the ledger or its vendor shows it."""
    attempt = f", attempt {snapshot.attempt}" if snapshot.attempt > 1 else ""
    click.echo(f"{click.style(plain(title), bold=True)}{attempt}: {how(snapshot.status)}  ({connection})")
    for label, value in _facts(snapshot):
        click.echo(f"  {label}: {plain(value)}")
    for stage in snapshot.stages:
        _show_stage(stage)
    for artifact in snapshot.artifacts:
        click.echo(f"  {artifact_line(artifact)}")


def how(one: Status) -> str:
    """A status for people: in its colour, with what it will come to while that is not sure."""
    word = coloured(status(one.state, one.result))
    return f"{word} ({coloured(one.provisional)} so far)" if one.provisional else word


def _facts(snapshot: BuildInstance) -> Iterator[tuple[str, str]]:
    facts = {
        "reason": snapshot.status.reason,
        "commit": snapshot.build.commit,
        "branch": snapshot.build.branch,
        "tag": snapshot.build.tag,
        "actor": snapshot.build.actor,
        "trigger": snapshot.build.trigger,
        "parameters": ", ".join(f"{key}={value}" for key, value in snapshot.build.parameters.items()),
        "started": _moment(snapshot.started_at),
        "finished": _moment(snapshot.finished_at),
        "in the queue": took(snapshot.queued_at, snapshot.started_at),
        "took": took(snapshot.started_at, snapshot.finished_at),
        "tests": summary(snapshot.tests) if snapshot.tests else None,
        "url": snapshot.url or snapshot.build.url,
    }
    return ((label, value) for label, value in facts.items() if value)


def _moment(moment: datetime | None) -> str | None:
    """When something was, to the second, and how long ago that is."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {ago(moment)}" if moment else None


def _show_stage(stage: StageInstance) -> None:
    span = took(stage.started_at, stage.finished_at)
    runner = f" on {stage.runner}" if stage.runner else ""
    reason = stage.status.reason if stage.status.state in (State.WAITING, State.QUEUED) else ""
    evidence = f"[{stage.evidence.source}, {stage.evidence.confidence}]" if stage.evidence else ""
    parts = (stage.name, f"{span or ''}{runner}".strip(), reason.split("\n", 1)[0], evidence)
    click.echo(f"  {how(stage.status)}  " + "  ".join(plain(part) for part in parts if part))
    for step in stage.steps:
        code = f" (exit code {step.exit_code})" if step.exit_code else ""
        click.echo(f"    {how(step.status)}  {first_line(step.name)}{code}")


def first_line(name: str) -> str:
    """What a step is called, in one line: some vendors call it by its whole script."""
    return plain(name.split("\n", 1)[0])


def artifact_line(artifact: Artifact) -> str:
    """An artifact in one line."""
    size = "" if artifact.size is None else f", {artifact.size:,} bytes"
    used = "used " if artifact.consumed else ""
    expires = f"  expires {ago(artifact.expires_at)}" if artifact.expires_at else ""
    return f"{used}artifact {plain(artifact.name)}{size}  {plain(artifact.digest or 'no digest')}{expires}"


def _show_attempts(whole: BuildView) -> None:
    click.echo()
    rows = []
    for view in whole.instances:
        snapshot = view.snapshot()
        rows.append(
            {
                "attempt": snapshot.attempt,
                "status": status(snapshot.status.state, snapshot.status.result),
                "took": took(snapshot.started_at, snapshot.finished_at),
                "started": snapshot.started_at,
            }
        )
    table(rows, ("attempt", "status", "took", "started"), empty="")


COMMANDS = (show,)
