"""`pipemgr demo`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipemgr.ledger.views import InstanceView
from pipemgr.service import builds
from pipemgr.service import demo as trip
from pipemgr.service.runtime import Runtime

from .planning import show_applied, show_plan
from .render import coloured, status, took

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
def demo(folder: Path) -> None:
    """Show the whole trip in a workspace of its own.

    Makes DIR (or uses it again), imports a workflow, plans, publishes, runs real builds on this machine, records
    them and verifies the ledger.
    """
    began = time.monotonic()
    _title(1, f"A workspace in {folder}")
    written = trip.prepare(folder)
    click.echo(f"  {len(written)} files written" if written else "  already there, used again")
    runtime = trip.enter(folder)
    try:
        last, vendor = _trip(runtime)
    finally:
        runtime.close()
    click.echo(f"\nDone in {time.monotonic() - began:.0f} s.\n")
    click.echo(NEXT.format(folder=folder, number=last, vendor=vendor))


def _title(number: int, text: str) -> None:
    click.secho(f"\n{number}. {text}", bold=True)


def _trip(runtime: Runtime) -> tuple[str, str]:
    """All steps; returns the number of the build that failed on purpose, and the vendor imported from."""
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
    _title(6, "Build: run all of them on this machine, for real")
    started = _build(runtime)
    _title(7, "What the ledger says now")
    views = trip.results(runtime, started)
    for view in views:
        _show_result(view)
    _title(8, "Verify: nothing was changed, removed or reordered")
    found = trip.verify(runtime)
    if not found.ok:
        raise click.ClickException(str(found.problems[0]))
    click.echo(f"  {click.style('ok', fg='green')}: {found.size} sealed entries, root {found.root}")
    return started[-1].ref.build, vendor


def _build(runtime: Runtime) -> tuple[builds.Started, ...]:
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


def _show_result(view: InstanceView) -> None:
    snapshot = view.snapshot()
    word = coloured(status(snapshot.status.state, snapshot.status.result))
    steps = sum(len(stage.steps) for stage in snapshot.stages)
    span = took(snapshot.started_at, snapshot.finished_at) or "-"
    click.echo(f"  {word}  {builds.title(view.build)}  {span}, {len(snapshot.stages)} stages, {steps} steps")
    for artifact in snapshot.artifacts:
        click.echo(f"      artifact {artifact.name}  {artifact.digest}")
    for stage, step, ended, code, stage_id, step_id in builds.failures(snapshot):
        click.echo(f"      {ended.result} in {stage} / {step}" + (f", exit code {code}" if code else ""))
        log = builds.log_of(snapshot, stage_id, step_id)
        for line in builds.tail(log.text or "", TAIL).splitlines() if log else ():
            click.echo(f"      | {line}")
