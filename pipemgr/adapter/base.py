"""What an adapter is: the verbs a vendor answers to, each refused by default."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from pydantic import Field, JsonValue

from pipemgr.errors import UnsupportedCapability
from pipemgr.mapping.tables import Tables
from pipemgr.model.base import Value
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef
from pipemgr.translate.base import Dialect, Reader, Writer
from pipemgr.translate.document import DocumentSet

from .capabilities import Capability
from .settings import AdapterSettings

Cursor = dict[str, JsonValue]
"""How far a connection has been polled: the adapter's own, opaque to everybody else."""
Dialects = Callable[[str], Dialect]
"""Looks up the language of any installed adapter by name; raises `UnknownAdapter`."""


class ServerInfo(Value):
    """Who answered a probe."""

    name: str
    version: str = ""
    identity: str = ""
    """The account that the credential belongs to."""
    notes: tuple[str, ...] = ()
    """Optional plugins found or missing, limits, warnings."""


class Published(Value):
    """A definition as the vendor has it after a publish."""

    fingerprint: str
    url: str | None = None


class PollPage(Value):
    """What one poll saw: whole snapshots, the next cursor, and when to come back.

    `more` asks for the next page at once, from the cursor, which must have moved; `wait` is the number of seconds
    (a week at most) after which the vendor has (or allows) something new, None for the connection's usual interval.
    """

    builds: tuple[BuildInstance, ...] = ()
    cursor: Cursor = Field(default_factory=dict)
    more: bool = False
    wait: float | None = Field(default=None, ge=0, le=7 * 86_400, allow_inf_nan=False)


class LogChunk(Value):
    """A piece of a log: `text` from the asked offset, and the offset (in bytes) to go on from.

    A piece without text that is not `complete` says that there is no more of it yet.
    """

    text: str
    offset: int = Field(ge=0)
    complete: bool


@dataclass(frozen=True)
class Connection:
    """A configured vendor, as its adapter sees it.

    `workspace` is the folder of the configuration file (relative paths in settings start there), `state` a folder
    that the adapter may write to, `dialect` looks up another language by name, `tables` has the vendor's words.
    """

    name: str
    workspace: Path
    state: Path
    dialect: Dialects
    tables: Tables


class Adapter(ABC):
    """One kind of vendor. Authors implement the verbs that `adapter.yaml` declares; the rest refuse.

    Adapters are synchronous and may be used from one thread at a time. Every verb raises only subclasses of
    `AdapterError`: what the caller can do about a failure is in the type.
    """

    Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
    name: ClassVar[str]
    """The name it is registered under."""

    def __init__(self, connection: Connection, settings: AdapterSettings) -> None:
        self.connection = connection
        self.settings = settings

    @classmethod
    def reader(cls, tables: Tables) -> Reader:
        """Reads the vendor's documents, by the vendor's `tables`; needs no connection."""
        _refuse(cls, Capability.READ)

    @classmethod
    def writer(cls, tables: Tables) -> Writer:
        """Writes the vendor's documents, by the vendor's `tables`; needs no connection."""
        _refuse(cls, Capability.WRITE)

    @classmethod
    def language(cls, dialects: Dialects, tables: Tables) -> tuple[Reader, Writer]:
        """Its reader and writer, which go by the vendor's `tables`.

        An adapter whose vendor takes another's documents overrides this one instead of `reader` and `writer`
        and borrows them by name from `dialects`, so that it need not import the other adapter.
        """
        return cls.reader(tables), cls.writer(tables)

    def probe(self) -> ServerInfo:
        """Whether the vendor answers, who it takes us for and what it can do."""
        _refuse(type(self), Capability.PROBE)

    def pipelines(self) -> tuple[str, ...]:
        """The names of all pipelines the vendor has."""
        _refuse(type(self), Capability.LIST)

    def fetch(self, ref: str) -> DocumentSet:
        """The live documents of a pipeline; empty when there is none."""
        _refuse(type(self), Capability.FETCH)

    def publish(self, ref: str, documents: DocumentSet, *, expected: str | None) -> Published:
        """Make `documents` the live definition.

        `expected` is the fingerprint that `fetch` gave when the plan was made (None: nothing was there); raises
        `Conflict` when live is something else by now, unless it already is what is being published.
        """
        _refuse(type(self), Capability.PUBLISH)

    def delete(self, ref: str, *, expected: str | None) -> None:
        """Remove the live definition; `Conflict` as for `publish`."""
        _refuse(type(self), Capability.DELETE)

    def poll(self, cursor: Cursor) -> PollPage:
        """Builds that are new since `cursor` (an empty one: from the beginning), oldest first."""
        _refuse(type(self), Capability.POLL)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One attempt as it is now: this is how open builds are followed to their end."""
        _refuse(type(self), Capability.SNAPSHOT)

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Start a build and say exactly which one it became."""
        _refuse(type(self), Capability.START)

    def cancel(self, ref: BuildRef) -> None:
        """Stop a build."""
        _refuse(type(self), Capability.CANCEL)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """Execute a build again and say which attempt or build that is."""
        _refuse(type(self), Capability.RERUN)

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        """Answer a stage that waits for an approval."""
        _refuse(type(self), Capability.APPROVE)

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """The log named `log` (see `BuildLog.name`) from byte `offset` on."""
        _refuse(type(self), Capability.LOGS)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """What the build made, with digests where the vendor has them."""
        _refuse(type(self), Capability.ARTIFACTS)


def _refuse(adapter: type[Adapter], capability: Capability) -> NoReturn:
    name = getattr(adapter, "name", adapter.__name__)
    raise UnsupportedCapability(
        f"the {name} adapter cannot {capability.verb}",
        remedy=f"`pipemgr adapter show {name}` lists what it can do",
    )
