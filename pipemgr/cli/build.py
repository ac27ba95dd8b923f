"""`pipemgr build`: list, show, start and read builds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from pipemgr.ledger.views import BuildRow, InstanceView
from pipemgr.model.runs import BuildInstance, BuildLog, StageInstance
from pipemgr.model.status import Result, State
from pipemgr.service import builds, syncing
from pipemgr.service.runtime import Runtime, opened

from . import complete
from .render import coloured, connection_option, json_option, plain, print_json, status, table, took

FAILED = 1
FOLLOW_SECONDS = 0.5
EMPTY = (
    "No builds are in the ledger. Start one with `pipemgr build start PIPELINE`, or poll with `pipemgr poll`."
)
COLUMNS = ("build", "attempt", "status", "branch", "commit", "actor", "took", "started", "connection")
SHORT = 10


@click.group()
def build() -> None:
    """List, show, start and read builds."""


@build.command("list")
@connection_option("Only builds of this connection.")
@click.option(
    "-p",
    "--pipeline",
    metavar="NAME",
    help="Only builds of this pipeline.",
    shell_complete=complete.pipelines,
)
@click.option("-b", "--branch", metavar="NAME", help="Only builds of this branch.")
@click.option("--state", type=click.Choice([one.value for one in State]), help="Only builds in this state.")
@click.option("--result", type=click.Choice([one.value for one in Result]), help="Only builds that ended so.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@json_option
def list_(state: str | None, result: str | None, as_json: bool, **filters: Any) -> None:
    """List builds with their newest attempt, newest first."""
    with opened() as runtime:
        rows = runtime.ledger.queries.builds(
            state=State(state) if state else None, result=Result(result) if result else None, **filters
        )
    if as_json:
        print_json([{**row.build.data, "instance": row.instance.data} for row in rows])
    else:
        table([_row(row) for row in rows], COLUMNS, empty=EMPTY)


def _row(row: BuildRow) -> dict[str, Any]:
    instance = BuildInstance.model_validate({**row.instance.fields(), "build": row.build.fields()})
    return {
        "build": builds.title(row.build),
        "attempt": instance.attempt,
        "status": status(instance.status.state, instance.status.result),
        "branch": instance.build.branch,
        "commit": (instance.build.commit or "")[:SHORT],
        "actor": instance.build.actor,
        "took": took(instance.started_at, instance.finished_at),
        "started": instance.started_at,
        "connection": row.build.connection,
    }


@build.command()
@click.argument("reference", metavar="BUILD", shell_complete=complete.builds)
@connection_option("Where, if builds of several connections have this name.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; the newest unless given.")
@json_option
def show(reference: str, connection: str | None, attempt: int | None, as_json: bool) -> None:
    """Show a build with its stages, steps, logs and artifacts.

    BUILD is PIPELINE#NUMBER, a number, or an id or its beginning.
    """
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
    if as_json:
        print_json({"id": str(view.instance.id), **view.snapshot().model_dump(mode="json")})
    else:
        show_build(view)


def show_build(view: InstanceView) -> None:
    """A build for people."""
    snapshot = view.snapshot()
    word = coloured(status(snapshot.status.state, snapshot.status.result))
    attempt = f", attempt {snapshot.attempt}" if snapshot.attempt > 1 else ""
    click.echo(
        f"{click.style(plain(builds.title(view.build)), bold=True)}{attempt}: {word}  ({view.build.connection})"
    )
    for label, value in _facts(snapshot):
        click.echo(f"  {label}: {plain(value)}")
    for stage in snapshot.stages:
        _show_stage(stage)
    for artifact in snapshot.artifacts:
        size = "" if artifact.size is None else f", {artifact.size:,} bytes"
        click.echo(f"  artifact {plain(artifact.name)}{size}  {artifact.digest or 'no digest'}")


def _facts(snapshot: BuildInstance) -> Iterator[tuple[str, str]]:
    facts = {
        "reason": snapshot.status.reason,
        "commit": snapshot.build.commit,
        "branch": snapshot.build.branch,
        "actor": snapshot.build.actor,
        "trigger": snapshot.build.trigger,
        "parameters": ", ".join(f"{key}={value}" for key, value in snapshot.build.parameters.items()),
        "took": took(snapshot.started_at, snapshot.finished_at),
        "url": snapshot.url,
    }
    return ((label, value) for label, value in facts.items() if value)


def _show_stage(stage: StageInstance) -> None:
    word = coloured(status(stage.status.state, stage.status.result))
    span = took(stage.started_at, stage.finished_at)
    click.echo(f"  {word}  {plain(stage.name)}" + (f"  {span}" if span else ""))
    for step in stage.steps:
        word = coloured(status(step.status.state, step.status.result))
        code = f" (exit code {step.exit_code})" if step.exit_code else ""
        click.echo(f"    {word}  {_first_line(step.name)}{code}")


def _first_line(name: str) -> str:
    return plain(name.split("\n", 1)[0])


@build.command()
@click.argument("reference", metavar="BUILD", shell_complete=complete.builds)
@connection_option("Where, if builds of several connections have this name.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; the newest unless given.")
@click.option("--stage", metavar="NAME", help="Only logs of stages with this name or id.")
@click.option("--step", metavar="NAME", help="Only logs of steps with this name or id.")
@click.option("--failed", is_flag=True, help="Only logs of steps that did not end well.")
@click.option("-n", "--tail", "lines", type=click.IntRange(1), help="Only the last lines of each log.")
@json_option
def logs(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    stage: str | None,
    step: str | None,
    failed: bool,
    lines: int | None,
    as_json: bool,
) -> None:
    """Print the logs of a build.

    From the ledger; a log that is still being written is read from the vendor.
    """
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        snapshot = view.snapshot()
        chosen = [one for one in _labelled(snapshot) if _matches(one, stage, step, failed)]
        if as_json:
            print_json([_log_json(runtime, view, names, log) for names, log, _ in chosen])
        elif not chosen:
            click.echo("No log fits. `pipemgr build show` lists stages and steps.", err=True)
        else:
            for names, log, _ in chosen:
                click.secho(f"==> {plain(names[0])} / {_first_line(names[1])}", bold=True)
                _print_log(runtime, view, log, lines)


Labelled = tuple[tuple[str, str, str, str], BuildLog, bool]


def _labelled(snapshot: BuildInstance) -> Iterator[Labelled]:
    """Each log with the names and ids of its stage and step, and whether that did not end well."""
    stages = {stage.external_id: stage for stage in snapshot.stages}
    bad = {(one[4], one[5]) for one in builds.failures(snapshot)}
    for log in snapshot.logs:
        stage = stages.get(log.stage or "")
        step = next((one for one in stage.steps if one.external_id == log.step), None) if stage else None
        names = (
            stage.name if stage else "build",
            step.name if step else log.name,
            (stage.stage or stage.external_id) if stage else "",
            (step.step or step.external_id) if step else "",
        )
        yield names, log, (log.stage or "", log.step or "") in bad


def _matches(one: Labelled, stage: str | None, step: str | None, failed: bool) -> bool:
    names, _, bad = one
    return (
        (stage is None or stage in (names[0], names[2]))
        and (step is None or step in (names[1], names[3]))
        and (bad or not failed)
    )


def _print_log(runtime: Runtime, view: InstanceView, log: BuildLog, lines: int | None) -> None:
    pieces = builds.read_log(runtime, view, log)
    if lines is not None:
        pieces = iter([builds.tail("".join(pieces), lines)])
    last = ""
    for piece in pieces:
        click.echo(piece, nl=False)
        last = piece or last
    if last and not last.endswith("\n"):
        click.echo()


def _log_json(runtime: Runtime, view: InstanceView, names: tuple[str, ...], log: BuildLog) -> dict[str, Any]:
    text = "".join(builds.read_log(runtime, view, log))
    return {"stage": names[0], "step": names[1], "log": log.name, "complete": log.complete, "text": text}


@build.command()
@click.argument("pipeline", shell_complete=complete.pipelines)
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="May be repeated.")
@connection_option("Where, if the pipeline is published at several.")
@click.option("-w", "--wait", is_flag=True, help="Wait for the end; leave with 1 unless it ends well.")
@json_option
def start(
    pipeline: str, parameters: tuple[str, ...], connection: str | None, wait: bool, as_json: bool
) -> None:
    """Start a build of a published pipeline."""
    values = dict(_parameter(one) for one in parameters)
    with opened() as runtime:
        started = builds.start(runtime, pipeline, values, connection)
        name = f"{started.ref.pipeline}#{started.ref.build}"
        if not wait:
            _say_started(started, as_json=as_json)
            return
        click.echo(plain(f"started {name} at {started.connection}"), err=True)
        syncing.wait_for(runtime, (started,), pause=lambda: time.sleep(FOLLOW_SECONDS))
        view = builds.look(runtime, name)
    snapshot = view.snapshot()
    if as_json:
        print_json({"id": str(view.instance.id), **snapshot.model_dump(mode="json")})
    else:
        show_build(view)
    raise SystemExit(0 if snapshot.status.good else FAILED)


def _say_started(started: builds.Started, *, as_json: bool) -> None:
    name = f"{started.ref.pipeline}#{started.ref.build}"
    if as_json:
        print_json({"connection": started.connection, **started.ref.model_dump()})
    else:
        click.echo(plain(f"started {name} at {started.connection}"))
        click.echo(f"\nNext: pipemgr poll && pipemgr build show {plain(name)}", err=True)


def _parameter(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise click.BadParameter(f"{text!r}: write NAME=VALUE", param_hint="--parameter")
    return name, value
