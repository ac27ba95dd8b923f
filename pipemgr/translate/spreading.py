"""Spreading: schedules with `H` on their way to vendors that want a certain time, and whose clock they go by."""

from __future__ import annotations

from typing import Final

from pipemgr.model.definitions import Pipeline, Trigger

from .base import Dialect
from .crons import certain
from .report import Fidelity, Finding

_PUSH: Final = "push"
_POLL: Final = "poll"


def spreads(dialect: Dialect) -> bool:
    """Whether a language may have `H` in times: a neutral one keeps it."""
    return dialect.foreign or (dialect.tables is not None and dialect.tables.spreads)


def certain_times(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with a number for each `H`, where the target does not choose any itself."""
    if spreads(target):
        return pipeline, ()
    findings: list[Finding] = []
    triggers: list[Trigger] = []
    for at, trigger in enumerate(pipeline.triggers):
        if trigger.cron and "${{" in trigger.cron:
            findings.append(_computed(trigger, at, target))
            continue
        one = trigger if _polls(target) else _unpolled(trigger, at, target, findings)
        cron = certain(one.cron, pipeline.name) if one.cron else one.cron
        triggers.append(one if cron == one.cron else one.model_copy(update={"cron": cron}))
        if cron != one.cron:
            why = f"{target.title} wants a certain time: {cron}, by the pipeline's name, so that not all begin at once"
            findings.append(_finding(Fidelity.EQUIVALENT, at, f"cron {one.cron}", why))
    return (pipeline.model_copy(update={"triggers": tuple(triggers)}) if findings else pipeline), tuple(
        findings
    )


def _computed(trigger: Trigger, at: int, target: Dialect) -> Finding:
    told = _finding(
        Fidelity.DROPPED,
        at,
        f"cron {trigger.cron}",
        f"{target.title} can't work out when to begin, so nothing begins at that time now",
        "add a schedule with a certain time",
    )
    return told.model_copy(update={"path": f"triggers[{at}]"})


def _polls(target: Dialect) -> bool:
    return target.tables is not None and target.tables.polls


def _unpolled(trigger: Trigger, at: int, target: Dialect, findings: list[Finding]) -> Trigger:
    """The trigger without times to look for pushes: the target hears of them by itself."""
    if trigger.event != _PUSH or _POLL not in trigger.options:
        return trigger
    times, why = (
        trigger.options[_POLL],
        f"{target.title} hears of every push at once and need not look for them",
    )
    told = _finding(Fidelity.EQUIVALENT, at, f"polling at {times}", why)
    findings.append(told.model_copy(update={"path": f"triggers[{at}].options.{_POLL}"}))
    rest = {key: one for key, one in trigger.options.items() if key != _POLL}
    return trigger.model_copy(update={"options": rest})


def clocks(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Finding, ...]:
    """A finding for each schedule that went by the clock of a machine, and goes by another one now."""
    mine, theirs = (one.tables is not None and one.tables.own_zone for one in (source, target))
    if not mine or theirs:
        return ()
    why = f"{source.title} goes by the time zone of its own machine where a schedule names none; this is UTC now"
    remedy = "give the schedule the machine's time zone, if that is another one"
    return tuple(
        _finding(Fidelity.APPROXIMATE, at, f"cron {one.cron}", why, remedy)
        for at, one in enumerate(pipeline.triggers)
        if one.cron and one.timezone is None
    )


def _finding(fidelity: Fidelity, at: int, what: str, why: str, remedy: str = "") -> Finding:
    return Finding(
        fidelity=fidelity, path=f"triggers[{at}].cron", source="", what=what, why=why, remedy=remedy
    )
