"""`pipemgr adapter`: what is installed, and whether it is what it says."""

from __future__ import annotations

from typing import Any

import click

from pipemgr.adapter.check import check as check_adapter
from pipemgr.adapter.manifest import Manifest
from pipemgr.model.support import Answer, Support
from pipemgr.service.runtime import registry

from . import complete
from .render import count, json_option, plain, print_json, table

FAILED = 1
COLOURS = {
    Support.FULL: "green",
    Support.PARTIAL: "yellow",
    Support.NOT_IMPLEMENTED: "blue",
    Support.UNSUPPORTED: "red",
}


@click.group()
def adapter() -> None:
    """List, show and check adapters."""


@adapter.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the installed adapters; broken ones too, with the reason."""
    rows = [_row(registry().manifest(name)) for name in registry().names()]
    broken = registry().broken()
    if as_json:
        print_json({"adapters": rows, "broken": [one.model_dump() for one in broken]})
        return
    table(rows, ("name", "title", "capabilities", "features"), empty="No adapters are installed.")
    for one in broken:
        click.secho(plain(f"broken {one.name} ({one.origin}): {one.reason}"), fg="red", err=True)


def _row(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "title": manifest.title,
        "capabilities": _share(manifest.capabilities),
        "features": _share(manifest.features),
    }


def _share(answers: Any) -> str:
    return f"{sum(map(bool, answers.values()))} of {len(answers)}"


@adapter.command()
@click.argument("name", shell_complete=complete.adapters)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what an adapter can do, and the settings its connections take."""
    manifest = registry().manifest(name)
    settings = registry().load(name).Settings.model_json_schema().get("properties", {})
    if as_json:
        print_json({**manifest.model_dump(mode="json"), "settings": settings})
        return
    click.secho(f"{manifest.name}: {manifest.title}", bold=True)
    click.echo("\nCapabilities")
    _show_answers(manifest.capabilities)
    click.echo("\nLanguage features that are not fully supported")
    _show_answers(manifest.limits())
    click.echo("\nSettings ([connections.NAME.settings] in pipemgr.toml)")
    for key, field in settings.items():
        default = f" (default {field['default']!r})" if field.get("default") is not None else ""
        click.echo(f"  {key}: {field.get('description', '')}{default}")


def _show_answers(answers: Any) -> None:
    for name, answer in answers.items():
        _show_answer(str(name), answer)


def _show_answer(name: str, answer: Answer) -> None:
    word = click.style(f"{answer.support:<15}", fg=COLOURS[answer.support])
    click.echo(f"  {word}  {name}" + (f": {answer.note}" if answer.note else ""))


@adapter.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete.adapters)
@json_option
def check(names: tuple[str, ...], as_json: bool) -> None:
    """Check that adapters are what they declare. Leaves with 1 when one is not."""
    found = {name: check_adapter(name, registry()) for name in names or registry().names()}
    broken = () if names else registry().broken()
    if as_json:
        dumped = {name: [one.model_dump() for one in problems] for name, problems in found.items()}
        print_json({"problems": dumped, "broken": [one.model_dump() for one in broken]})
    for name, problems in () if as_json else found.items():
        click.echo(f"{name}: {'ok' if not problems else count(len(problems), 'problem')}")
        for problem in problems:
            click.echo(
                f"  {problem.subject}: {problem.message}" + (f" ({problem.remedy})" if problem.remedy else "")
            )
    for one in () if as_json else broken:
        click.echo(f"{one.name}: broken: {one.reason}")
    raise SystemExit(FAILED if broken or any(found.values()) else 0)
