"""Reports for people: Markdown with tables and check boxes, fit for the description of a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .report import Finding, Task, TranslationReport

LONGEST: Final = 60_000
"""Characters: the description of a pull request may have 65,536, of which its author writes some."""


@dataclass(frozen=True)
class Size:
    """How much is shown of what is long; the JSON report has all of it."""

    places: int
    """Places of one thing."""
    rows: int
    """Rows of one table or list."""


SIZES: Final = (Size(8, 150), Size(3, 60), Size(1, 25))
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|~])|(?<!\w)_|_(?!\w)")
_MENTION: Final = re.compile(r"(?<![\w`])([@#])(?=\w)")


def escaped(text: str) -> str:
    """A stranger's text on one line of Markdown, shown as it is: no markup, no HTML, no mention of anybody."""
    line = " ".join(text.split())
    return _MENTION.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\g<0>", line))


def code(text: str) -> str:
    """A text in code font, also within a table; its own backticks become quotes."""
    return f"`{' '.join(text.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def fitting(blocks: Callable[[Size], Iterable[str]]) -> str:
    """The largest text, of blocks that can be made in any size, that fits a description."""
    texts = ("\n\n".join(blocks(size)) + "\n" for size in SIZES)
    text = ""
    for text in texts:
        if len(text) <= LONGEST:
            break
    return text


def report(told: TranslationReport) -> str:
    """A report: what it comes to, what a person must do, and what was lost, from the worst."""
    return fitting(lambda size: _blocks(told, size))


def _blocks(told: TranslationReport, size: Size) -> Iterator[str]:
    yield f"# {escaped(told.source)}: {escaped(told.origin)} to {escaped(told.target)}"
    yield _summary(told)
    yield from tasks(told.tasks, size)
    yield from _losses(told, size)


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


def tasks(several: Sequence[Task], size: Size) -> Iterator[str]:
    """The list of what a person must do, to be ticked off."""
    if several:
        yield f"## To do by hand ({len(several)})"
        yield "\n".join(_task(one, size) for one in several[: size.rows]) + _more(several, size)


def _task(task: Task, size: Size) -> str:
    remedy = f": {escaped(task.remedy)}" if task.remedy else ""
    return f"- [ ] **{escaped(task.what)}**{remedy} ({_places(task.places, size)})"


def _more(several: Sequence[object], size: Size) -> str:
    return f"\n\nand {len(several) - size.rows} more" if len(several) > size.rows else ""


def _losses(told: TranslationReport, size: Size) -> Iterator[str]:
    for fidelity in ("dropped", "approximate", "equivalent"):
        groups = grouped(one for one in told.findings if one.fidelity == fidelity)
        if not groups:
            continue
        rows = [
            [escaped(one.what), escaped(one.why), escaped(one.remedy), _places(places, size)]
            for one, places in groups[: size.rows]
        ]
        shown = table(("what", "why", "remedy", "where"), rows) + _more(groups, size)
        heading = f"{fidelity.capitalize()} ({sum(len(places) for _, places in groups)})"
        if fidelity == "equivalent":
            yield f"<details>\n<summary>{heading}: said in another way</summary>\n\n{shown}\n\n</details>"
        else:
            yield f"## {heading}\n\n{shown}"


def grouped(findings: Iterable[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Findings that say the same as one, with all their places; in the order of the first ones."""
    groups: dict[tuple[str, ...], tuple[Finding, dict[str, None]]] = {}
    for one in findings:
        key = (one.fidelity, one.what, one.why, one.remedy)
        groups.setdefault(key, (one, {}))[1].update(dict.fromkeys(one.places or (one.source,)))
    return [(one, tuple(places)) for one, places in groups.values()]


def _places(places: Sequence[str], size: Size) -> str:
    shown = ", ".join(map(code, places[: size.places]))
    more = len(places) - size.places
    return f"{shown} and {more} more" if more > 0 else shown


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0) -> str:
    """A table; its last `right` columns are figures."""
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows))
