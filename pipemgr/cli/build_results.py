"""`pipemgr build artifacts` and `pipemgr build tests`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipemgr.errors import PipemgrError
from pipemgr.model.runs import Artifact, TestCase
from pipemgr.model.status import Result
from pipemgr.service import artifacts as service
from pipemgr.service import builds, results
from pipemgr.service.artifacts import Fetched
from pipemgr.service.runtime import opened

from . import complete
from .build_options import BUILD, FAILED, tell
from .render import coloured, count, json_option, plain, print_json, table

NO_ARTIFACTS = "The build made no artifacts, or its vendor tells of none."
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Size(click.ParamType[int]):
    """A number of bytes, such as 500M."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text."""
        if isinstance(value, int):
            return value
        number, unit = value.rstrip("bBiIkKmMgGtT"), value.lower().rstrip("bi")[-1:]
        if not number.isdecimal():
            self.fail(f"{value!r} is no size; write a number of bytes, or 500K, 20M, 1G", param, ctx)
        return int(number) * _UNITS.get(unit, 1)


@click.command()
@BUILD
@click.option(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="Only this artifact; may be repeated.",
    shell_complete=complete.artifacts,
)
@click.option(
    "-d",
    "--download",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Bring them into this folder.",
)
@click.option("--force", is_flag=True, help="With --download: replace files that are there.")
@click.option(
    "--digest", is_flag=True, help="Compute the digests that the vendor does not give, and record them."
)
@click.option(
    "--largest",
    metavar="SIZE",
    type=Size(),
    help="Read no artifact that is larger; 1G for --digest unless given.",
)
@json_option
def artifacts(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    names: tuple[str, ...],
    folder: Path | None,
    force: bool,
    digest: bool,
    largest: int | None,
    as_json: bool,
) -> None:
    """List the artifacts of a build, bring them here, or compute their digests.

    What is read is compared with the digest that is known; digests of whole files that were not known are recorded
    in the ledger. Leaves with 1 when an artifact could not be read; the others are there then.
    """
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        made = service.listed(runtime, view)
        if folder is None and not digest:
            _show([one for one in made if not names or one.name in names], as_json=as_json)
            return
        chosen = service.choose(made, names, builds.title(view.build))
        if folder is not None:
            steps = service.download(runtime, view, chosen, folder, force=force, largest=largest)
        else:
            unknown = [one for one in chosen if one.digest is None]
            steps = service.measure(runtime, view, unknown, largest=largest or service.LARGEST)
        done = [_told(step, as_json=as_json) for step in steps]
        fetched = [one for one in done if isinstance(one, Fetched)]
        new = service.record(runtime, view, fetched)
    if new and not as_json:
        tell(f"{count(new, 'digest')} recorded in the ledger")
    if as_json:
        print_json([_as_json(one) for one in done])
    elif not done:
        click.echo("Nothing to read." if chosen else NO_ARTIFACTS)
    raise SystemExit(FAILED if len(fetched) < len(done) else 0)


def _show(made: list[Artifact], *, as_json: bool) -> None:
    if as_json:
        print_json([one.model_dump(mode="json") for one in made])
        return
    rows = [
        {
            "artifact": one.name,
            "size": None if one.size is None else f"{one.size:,}",
            "digest": one.digest,
            "expires": one.expires_at,
            "stage": one.stage,
            "use": "used" if one.consumed else "made",
        }
        for one in made
    ]
    table(rows, ("artifact", "size", "digest", "expires", "stage", "use"), empty=NO_ARTIFACTS)


def _told(step: Fetched | PipemgrError, *, as_json: bool) -> Fetched | PipemgrError:
    if as_json:
        return step
    if isinstance(step, PipemgrError):
        click.secho(plain(f"failed {step}"), fg="red", err=True)
        if step.remedy:
            tell(f"  try: {step.remedy}")
    else:
        place = f"{step.path}" if step.path else step.artifact.name
        click.echo(plain(f"{place}  {step.size:,} bytes  {step.digest}"))
    return step


def _as_json(step: Fetched | PipemgrError) -> dict[str, Any]:
    if isinstance(step, PipemgrError):
        return {"ok": False, "error": str(step), "remedy": step.remedy}
    path = str(step.path) if step.path else None
    return {"ok": True, "name": step.artifact.name, "size": step.size, "digest": step.digest, "path": path}


@click.command()
@BUILD
@click.option("--all", "every", is_flag=True, help="All test cases, not only those that did not pass.")
@json_option
def tests(reference: str, connection: str | None, attempt: int | None, every: bool, as_json: bool) -> None:
    """Show how the tests of a build ended, and why those failed that did."""
    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        found = results.tests(runtime, view)
    cases = [one for one in found.cases if every or one.result in (Result.FAILURE, Result.ERROR)]
    if as_json:
        counts = found.counts.model_dump() if found.counts else None
        print_json({"counts": counts, "cases": [one.model_dump(mode="json") for one in cases]})
    elif found.counts is None:
        click.echo(f"No tests of {plain(builds.title(view.build))} were reported.")
        _add(found.note)
    else:
        _show_tests(cases, results.summary(found.counts), found.note)


def _show_tests(cases: list[TestCase], summary: str, note: str) -> None:
    click.echo(summary)
    for case in cases:
        name = f"{case.suite} / {case.name}" if case.suite else case.name
        click.echo(f"  {coloured(case.result)}  {plain(name)}")
        for line in case.message.splitlines():
            click.echo(f"      {plain(line)}")
    _add(note)


def _add(note: str) -> None:
    if note:
        tell(note)


COMMANDS = (artifacts, tests)
