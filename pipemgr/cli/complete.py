"""What shell completion offers for words of the user's own: connections, pipelines, builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipemgr.errors import PipemgrError

if TYPE_CHECKING:
    from pipemgr.config import Workspace
    from pipemgr.ledger import Ledger

Completer = Callable[[click.Context, click.Parameter, str], list[str]]
NEWEST = 50
"""How many builds are offered."""


def completer(find: Callable[[Workspace], Iterable[str]]) -> Completer:
    """Offers what `find` finds in the workspace; nothing where there is none: a TAB must never complain."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        try:
            return [word for word in find(_workspace(ctx)) if word.startswith(incomplete)]
        except (PipemgrError, OSError):
            return []

    return complete


def _workspace(ctx: click.Context) -> Workspace:
    from pipemgr.config import find

    return find(Path(ctx.find_root().params.get("directory") or "."))


def _ledger(workspace: Workspace) -> Ledger:
    """The ledger if there is one; completion makes none."""
    from pipemgr.config import STATE
    from pipemgr.ledger import open_ledger

    if not (workspace.root / STATE).is_dir():
        raise PipemgrError("there is no ledger")
    return open_ledger(workspace.ledger_url, create=False)


def _connections(workspace: Workspace) -> Iterable[str]:
    return workspace.config.connections


def _pipelines(workspace: Workspace) -> Iterable[str]:
    ledger = _ledger(workspace)
    try:
        return dict.fromkeys(one.pipeline for one in ledger.queries.publications())
    finally:
        ledger.close()


def _builds(workspace: Workspace) -> Iterable[str]:
    from pipemgr.service.builds import title

    ledger = _ledger(workspace)
    try:
        return [title(one.build) for one in ledger.queries.builds(limit=NEWEST)]
    finally:
        ledger.close()


def _quarantine(workspace: Workspace) -> Iterable[str]:
    from pipemgr.service.losses import name

    ledger = _ledger(workspace)
    try:
        return [name(one) for one in ledger.queries.quarantine(limit=NEWEST)]
    finally:
        ledger.close()


def _gaps(workspace: Workspace) -> Iterable[str]:
    ledger = _ledger(workspace)
    try:
        return [str(one.id) for one in ledger.queries.gaps(limit=NEWEST)]
    finally:
        ledger.close()


def _branches(workspace: Workspace) -> Iterable[str]:
    return _said(workspace, "branch")


def _actors(workspace: Workspace) -> Iterable[str]:
    return _said(workspace, "actor")


def _triggers(workspace: Workspace) -> Iterable[str]:
    return _said(workspace, "trigger")


def _said(workspace: Workspace, field: str) -> Iterable[str]:
    """What the newest builds have in a field."""
    ledger = _ledger(workspace)
    try:
        found = (one.build.data.get(field) for one in ledger.queries.builds(limit=NEWEST))
        return [word for word in dict.fromkeys(found) if word]
    finally:
        ledger.close()


def _pipelines_built(workspace: Workspace) -> Iterable[str]:
    ledger = _ledger(workspace)
    try:
        return dict.fromkeys(one.pipeline for one in ledger.queries.builds(limit=10 * NEWEST))
    finally:
        ledger.close()


connections, pipelines, builds = map(completer, (_connections, _pipelines, _builds))
quarantine, gaps, pipelines_built = map(completer, (_quarantine, _gaps, _pipelines_built))
branches, actors, triggers = map(completer, (_branches, _actors, _triggers))


def columns(known: Iterable[str]) -> Completer:
    """Offers names of a list that is joined by commas, behind those that are there."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        done, comma, last = incomplete.rpartition(",")
        return [f"{done}{comma}{one}" for one in known if one.startswith(last)]

    return complete


def events(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The names of all events."""
    from pipemgr.model.events import ALL_EVENTS

    return [str(name) for name in ALL_EVENTS if name.startswith(incomplete)]


def _part_of_a_build(find: Callable[[Any], Iterable[str]]) -> Completer:
    """Offers what the build that is named before has."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        try:
            ledger = _ledger(_workspace(ctx))
            try:
                # Click leaves arguments where they are when the last option has no value yet.
                named = ctx.params.get("reference") or next(iter(ctx.args), "")
                newest = ledger.queries.build(named).instances[-1].snapshot()
                return [word for word in dict.fromkeys(find(newest)) if word.startswith(incomplete)]
            finally:
                ledger.close()
        except (PipemgrError, OSError):
            return []

    return complete


stages = _part_of_a_build(lambda one: (stage.name for stage in one.stages))
steps = _part_of_a_build(lambda one: (step.name for stage in one.stages for step in stage.steps))
artifacts = _part_of_a_build(lambda one: (artifact.name for artifact in one.artifacts))


def vendors(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The installed languages."""
    from pipemgr.service.runtime import languages

    return [name for name in languages().names() if name.startswith(incomplete)]


def adapters(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The installed adapters."""
    from pipemgr.service.runtime import registry

    return [name for name in registry().names() if name.startswith(incomplete)]
