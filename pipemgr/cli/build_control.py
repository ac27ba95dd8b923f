"""`pipemgr build start`, `watch`, `cancel`, `rerun` and `approve`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pipemgr.model.runs import BuildInstance, StageInstance
from pipemgr.service import builds, control
from pipemgr.service.builds import Started
from pipemgr.service.following import changes, follow_logs, settle, watch
from pipemgr.service.runtime import Runtime, opened

from . import complete
from .build_logs import print_pieces
from .build_options import BUILD, FAILED, interval_option, rhythm, tell, while_following
from .build_show import build_json, show_build, show_snapshot
from .render import (
    coloured,
    connection_option,
    json_option,
    plain,
    print_json,
    print_line,
    status,
    table,
)

wait_option = click.option(
    "-w", "--wait", is_flag=True, help="Wait for the end; leave with 1 unless it ends well."
)
follow_option = click.option(
    "-f", "--follow", is_flag=True, help="Print its logs until the end; leave with 1 unless it ends well."
)


@click.command()
@click.argument("pipeline", shell_complete=complete.pipelines)
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="May be repeated.")
@connection_option("Where, if the pipeline is published at several.")
@wait_option
@follow_option
@interval_option
@json_option
def start(  # noqa: PLR0913 - one for each option
    pipeline: str,
    parameters: tuple[str, ...],
    connection: str | None,
    wait: bool,
    follow: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Start a build of a published pipeline."""
    values = dict(_parameter(one) for one in parameters)
    with opened() as runtime:
        started = builds.start(runtime, pipeline, values, connection)
        if wait or follow:
            tell(f"started {started.name} at {started.connection}")
            _accompany(runtime, started, interval, follow=follow, as_json=as_json)
        _say(started, f"started {started.name} at {started.connection}", as_json=as_json)


def _parameter(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise click.BadParameter(f"{text!r}: write NAME=VALUE", param_hint="--parameter")
    return name, value


def _say(started: Started, text: str, *, as_json: bool, **more: Any) -> None:
    """Which build or attempt a request became, and what to do next."""
    if as_json:
        print_json({"connection": started.connection, **started.ref.model_dump(), **more})
    else:
        click.echo(plain(text))
        click.echo(f"\nNext: pipemgr build watch {plain(started.name)}", err=True)


def _accompany(runtime: Runtime, started: Started, interval: float, *, follow: bool, as_json: bool) -> None:
    """Follow a build to its end, show how it ended, and leave with an exit code that says so."""
    beat = rhythm(interval)
    last: list[BuildInstance] = []

    def seen(snapshot: BuildInstance) -> None:
        last[:] = [snapshot]

    with while_following(started.name):
        if follow:
            pieces = follow_logs(runtime, started, lambda _one: True, beat, tell, seen)
            print_pieces(pieces, as_json=as_json)
        else:
            for snapshot in watch(runtime, started.connection, started.ref, beat, tell):
                seen(snapshot)
        _show_end(runtime, started, last[0], interval, as_json=as_json, lines=follow)
    raise SystemExit(0 if last[0].status.good else FAILED)


def _show_end(  # noqa: PLR0913 - what to show, and how
    runtime: Runtime,
    started: Started,
    snapshot: BuildInstance,
    interval: float,
    *,
    as_json: bool,
    lines: bool = False,
) -> None:
    """A build that is over: from the ledger, or as its vendor showed it if that does not have it yet."""
    said: dict[str, Any] = {"connection": started.connection, **snapshot.model_dump(mode="json")}
    if settle(runtime, started, rhythm(interval), tell):
        reference = (
            f"{started.ref.pipeline}#{started.ref.build if started.number is None else started.number}"
        )
        view = builds.look(runtime, reference, attempt=started.ref.attempt, connection=started.connection)
        said = build_json(view)
        if not as_json:
            show_build(view)
    elif not as_json:
        show_snapshot(snapshot, started.name, started.connection)
    if as_json:
        (print_line if lines else print_json)(said)


@click.command("watch")
@BUILD
@click.option("--exit-status", is_flag=True, help="Leave with 1 unless it ends well.")
@interval_option
@json_option
def watch_(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    exit_status: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Watch a build until it is over: a line for each change of it, its stages and its steps.

    With --json each state of the whole build is an object on a line of its own.
    """
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        snapshot = view.snapshot()
        started = Started(view.build.connection, snapshot.ref, snapshot.build.number)
        if not snapshot.status.finished:
            with while_following(started.name):
                snapshot = _watched(runtime, started, interval, as_json=as_json)
        _show_end(runtime, started, snapshot, interval, as_json=as_json, lines=True)
    raise SystemExit(FAILED if exit_status and not snapshot.status.good else 0)


def _watched(runtime: Runtime, started: Started, interval: float, *, as_json: bool) -> BuildInstance:
    """The end of a build, after all that came before was told."""
    before: BuildInstance | None = None
    for snapshot in watch(runtime, started.connection, started.ref, rhythm(interval), tell):
        if as_json and not snapshot.status.finished:
            print_line({"connection": started.connection, **snapshot.model_dump(mode="json")})
        elif not as_json:
            _show_changes(started.name, before, snapshot)
        before = snapshot
    if before is None:
        raise AssertionError  # a watch gives the end at least
    return before


def _show_changes(name: str, before: BuildInstance | None, after: BuildInstance) -> None:
    now = datetime.now(UTC)
    for path, one in changes(before, after):
        place = " / ".join(part.split("\n", 1)[0] for part in (name, *path))
        reason = f"  {plain(one.reason.splitlines()[0])}" if one.reason else ""
        click.echo(f"{now:%H:%M:%S} {plain(place)}: {coloured(status(one.state, one.result))}{reason}")


@click.command()
@BUILD
@click.option("-w", "--wait", is_flag=True, help="Wait until it is over.")
@interval_option
@json_option
def cancel(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    wait: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Stop a build."""
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        control.cancel(runtime, view)
        snapshot = view.snapshot()
        started = Started(view.build.connection, snapshot.ref, snapshot.build.number)
        text = f"{started.connection} was asked to stop {control.named(view)}"
        if not wait:
            _say(started, text, as_json=as_json, asked="cancel")
            return
        tell(text)
        with while_following(started.name):
            for seen in watch(runtime, started.connection, started.ref, rhythm(interval), tell):
                snapshot = seen
        _show_end(runtime, started, snapshot, interval, as_json=as_json)


@click.command()
@BUILD
@click.option("--failed", is_flag=True, help="Only what failed, and what needs it.")
@wait_option
@follow_option
@interval_option
@json_option
def rerun(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    failed: bool,
    wait: bool,
    follow: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Execute a build again, and say which attempt or build that is."""
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        became = control.rerun(runtime, view, failed_only=failed)
        text = (
            f"{control.named(view)} is executed again as {became.name}, attempt {became.ref.attempt}"
            f" at {became.connection}"
        )
        if wait or follow:
            tell(text)
            _accompany(runtime, became, interval, follow=follow, as_json=as_json)
        _say(became, text, as_json=as_json, of=view.snapshot().ref.model_dump())


@click.command()
@BUILD
@click.option(
    "--stage",
    metavar="NAME",
    help="Which stage to answer, by name or id; without it, all are listed.",
    shell_complete=complete.stages,
)
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--comment", metavar="TEXT", default="", help="What to say with it.")
@json_option
def approve(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    stage: str | None,
    reject: bool,
    comment: str,
    as_json: bool,
) -> None:
    """List what waits for an approval, or approve or reject it."""
    if stage is None and (reject or comment):
        raise click.UsageError("--reject and --comment need --stage")
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        title = builds.title(view.build)
        if stage is None:
            _show_waiting(control.waiting(control.current(runtime, view)), title, as_json=as_json)
            return
        name, number = control.approve(runtime, view, stage, accept=not reject, comment=comment)
    word = "rejected" if reject else "approved"
    if as_json:
        said = {"stage": name, "stage_id": number, "accepted": not reject}
        print_json({"connection": view.build.connection, **view.snapshot().ref.model_dump(), **said})
    else:
        click.echo(plain(f"{word} stage {name} of {title} at {view.build.connection}"))


def _show_waiting(held: tuple[StageInstance, ...], title: str, *, as_json: bool) -> None:
    rows = [
        {
            "stage": one.name,
            "id": one.external_id,
            "since": one.started_at or one.queued_at,
            "reason": one.status.reason,
        }
        for one in held
    ]
    if as_json:
        print_json(rows)
        return
    table(rows, ("stage", "id", "since", "reason"), empty=f"Nothing of {plain(title)} waits.")
    if rows:
        click.echo(f"\nNext: pipemgr build approve {plain(title)} --stage NAME", err=True)


COMMANDS = (start, watch_, cancel, rerun, approve)
