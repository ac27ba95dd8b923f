"""The command `pipemgr`: its sub-commands load only when they are called."""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

import pipemgr
from pipemgr.errors import PipemgrError, TranslationRefused

from .render import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, USAGE, REFUSED, INTERRUPTED = 1, 2, 4, 130

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Show the whole trip in a workspace of its own."),
    "init": ("workspace", "Make a workspace: pipemgr.toml and a first pipeline."),
    "validate": ("translation", "Check definition files."),
    "convert": ("translation", "Convert a definition from one vendor to another."),
    "audit": ("audit", "Audit every definition below a folder, or in a Git repository."),
    "schema": ("translation", "Print a JSON Schema of pipemgr's own files."),
    "plan": ("planning", "Show what apply would change."),
    "apply": ("planning", "Publish what changed."),
    "sync": ("syncing", "Publish what changed and poll what happened, once."),
    "poll": ("syncing", "Poll what happened, once or with --watch."),
    "worker": ("operating", "Poll what a beat hands out (engine celery)."),
    "beat": ("operating", "Hand out to workers what is due (engine celery)."),
    "build": ("build", "List, show, start, follow and steer builds."),
    "report": ("report", "Tell what became of a commit, or of a build."),
    "gaps": ("gaps", "List builds that are missing for sure."),
    "quarantine": ("quarantine", "List, retry and drop builds that could not be read."),
    "ledger": ("ledger", "Verify and show the ledger, and let go of what is old."),
    "events": ("events", "Print events, from any point on."),
    "connection": ("connection", "List, show, check and resume connections."),
    "webhook": ("webhook", "Take webhooks that a proxy or a queue relays."),
    "adapter": ("adapter", "List, show and check adapters."),
    "doctor": ("doctor", "Find what is wrong with this installation and workspace."),
    "completion": ("completion", "Print the shell completion script."),
}
"""Sub-command -> (module of pipemgr.cli, one line of help). A test proves both true."""

EPILOG = """\b
Exit codes:
  0  done (plan: nothing to do; convert: nothing lost)
  1  failed, or the check found something
  2  wrong usage; for plan: there are changes
  3  convert: partial, read the findings
  4  convert: refused by --strictness refuse
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a first day of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pipemgr.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table: help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(pipemgr.__version__, prog_name="pipemgr")
@click.option(
    "-C",
    "--directory",
    metavar="DIR",
    help="Work in this folder, as if started there.",
    type=click.Path(exists=True, file_okay=False),
)
def cli(directory: str | None) -> None:
    """One model for the pipelines and builds of every CI system.

    \b
    Start with:  pipemgr demo my-first-workspace
    """  # noqa: D301 - click wants the character
    if directory:
        os.chdir(directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = any(word == "--json" or word.startswith("--json=") for word in words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows only ASCII, or a name that is no text, must not end a command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # https://no-color.org: set to anything but the empty text. Without it, a terminal decides.
        colour = False if os.environ.get("NO_COLOR") else None
        code = cli.main(args=words, prog_name="pipemgr", standalone_mode=False, color=colour)
    except click.Abort:
        code = INTERRUPTED
    except click.ClickException as error:
        _show_usage(error, as_json=as_json)
        code = error.exit_code
    except PipemgrError as error:
        _show(error, as_json=as_json)
        code = REFUSED if isinstance(error, TranslationRefused) else FAILED
    except OSError as error:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
        _show(PipemgrError(error.strerror or str(error), where=where), as_json=as_json)
        code = FAILED
    _flush()
    sys.exit(code if isinstance(code, int) else 0)


def _flush() -> None:
    """Write out what is left; where that fails, it was told above, and Python must not complain once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_usage(error: click.ClickException, *, as_json: bool) -> None:
    """A mistake in the command line itself."""
    if as_json:
        remedy = (
            f"{error.ctx.command_path} --help" if isinstance(error, click.UsageError) and error.ctx else None
        )
        problem = {"type": type(error).__name__, "message": error.format_message(), "remedy": remedy}
        click.echo(json.dumps({"error": problem}), err=True)
    else:
        error.show()


def _show(error: PipemgrError, *, as_json: bool) -> None:
    """An error on standard error, for people or as one JSON object."""
    if as_json:
        click.echo(json.dumps({"error": _problem(error)}), err=True)
        return
    problems: tuple[tuple[str, str], ...] = getattr(error, "problems", ())
    if problems:
        for where, message in problems:
            click.echo(plain(f"{where}: {message}"), err=True)
    else:
        place = f"{plain(error.where)}: " if error.where else ""
        click.echo(f"error: {place}{plain(error.message, lines=True)}", err=True)
    if error.remedy:
        click.echo(f"  try: {plain(error.remedy)}", err=True)


def _problem(error: PipemgrError) -> dict[str, Any]:
    """The fields of an error, the same ones that REST sends."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "where": error.where,
        "remedy": error.remedy,
        "problems": [{"where": where, "message": text} for where, text in getattr(error, "problems", ())],
    }
