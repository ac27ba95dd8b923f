"""`pipemgr validate`, `pipemgr convert` and `pipemgr schema`."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from pipemgr.errors import TranslationRefused
from pipemgr.service.languages import NATIVE
from pipemgr.service.runtime import languages
from pipemgr.service.translation import Checked, check, save, translate, write_text
from pipemgr.translate.convert import Conversion
from pipemgr.translate.document import Document
from pipemgr.translate.report import Fidelity, Outcome, Strictness, TranslationReport

from . import complete
from .render import json_option, plain, print_json

FAILED, PARTIAL, REFUSED = 1, 3, 4
EXIT_CODES = {
    Outcome.SUCCESSFUL: 0,
    Outcome.PARTIAL: PARTIAL,
    Outcome.UNSUPPORTED: PARTIAL,
    Outcome.FAILED: FAILED,
}
SCHEMAS = {
    "pipeline": ("pipemgr.translate", "pipeline.schema.json"),
    "config": ("pipemgr", "config.schema.json"),
}


class Vendor(click.ParamType[str]):
    """The name of an installed language; anything else is a usage error that lists them."""

    name = "vendor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name."""
        known = languages().names()
        if value not in known:
            self.fail(f"{value!r} {_why_not(value)}; choose from {', '.join(known)}", param, ctx)
        return str(value)


def _why_not(name: str) -> str:
    """Why a name is no language: an adapter may be there and translate nothing."""
    return "reads and writes no definitions yet" if languages().installed(name) else "is not installed"


def vendor_option(*names: str, **options: Any) -> Callable[[Any], Any]:
    """An option that takes the name of a language."""
    return click.option(*names, metavar="VENDOR", type=Vendor(), shell_complete=complete.vendors, **options)


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(readable=False))
@vendor_option("--from", "vendor", help="The language of all files.")
@json_option
def validate(paths: tuple[str, ...], vendor: str | None, as_json: bool) -> None:
    """Check definition files.

    Prints a line `file:line:column: message` for each problem. The language is told by where the file lies
    unless --from names it.
    """
    checked = [check(path, languages(), vendor) for path in paths]
    if as_json:
        print_json({"valid": all(one.valid for one in checked), "files": [_as_json(one) for one in checked]})
    else:
        for one in checked:
            _print_checked(one)
    raise SystemExit(0 if all(one.valid for one in checked) else FAILED)


def _as_json(checked: Checked) -> dict[str, Any]:
    return {
        "path": checked.path,
        "language": checked.language,
        "valid": checked.valid,
        "pipeline": checked.pipeline.name if checked.pipeline else None,
        "problems": [{"where": where, "message": message} for where, message in checked.problems],
        "findings": [finding.model_dump() for finding in checked.findings],
    }


def _print_checked(checked: Checked) -> None:
    for where, message in checked.problems:
        click.echo(plain(f"{where}: {message}"))
    for finding in checked.findings:
        click.echo(plain(f"{finding.source}: note: {finding.what}: {finding.why}"), err=True)
    if checked.pipeline:
        stages = len(checked.pipeline.stages)
        said = f"{checked.path}: ok ({checked.pipeline.name}, {stages} stage{'s' * (stages != 1)})"
        click.echo(plain(said), err=True)


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(readable=False))
@vendor_option("--from", "source", help="The language that FILE is in.", required=True)
@vendor_option("--to", "target", help="The language that is wanted.", required=True)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files below DIR instead of printing them.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report: JSON, or Markdown when FILE ends in .md.",
)
@click.option(
    "--strictness",
    type=click.Choice([one.value for one in Strictness]),
    default=Strictness.REPORT.value,
    show_default=True,
    help="What to do about losses: only report, print them as well, or refuse.",
)
@click.option(
    "--onto",
    metavar="FILE",
    type=click.Path(dir_okay=False, readable=False),
    help="Change this file of yours as little as possible, and keep its comments and layout.",
)
@click.option("--fresh", is_flag=True, help="Write afresh, also where the language stays the same.")
@json_option
def convert(  # noqa: PLR0913 - one for each option
    path: str,
    source: str,
    target: str,
    output: Path | None,
    report: Path | None,
    strictness: str,
    onto: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Convert a definition from one vendor to another.

    Within one language, and with --onto, comments and layout of what needs no change are kept.

    Every node of the source is accounted for in the report. Leaves with 0 when nothing was lost, 3 when the
    result is partial, 4 when refused by --strictness refuse, 1 when the file can't be read.
    """
    if onto and fresh:
        raise click.UsageError("--onto keeps what --fresh writes anew; give one of them")
    limit = Strictness(strictness)
    try:
        conversion = translate(path, languages(), source, target, limit, onto=onto, fresh=fresh)
    except TranslationRefused as refused:
        if isinstance(refused.report, TranslationReport):
            _save_report(refused.report, report)
            _print_losses(refused.report, quiet=as_json)
            if as_json:
                print_json(_conversion_json(refused.report))
        raise
    made = conversion.report
    _save_report(made, report)
    if made.outcome is not Outcome.FAILED:
        _deliver(conversion, output, quiet=as_json)
    if as_json:
        print_json(_conversion_json(made, *conversion.documents))
    if made.outcome is Outcome.FAILED:
        _print_failures(made, quiet=as_json)
        _print_other(path, source, quiet=as_json)
    else:
        _print_losses(made, quiet=as_json or limit is not Strictness.WARN)
        _print_summary(made, quiet=as_json)
    raise SystemExit(EXIT_CODES[made.outcome])


def _conversion_json(report: TranslationReport, *documents: Document) -> dict[str, Any]:
    return {"report": json.loads(report.to_json()), "documents": [one.model_dump() for one in documents]}


def _deliver(conversion: Conversion, output: Path | None, *, quiet: bool) -> None:
    """Write the documents to files or, as the UTF-8 that files have, to standard output."""
    if output is not None:
        for written in save(conversion, output):
            click.echo(f"wrote {plain(str(written))}", err=True)
    elif not quiet:
        for document in conversion.documents:
            click.echo(document.text.encode(), nl=False)


def _save_report(report: TranslationReport, path: Path | None) -> None:
    if path is not None:
        write_text(path, report.to_markdown() if path.suffix == ".md" else report.to_json() + "\n")


def _print_failures(report: TranslationReport, *, quiet: bool) -> None:
    """What is wrong with the source, as `validate` prints it."""
    for finding in () if quiet else report.findings:
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(plain(f"{finding.source}: {finding.why}{remedy}"), err=True)


def _print_other(path: str, source: str, *, quiet: bool) -> None:
    """That the file lies where another language has its own, when it can't be read in the one that was named."""
    other = languages().guess(path)
    if not quiet and other not in (source, NATIVE) and other in languages().names():
        click.echo(f"  try: --from {other}, whose files lie there", err=True)


def _print_losses(report: TranslationReport, *, quiet: bool) -> None:
    for finding in () if quiet else report.worse_than(Fidelity.EQUIVALENT):
        click.echo(plain(f"{finding.source}: {finding.fidelity}: {finding.what}: {finding.why}"), err=True)
        if finding.remedy:
            click.echo(f"  try: {plain(finding.remedy)}", err=True)


def _print_summary(report: TranslationReport, *, quiet: bool) -> None:
    counts = report.accounting
    kept = ", ".join(f"{getattr(counts, one)} {one}" for one in Fidelity if getattr(counts, one))
    if not quiet:
        click.echo(f"{report.outcome}: {counts.nodes} nodes: {kept or 'none'}", err=True)


@click.command()
@click.argument("subject", type=click.Choice(sorted(SCHEMAS)))
@json_option
def schema(subject: str, as_json: bool) -> None:
    """Print a JSON Schema of pipemgr's own files."""
    del as_json  # it is JSON in any case
    package, name = SCHEMAS[subject]
    click.echo(files(package).joinpath(name).read_text(encoding="utf-8"), nl=False)
