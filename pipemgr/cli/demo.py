"""`pipemgr demo`."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import click

from pipemgr.errors import SealBroken
from pipemgr.ledger.views import InstanceView
from pipemgr.service import builds
from pipemgr.service import demo as trip
from pipemgr.service.runtime import Runtime

from .planning import show_applied, show_plan
from .render import coloured, count, json_option, plain, print_json, status, took

FAILED = 1
PAUSE = 0.3
TAIL = 8
NEXT = """\
What next, in {folder}:
  pipemgr build list                  all builds; `build show broken#{number}` for one
  pipemgr build logs broken#{number} --failed
  pipemgr plan                        edit pipelines/hello.yaml first, then see what would change
  pipemgr sync                        publish what changed and poll what happened
  pipemgr ledger show broken#{number}        what the ledger recorded of it
  pipemgr events --json               every change, as CloudEvents
  pipemgr convert pipelines/release.yaml --from native --to {vendor} --report report.md
"""


@click.command()
@click.argument(
    "folder", metavar="[DIR]", default="demo-workspace", type=click.Path(file_okay=False, path_type=Path)
)
@json_option
def demo(folder: Path, as_json: bool) -> None:
    """Show the whole trip in a workspace of its own.

    Makes DIR (or uses it again), imports a workflow, plans, publishes, runs real builds on this machine, records
    them and verifies the ledger. With --json the tale goes to standard error, and what came of it is printed.
    """
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        found = _tell(folder)
    if as_json:
        print_json({"folder": str(folder), **found})


def _tell(folder: Path) -> dict[str, Any]:
    """The whole trip, told as it goes; how the builds ended, and the state of the ledger."""
    began = time.monotonic()
    _title(1, f"A workspace in {folder}")
    written = trip.prepare(folder)
    click.echo(f"  {len(written)} files written" if written else "  already there, used again")
    runtime = trip.enter(folder)
    try:
        vendor = _publish(runtime)
        views = _build(runtime)
        verified = _verify(runtime)
    finally:
        runtime.close()
    click.echo(f"\nDone in {time.monotonic() - began:.0f} s.\n")
    click.echo(NEXT.format(folder=folder, number=views[-1].build.data["number"], vendor=vendor))
    if shutil.which("pipemgr") is None:  # a virtual environment that nobody activated
        click.echo(f'First put pipemgr on your PATH:  export PATH="{Path(sys.executable).parent}:$PATH"')
    return {"builds": [_as_json(view) for view in views], "ledger": verified}


def _as_json(view: InstanceView) -> dict[str, Any]:
    return {"build": builds.title(view.build), "status": view.instance.data["status"]}


def _title(number: int, text: str) -> None:
    click.secho(f"\n{number}. {text}", bold=True)


def _publish(runtime: Runtime) -> str:
    """Import, validate, plan and apply; the vendor that was imported from."""
    _title(2, "Import: a foreign definition becomes one of ours, with nothing lost silently")
    vendor = ""
    for one in trip.import_all(runtime):
        vendor, counts = one.report.origin, one.report.accounting
        click.echo(f"  {one.source} -> {one.target}: {one.report.outcome}")
        click.echo(
            f"  {counts.nodes} nodes: {counts.exact} exact, {counts.equivalent} equivalent, "
            f"{counts.approximate} approximate, {counts.manual} manual, {counts.dropped} dropped"
        )
    _title(3, "Validate")
    for checked in trip.validate_all(runtime):
        click.echo(f"  {checked.path}: {'ok' if checked.valid else 'invalid'}")
    _title(4, "Plan: what would change at the vendor")
    made = trip.plan(runtime)
    show_plan(made)
    _title(5, "Apply: publish it")
    applied = trip.apply(runtime, made)
    for change in applied:
        show_applied(change)
    if not made.pending:
        click.echo("  nothing to publish")
    return vendor


def _build(runtime: Runtime) -> tuple[InstanceView, ...]:
    """Start builds, wait for their end, show how they ended."""
    _title(6, "Build: run all of them on this machine, for real")
    started = _run(runtime)
    _title(7, "What the ledger says now")
    views = trip.results(runtime, started)
    for view in views:
        _show_result(runtime, view)
    return views


def _verify(runtime: Runtime) -> dict[str, Any]:
    _title(8, "Verify: nothing was changed, removed or reordered")
    found = trip.verify(runtime)
    if not found.ok:
        raise SealBroken(str(found.problems[0]), remedy="`pipemgr ledger verify` shows everything")
    click.echo(f"  {click.style('ok', fg='green')}: {found.size} sealed entries, root {found.root}")
    return {"size": found.size, "root": found.root}


def _run(runtime: Runtime) -> tuple[builds.Started, ...]:
    started = []
    for one in trip.start_all(runtime):
        started.append(one)
        click.echo(f"  started {one.ref.pipeline}#{one.ref.build}")
    left = [len(started)]

    def tick(now: int) -> None:
        if now != left[0]:
            click.echo(f"  {len(started) - now} of {len(started)} finished")
            left[0] = now

    trip.wait(runtime, tuple(started), lambda: time.sleep(PAUSE), tick)
    return tuple(started)


def _show_result(runtime: Runtime, view: InstanceView) -> None:
    snapshot = view.snapshot()
    word = coloured(status(snapshot.status.state, snapshot.status.result))
    steps = sum(len(stage.steps) for stage in snapshot.stages)
    span = took(snapshot.started_at, snapshot.finished_at) or "-"
    sizes = f"{count(len(snapshot.stages), 'stage')}, {count(steps, 'step')}"
    click.echo(f"  {word}  {builds.title(view.build)}  {span}, {sizes}")
    for artifact in snapshot.artifacts:
        click.echo(plain(f"      artifact {artifact.name}  {artifact.digest}"))
    for stage, step, ended, code, stage_id, step_id in builds.failures(snapshot):
        left = f", exit code {code}" if code else ""
        click.echo(plain(f"      {ended.result} in {stage} / {step}{left}"))
        log = builds.log_of(snapshot, stage_id, step_id)
        for line in builds.tail(builds.read_log(runtime, view, log), TAIL).splitlines() if log else ():
            click.echo(f"      | {plain(line)}")
