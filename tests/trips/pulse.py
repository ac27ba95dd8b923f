"""Pulse: an adapter whose every poll makes exactly one build, so that a lost or doubled poll shows in the ledger.

This file is the adapter and what installs it. A build is numbered by the cursor, says by the id of its attempt which
process polled, and by its times when that poll began and ended.
"""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import Field

from pipemgr.adapter import Adapter, AdapterSettings, Capability, Hints, PollPage, ServerInfo
from pipemgr.model.runs import Build, BuildInstance
from pipemgr.model.status import Result, State, Status
from pipemgr.translate.features import FEATURES

GOOD = Status(state=State.FINISHED, result=Result.SUCCESS, raw="beat", table="pulse 1")

DONE = (Capability.PROBE, Capability.POLL, Capability.WEBHOOKS)


class Settings(AdapterSettings):
    """How long a poll takes, and how it behaves."""

    seconds: float = Field(0.0, description="How long a poll takes.")
    wait: float = Field(0.2, description="Seconds from one poll to the next.")
    quiet: bool = Field(False, description="Polls see nothing.")
    marks: Path | None = Field(None, description="File that gets a line at the start of every poll.")


class Pulse(Adapter):
    """One build a poll."""

    name = "pulse"
    Settings = Settings

    def probe(self):
        """It is always there."""
        return ServerInfo(name="pulse")

    def poll(self, cursor):
        """The next build, after some time."""
        if self.settings.quiet:
            return PollPage(cursor=cursor, wait=self.settings.wait)
        number = int(cursor.get("number", 0)) + 1
        began = datetime.now(UTC)
        self._mark(number)
        time.sleep(self.settings.seconds)
        return PollPage(builds=(_build(number, began),), cursor={"number": number}, wait=self.settings.wait)

    def receive(self, webhook):
        """Anything at all is a hint; its body is its id."""
        return Hints(delivery=webhook.body.decode(), event="beat")

    def _mark(self, number):
        if self.settings.marks:
            with self.settings.marks.open("a", encoding="utf-8") as file:
                file.write(f"{self.connection.name} {number} {os.getpid()} {time.time():.3f}\n")


def _build(number, began):
    return BuildInstance(
        build=Build(pipeline="pulse", external_id=str(number), number=number),
        attempt=1,
        external_id=f"{number}:{os.getpid()}",
        status=GOOD,
        started_at=began,
        finished_at=datetime.now(UTC),
        source_digest=f"sha256:{number:064x}",
    )


def install(folder: Path) -> Path:
    """Make `folder`, for PYTHONPATH, in which this adapter is installed as a stranger's would be."""
    home = folder / "pipemgr_pulse"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    no = {"support": "not_implemented", "note": "not needed"}
    manifest = {
        "name": "pulse",
        "title": "Pulse",
        "api_version": 1,
        "documents": [],
        "capabilities": {one.value: "full" if one in DONE else no for one in Capability},
        "features": dict.fromkeys(FEATURES, "full"),
    }
    (home / "adapter.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    info = folder / "pipemgr_pulse-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pipemgr-pulse\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        "[pipemgr.adapters]\npulse = pipemgr_pulse:Pulse\n", encoding="utf-8"
    )
    return folder


def configure(root: Path, connections: dict[str, dict[str, object]], **polling: object) -> Path:
    """Write a pipemgr.toml with connections of this adapter, by their settings."""
    lines = ["[polling]", *(f"{name} = {_toml(value)}" for name, value in polling.items())]
    for name, settings in connections.items():
        lines += [f"[connections.{name}]", 'adapter = "pulse"', 'poll_every = "60s"', "pipelines = []"]
        inner = ", ".join(f"{key} = {_toml(value)}" for key, value in settings.items())
        lines.append(f"settings = {{ {inner} }}")
    root.mkdir(parents=True, exist_ok=True)
    path = root / "pipemgr.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _toml(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, int | float)
        else f'"{value}"'
    )


LAUNCHER = """
import os, sys
from pipemgr.ingest import poller, worker
from pipemgr.cli.main import main

poller.LEASE_SECONDS = float(os.environ.get("PULSE_LEASE", poller.LEASE_SECONDS))
if os.environ.get("PULSE_FOREIGN"):
    # As if in a container of its own: nobody can tell whether this process lives.
    worker._host = lambda: f"container-{os.getpid()}"
if "PULSE_TICKET" in os.environ and sys.argv[1] != "poll":
    from pipemgr.ingest.engines import celery

    celery.TICKET_SECONDS = float(os.environ["PULSE_TICKET"])
main(sys.argv[1:])
"""
"""The program with short leases, which only a test may want."""


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", LAUNCHER, *words]
