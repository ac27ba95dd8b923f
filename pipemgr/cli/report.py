"""`pipemgr report`: tell what became of a commit, or of a build, where no vendor's API does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipemgr.model.reports import FOLDER, Phase
from pipemgr.service import reporting
from pipemgr.service.runtime import opened

from .render import json_option, plain, print_json

OF_A_COMMIT = ("environment", "pipeline", "phase")


@click.command()
@click.argument("build", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-c", "--connection", metavar="NAME", help="Record BUILD in the ledger as one of this connection."
)
@click.option("--environment", metavar="NAME", help="Where the commit was deployed.")
@click.option("--pipeline", metavar="NAME", help="Whose manifests were deployed.")
@click.option("--phase", type=click.Choice([one.value for one in Phase]), help="How far it came.")
@click.option(
    "--revision", metavar="SHA", help="The commit's full id; the one checked out here unless given."
)
@click.option("--started", metavar="TIME", help="When it began: RFC 3339, with a zone.")
@click.option("--finished", metavar="TIME", help="When it ended.")
@click.option("--operation", metavar="TEXT", help="What tells two deployments of one commit apart.")
@click.option("--message", metavar="TEXT", help="Why, for people.")
@click.option("--digest", metavar="TEXT", help="The digest of the definition that was applied.")
@click.option("--url", metavar="URL", help="Where to read more.")
@click.option("--reporter", metavar="NAME", help="Who tells this.")
@click.option(
    "--file", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write this file instead."
)
@click.option("--status-path", default=FOLDER, show_default=True, metavar="DIR", help="Where reports lie.")
@click.option("--note", is_flag=True, help="Append it to the commit's note instead.")
@click.option("--print", "show", is_flag=True, help="Print it instead.")
@json_option
def report(  # noqa: PLR0913 - one for each option
    build: Path | None,
    connection: str | None,
    file: Path | None,
    status_path: str,
    note: bool,
    show: bool,
    as_json: bool,
    **facts: Any,
) -> None:
    """Tell what became of a commit, or of a build.

    Of a commit, with --environment, --pipeline and --phase: writes a status file into the repository checked out
    here, needs no workspace, and commits and pushes nothing. Of a build, with BUILD (JSON as `build show --json`
    prints it, - for standard input) and --connection: records it in the ledger of this workspace as your word.
    """
    if build is not None or connection is not None:
        _of_a_build(
            build, connection, as_json=as_json, strange=[key for key, value in facts.items() if value]
        )
        return
    missing = [f"--{name}" for name in OF_A_COMMIT if not facts[name]]
    if missing:
        raise click.UsageError(f"missing {', '.join(missing)} (or a BUILD and --connection)")
    if note + show + (file is not None) > 1:
        raise click.UsageError("--file, --note and --print exclude one another")
    told = reporting.report(facts)
    if show:
        click.echo(told.text(), nl=False)
        return
    if note:
        place = reporting.note(told)
    else:
        path = file or reporting.path_of(told, status_path)
        reporting.write(told, path)
        place = str(path)
    if as_json:
        print_json({"place": place, **told.model_dump(mode="json", exclude_defaults=True)})
    else:
        click.echo(plain(place))


def _of_a_build(build: Path | None, connection: str | None, *, as_json: bool, strange: list[str]) -> None:
    if build is None or connection is None:
        raise click.UsageError("a BUILD needs --connection, and --connection a BUILD")
    if strange:
        raise click.UsageError(f"--{strange[0]} says something of a commit, not of a BUILD")
    path = Path("/dev/stdin") if str(build) == "-" else build
    with opened() as runtime:
        told, changes = reporting.record(runtime, connection, path)
    if as_json:
        print_json({"connection": connection, **told.ref.model_dump(), "changes": changes})
    else:
        click.echo(
            plain(
                f"{told.build.pipeline} {told.build.external_id}, attempt {told.attempt}: {changes} changes"
            )
        )
