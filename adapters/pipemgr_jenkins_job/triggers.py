"""Triggers, both ways: elements with a row become ours; what they say besides is a hint, all others stay verbatim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipemgr.adapter import ElementRow
from pipemgr.model.definitions import OPAQUE, Data, Trigger

from .crons import schedules, spec
from .elements import Element, flat, grown
from .kept import Grower, keep, section
from .normal import same
from .rendering import rendered
from .step_reader import same_classes
from .tree import Tree
from .words import OWN, VENDOR, Words

MANUAL = Trigger(event="manual")
SECTION = "triggers"
REVIEW = "pull_request"
"""What plugins of forges start builds for; whom and what they ask for besides is kept for Jenkins, and told to others."""


def understood(element: Element, words: Words, names: tuple[str, ...] | None) -> tuple[Trigger, ...]:
    """What a trigger is in our words; nothing where it has no row, or more to it than the row says."""
    row, said = words.row("trigger", element.tag), flat(element)
    if row is not None and row.trigger == REVIEW:
        return (Trigger(event=REVIEW),)
    if row is None or row.trigger is None or said is None or not same_classes(row, said):
        return ()
    values = {ours: said.get(row.path(ours)) or "" for ours in row.inputs}
    match row.trigger:
        case "schedule":
            return schedules(values.get("cron", ""))
        case "push":
            poll = values.get("poll", "").strip()
            return (Trigger(event="push", branches=names, options={"poll": poll} if poll else {}),)
        case "upstream":
            pipelines = [one.strip() for one in values.get("pipelines", "").split(",") if one.strip()]
            return (Trigger(event="upstream", options={"pipelines": [*pipelines]} if pipelines else {}),)
    return (Trigger(event=row.trigger),)


@dataclass
class TriggerReader:
    """Reads what starts a job."""

    words: Words
    tree: Tree
    hints: Data
    kept: Data
    names: tuple[str, ...] | None = None

    def read(self, elements: Iterable[Element], first: int = 0) -> tuple[Trigger, ...]:
        """All triggers, of which the first has the number `first`; anybody may start a job by hand."""
        found: list[Trigger] = []
        for element in elements:
            path = f"triggers[{first + len(found)}]"
            self.tree.take(element, path)
            made = understood(element, self.words, self.names)
            if not made:
                made = (Trigger(event=OPAQUE, options={"vendor": VENDOR, "value": rendered(element)}),)
            elif made[0].event == REVIEW:
                keep(self.kept, f"{SECTION}/{element.tag}", rendered(element))
            elif not self._regular(element, made):
                keep(self.hints, f"{SECTION}/{element.tag}", rendered(element))
            found += made
        return (*(one for at, one in enumerate(found) if one not in found[:at]), MANUAL)

    def _regular(self, element: Element, made: tuple[Trigger, ...]) -> bool:
        """Whether the writer would make the same element of it."""
        again = list(written(made, self.words))
        return len(again) == 1 and same(again[0], element, self.words, "trigger")


def written(triggers: Iterable[Trigger], words: Words) -> Iterator[Element]:
    """The elements of triggers that have a row: all schedules are one."""
    rows = {row.trigger: row for row in words.rows("trigger") if row.writes}
    given = tuple(triggers)
    times = [one for one in given if one.event == "schedule"]
    if times:
        yield _element(rows["schedule"], {"cron": spec(times)})
    for one in given:
        if one.event == "push":
            yield _element(rows["push"], {"poll": str(one.options.get("poll", ""))})
        elif one.event == "upstream":
            named = one.options.get("pipelines")
            pipelines = ", ".join(map(str, named)) if isinstance(named, list) else str(named or "")
            yield _element(rows["upstream"], {"pipelines": pipelines})


def _element(row: ElementRow, values: dict[str, str]) -> Element:
    said: dict[str, str | None] = {
        path: default if isinstance(default, str) else None
        for path, default in row.fields.items()
        if default is not None
    }
    said |= {row.path(ours): text for ours, text in values.items() if ours in row.inputs}
    return grown(row.element, said, {"plugin": row.plugin} if row.plugin else None)


def as_before(
    triggers: tuple[Trigger, ...], before: Data, words: Words, names: tuple[str, ...] | None, grower: Grower
) -> Iterator[Element]:
    """The elements of all triggers: those that are as they were read (`before`) get their own texts back."""
    found = _as_before(triggers, before, words, names, grower)
    yield from (element for _, element in sorted(found, key=lambda pair: pair[0]))


def _as_before(
    triggers: tuple[Trigger, ...], before: Data, words: Words, names: tuple[str, ...] | None, grower: Grower
) -> Iterator[tuple[int, Element]]:
    """The elements of all triggers, each with the number of the first that it is."""
    left = list(triggers)
    for path, text in section(before, SECTION):
        element = grower.element(text, path)
        made = understood(element, words, names) if element is not None else ()
        if element is not None and made and all(one in triggers for one in made):
            left = [one for one in left if one not in made]
            yield min(map(triggers.index, made)), element
    for at, one in enumerate(triggers):
        whole = one.options.get("value") if one.event == OPAQUE else None
        if whole is not None and one in left:
            element = grower.element(str(whole), f"triggers[{at}]")
            if element is not None:
                yield at, element
    events = [one.event for one in triggers]
    for element in written(left, words):
        row = words.row("trigger", element.tag)
        yield events.index(str(row.trigger)) if row is not None else len(events), element


__all__ = ["MANUAL", "OWN", "TriggerReader", "as_before", "understood", "written"]
