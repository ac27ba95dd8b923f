"""The demonstration: the whole trip, for real, in a workspace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipemgr.config import find
from pipemgr.ledger.verify import Verification
from pipemgr.ledger.views import InstanceView
from pipemgr.plan.apply import Applied
from pipemgr.plan.plan import Plan
from pipemgr.translate.report import Strictness, TranslationReport

from . import builds, evidence, planning, syncing
from .languages import NATIVE
from .runtime import Runtime
from .translation import Checked, check, translate, write_text
from .workspace import create_demo

CONNECTION = "local"
STARTED = ("hello", "release", "shop-ci", "broken")
LONGEST_WAIT = 300.0


@dataclass(frozen=True)
class Imported:
    """A foreign definition that became one of ours."""

    source: str
    target: str
    report: TranslationReport


def prepare(folder: Path) -> tuple[Path, ...]:
    """Make the workspace, or complete it; returns what was written."""
    return create_demo(folder)


def enter(folder: Path) -> Runtime:
    """The runtime of the demonstration's workspace."""
    return Runtime(find(folder))


def import_all(runtime: Runtime) -> Iterator[Imported]:
    """Convert every foreign definition of the workspace to our own format; written only where none is yet."""
    root = runtime.workspace.root
    for path, language in runtime.languages.foreign(root):
        done = translate(str(path), runtime.languages, language, NATIVE, Strictness.REPORT)
        for document in done.documents:
            target = root / "pipelines" / Path(document.path).name
            if not target.exists():
                write_text(target, document.text)
            yield Imported(str(path.relative_to(root)), str(target.relative_to(root)), done.report)


def validate_all(runtime: Runtime) -> tuple[Checked, ...]:
    """Check every definition of the workspace."""
    return tuple(check(one.source, runtime.languages, NATIVE) for one in planning.definitions(runtime))


def plan(runtime: Runtime) -> Plan:
    """What applying would change."""
    return planning.plan(runtime, CONNECTION)


def apply(runtime: Runtime, made: Plan) -> tuple[Applied, ...]:
    """Publish it."""
    return tuple(planning.carry_out(runtime, made))


def start_all(runtime: Runtime) -> Iterator[builds.Started]:
    """Start a build of each pipeline of the demonstration."""
    for name in STARTED:
        yield builds.start(runtime, name, {}, CONNECTION)


def wait(
    runtime: Runtime,
    started: tuple[builds.Started, ...],
    pause: Callable[[], None],
    tick: Callable[[int], None],
) -> None:
    """Poll until all are finished."""
    syncing.wait_for(runtime, started, pause=pause, tick=tick, seconds=LONGEST_WAIT)


def results(runtime: Runtime, started: tuple[builds.Started, ...]) -> tuple[InstanceView, ...]:
    """How the builds ended, as the ledger has it."""
    return tuple(builds.look(runtime, f"{one.ref.pipeline}#{one.ref.build}") for one in started)


def verify(runtime: Runtime) -> Verification:
    """Verify the ledger."""
    return evidence.verified(runtime)
