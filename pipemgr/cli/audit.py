"""`pipemgr audit`: what a move to another language would keep and lose, over a whole tree."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipemgr.service.audit import TOP, Audit, Auditor, Ranked, find, share
from pipemgr.service.checkout import tree
from pipemgr.service.languages import NATIVE, Languages
from pipemgr.service.runtime import languages
from pipemgr.service.translation import write_text
from pipemgr.translate.report import Fidelity, Outcome

from .render import count, json_option, plain, print_json, table
from .translation import FAILED, vendor_option

EVERY = 25
"""Files between two lines about the progress."""


@click.command()
@click.argument("place", metavar="DIR|REPOSITORY")
@vendor_option("--to", "target", default=NATIVE, show_default=True, help="The language that is wanted.")
@click.option(
    "--branch", metavar="NAME", help="The branch to look at, of a repository. [default: main or master]"
)
@click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the audit as Markdown.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each converted file and its report below DIR, in a folder with the name of its source.",
)
@json_option
def audit(  # noqa: PLR0913 - one for each option
    place: str, target: str, branch: str | None, markdown: Path | None, output: Path | None, as_json: bool
) -> None:
    """Audit every definition below a folder, or in a Git repository.

    Each file is converted to the target; nothing is changed. What the files come to is summed up: which are
    successful, partial, unsupported or failed, how much is kept, which steps no table knows, what a person must do
    by hand, and what is lost most often. Leaves with 0 when every file can be read, 1 when one can't.
    """
    known = languages()
    auditor = Auditor(known, target, output)
    with tree(place, branch) as root:
        for at, found in enumerate(find(root, known), 1):
            auditor.add(found)
            if at % EVERY == 0:
                click.echo(f"{at:,} files so far", err=True)
    made = auditor.result(place)
    if markdown is not None:
        write_text(markdown, made.to_markdown())
    if as_json:
        print_json(json.loads(made.to_json()))
    elif made.files:
        _print(made)
    else:
        _print_empty(made, known)
    raise SystemExit(FAILED if made.failures else 0)


def _print_empty(made: Audit, known: Languages) -> None:
    """Where definitions are looked for, when there are none."""
    click.echo(f"No definition lies below {plain(made.place)} where definitions are looked for:")
    for language, patterns in known.places().items():
        click.echo(f"  {', '.join(patterns)} ({language})")
    click.echo("A single file, wherever it lies: pipemgr convert FILE --from VENDOR --to VENDOR")


def _print(made: Audit) -> None:
    for file in made.failures:
        for where, what in file.problems:
            click.echo(plain(f"{where}: {what}"), err=True)
    said = ", ".join(f"{made.outcomes[one]} {one}" for one in Outcome)
    click.echo(f"{count(len(made.files), 'file')} to {made.target}: {said}")
    counts = made.accounting
    kept = ", ".join(f"{share(getattr(counts, one), counts.nodes)} {one}" for one in Fidelity)
    click.echo(f"{count(counts.nodes, 'node')}: {kept}")
    _print_ranked("Steps that no table knows", made.unknown)
    _print_ranked("Steps that are known", made.known)
    if made.tasks:
        click.echo(f"\nTo do by hand ({len(made.tasks)}):")
        table(
            [{"what": one.what, "remedy": one.remedy, "places": len(one.places)} for one in made.tasks],
            ("what", "remedy", "places"),
            empty="",
        )
    if made.reasons:
        click.echo("\nWhat is lost most often:")
        rows = [
            {"what": one.what, "kept": one.fidelity, "times": one.count, "why": one.why}
            for one in made.reasons
        ]
        table(rows, ("what", "kept", "times", "why"), empty="")


def _print_ranked(title: str, several: tuple[Ranked, ...]) -> None:
    if several:
        click.echo(f"\n{title} ({len(several)}):")
        table([{"step": one.name, "uses": one.count} for one in several[:TOP]], ("step", "uses"), empty="")
