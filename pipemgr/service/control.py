"""Control: stopping a build, executing it again, answering what it waits for; each in the ledger with who asked."""

from __future__ import annotations

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import AdapterError, NoSuchObject, PipemgrError
from pipemgr.ledger.views import InstanceView
from pipemgr.model.runs import BuildInstance, BuildRef, StageInstance
from pipemgr.model.status import State

from .asking import remarked, require
from .builds import Started, began, title
from .runtime import Runtime


def current(runtime: Runtime, view: InstanceView) -> BuildInstance:
    """An attempt as the vendor shows it now; as the ledger has it once it is finished.

    Raises `UnsupportedCapability` when the connection's adapter can't show one.
    """
    snapshot = view.snapshot()
    if snapshot.status.finished:
        return snapshot
    require(runtime, view.build.connection, Capability.SNAPSHOT)
    return runtime.adapter(view.build.connection).snapshot(snapshot.ref)


def newest(runtime: Runtime, view: InstanceView) -> BuildInstance:
    """An attempt as the vendor shows it now, or, where it can't be asked, as the ledger has it."""
    try:
        return current(runtime, view)
    except AdapterError:
        return view.snapshot()


def named(view: InstanceView) -> str:
    """What to call an attempt: `release#3`, with its number when it is not the first."""
    attempt = view.instance.data["attempt"]
    return title(view.build) + (f", attempt {attempt}" if attempt > 1 else "")


def cancel(runtime: Runtime, view: InstanceView) -> None:
    """Ask the vendor to stop an attempt. Raises `PipemgrError` when it is over, be it that no poll saw that yet."""
    connection = view.build.connection
    require(runtime, connection, Capability.CANCEL)
    snapshot = newest(runtime, view)
    if snapshot.status.finished:
        raise PipemgrError(
            f"{named(view)} is over already: {snapshot.status.result}",
            where=connection,
            remedy="`pipemgr build list --state running` shows what can be stopped",
        )
    with remarked(runtime, connection, snapshot.ref, "cancellation"):
        runtime.adapter(connection).cancel(snapshot.ref)


def rerun(runtime: Runtime, view: InstanceView, *, failed_only: bool = False) -> Started:
    """Execute a build again, as a whole or what failed in it, and say which attempt or build that became."""
    connection, ref = view.build.connection, view.snapshot().ref
    require(runtime, connection, Capability.RERUN)
    wish = "rerun of what failed" if failed_only else "rerun"
    with remarked(runtime, connection, ref, wish):
        became = runtime.adapter(connection).rerun(ref, failed_only=failed_only)
    what = f"what failed in {named(view)}" if failed_only else named(view)
    return began(runtime, connection, became, f"{what} executed again on request")


def waiting(snapshot: BuildInstance) -> tuple[StageInstance, ...]:
    """The stages of an attempt that are held back."""
    return tuple(one for one in snapshot.stages if one.status.state is State.WAITING)


def waiting_stage(snapshot: BuildInstance, name: str, build: str) -> StageInstance:
    """The waiting stage of this name or id. Raises `NoSuchObject`, which tells the ones there are, otherwise."""
    held = waiting(snapshot)
    found = [one for one in held if name in (one.external_id, one.name, one.stage)]
    if len(found) == 1:
        return found[0]
    ids = ", ".join(f"{one.name!r} ({one.external_id})" for one in found or held)
    if found:
        raise NoSuchObject(
            f"{len(found)} stages of {build} have this name: {ids}", remedy="name one by its id"
        )
    raise NoSuchObject(
        f"no stage {name!r} of {build} waits",
        remedy=f"these do: {ids}" if ids else f"`pipemgr build show {build}` tells how far it is",
    )


def approve(
    runtime: Runtime, view: InstanceView, stage: str, *, accept: bool = True, comment: str = ""
) -> tuple[str, str]:
    """Answer a stage that waits, by its name or id; the name and id of what was answered.

    Where the build itself waits, the name may be the vendor's for what it waits for, such as an environment.
    """
    connection = view.build.connection
    require(runtime, connection, Capability.APPROVE)
    snapshot = current(runtime, view)
    known = any(stage in (one.external_id, one.name, one.stage) for one in snapshot.stages)
    if known or snapshot.status.state is not State.WAITING:
        found = waiting_stage(snapshot, stage, title(view.build))
        name, number = found.name, found.external_id
    else:
        name = number = stage
    ref: BuildRef = snapshot.ref
    wish = f"{'approval' if accept else 'rejection'} of stage {name}" + (f" ({comment})" if comment else "")
    with remarked(runtime, connection, ref, wish):
        runtime.adapter(connection).approve(ref, number, accept=accept, comment=comment)
    return name, number
