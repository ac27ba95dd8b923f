"""What shell completion offers for words of the user's own: connections, pipelines, builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

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


connections, pipelines, builds = map(completer, (_connections, _pipelines, _builds))


def vendors(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The installed languages."""
    from pipemgr.service.runtime import languages

    return [name for name in languages().names() if name.startswith(incomplete)]


def adapters(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The installed adapters."""
    from pipemgr.service.runtime import registry

    return [name for name in registry().names() if name.startswith(incomplete)]
