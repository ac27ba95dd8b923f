"""Reports for people: Markdown with tables and check boxes, fit for the description of a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .report import Finding, Task, TranslationReport

PLACES: Final = 8
"""Places of one thing that are shown; the JSON report has all of them."""
ROWS: Final = 150
"""Rows of one table: the description of a pull request may have 65,536 characters."""
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|~])|(?<!\w)_|_(?!\w)")
_MENTION: Final = re.compile(r"(?<![\w`])([@#])(?=\w)")


def escaped(text: str) -> str:
    """A stranger's text on one line of Markdown, shown as it is: no markup, no HTML, no mention of anybody."""
    line = " ".join(text.split())
    return _MENTION.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\g<0>", line))


def code(text: str) -> str:
    """A text in code font, also within a table; its own backticks become quotes."""
    return f"`{' '.join(text.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def report(told: TranslationReport) -> str:
    """A report: what it comes to, what a person must do, and what was lost, from the worst."""
    title = f"# {escaped(told.source)}: {escaped(told.origin)} to {escaped(told.target)}"
    blocks = [title, _summary(told), *tasks(told.tasks), *_losses(told)]
    return "\n\n".join(blocks) + "\n"


def _summary(told: TranslationReport) -> str:
    counts = told.accounting
    fidelities = ("exact", "equivalent", "approximate", "manual", "dropped")
    rows = [
        [one, str(getattr(counts, one)), _share(getattr(counts, one), counts.nodes)] for one in fidelities
    ]
    words = f"**{told.outcome}**: {counts.nodes} nodes of the source, each of them counted once."
    return f"{words}\n\n{table(('kept', 'nodes', 'share'), rows, right=2)}"


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "-"


def tasks(several: Sequence[Task]) -> Iterator[str]:
    """The list of what a person must do, to be ticked off."""
    if several:
        yield f"## To do by hand ({len(several)})"
        yield "\n".join(_task(one) for one in several)


def _task(task: Task) -> str:
    remedy = f": {escaped(task.remedy)}" if task.remedy else ""
    return f"- [ ] **{escaped(task.what)}**{remedy} ({_places(task.places)})"


def _losses(told: TranslationReport) -> Iterator[str]:
    for fidelity in ("dropped", "approximate", "equivalent"):
        groups = grouped(one for one in told.findings if one.fidelity == fidelity)
        if not groups:
            continue
        rows = [
            [escaped(one.what), escaped(one.why), escaped(one.remedy), _places(places)]
            for one, places in groups[:ROWS]
        ]
        shown = table(("what", "why", "remedy", "where"), rows)
        more = f"\n\nand {len(groups) - ROWS} more" if len(groups) > ROWS else ""
        heading = f"{fidelity.capitalize()} ({sum(len(places) for _, places in groups)})"
        if fidelity == "equivalent":
            yield f"<details>\n<summary>{heading}: said in another way</summary>\n\n{shown}{more}\n\n</details>"
        else:
            yield f"## {heading}\n\n{shown}{more}"


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Findings that say the same as one, with all their places; in the order of the first ones."""
    groups: dict[tuple[str, ...], tuple[Finding, dict[str, None]]] = {}
    for one in findings:
        key = (one.fidelity, one.what, one.why, one.remedy)
        groups.setdefault(key, (one, {}))[1].update(dict.fromkeys(one.places or (one.source,)))
    return [(one, tuple(places)) for one, places in groups.values()]


def _places(places: Sequence[str]) -> str:
    shown = ", ".join(map(code, places[:PLACES]))
    return f"{shown} and {len(places) - PLACES} more" if len(places) > PLACES else shown


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0) -> str:
    """A table; its last `right` columns are figures."""
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows))
