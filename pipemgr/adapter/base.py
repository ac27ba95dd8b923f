"""What an adapter is: the verbs a vendor answers to, each refused by default."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, NoReturn

from pydantic import Field, JsonValue

from pipemgr.errors import UnsupportedCapability
from pipemgr.mapping.tables import Tables
from pipemgr.model.base import Value
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, Moment, TestReport
from pipemgr.translate.base import Dialect, Reader, Writer
from pipemgr.translate.document import DocumentSet

from .capabilities import Capability
from .http import Budget, Unlimited
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


class Gap(Value):
    """Builds that a vendor counts and does not tell, or that can't be told apart: what is surely missing, and why."""

    pipeline: str
    since: Moment | None = None
    until: Moment | None = None
    expected: int = Field(ge=0)
    found: int = Field(ge=0)
    reason: str


class Unread(Value):
    """A build that was found and could not be read: it is tried again by itself, the others go on."""

    ref: BuildRef
    reason: str


class PollPage(Value):
    """What one poll saw, the next cursor, and when to come back.

    `builds` are whole snapshots, for a vendor that gives them with its list. `seen` are attempts that were found and
    not looked at: each is looked at later by `snapshot`, unless the ledger has its end already. Both are recorded in
    the transaction that keeps the cursor, so a cursor may move past everything that is on the page.

    `more` asks for the next page at once, from the cursor, which must have moved; `wait` is the number of seconds
    (a week at most) after which the vendor has (or allows) something new, None for the connection's usual interval.
    """

    builds: tuple[BuildInstance, ...] = ()
    seen: tuple[BuildRef, ...] = ()
    unread: tuple[Unread, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read and stopped nothing else: a repository or a project. Told with the poll."""
    cursor: Cursor = Field(default_factory=dict)
    more: bool = False
    wait: float | None = Field(default=None, ge=0, le=7 * 86_400, allow_inf_nan=False)


@dataclass(frozen=True)
class Webhook:
    """What a vendor sent: its headers, with names in lower case, and the body as it came."""

    headers: Mapping[str, str]
    body: bytes


class Hints(Value):
    """What a webhook is good for: it says where to look, and is never recorded itself."""

    delivery: str
    """The vendor's id of the delivery; the same one again is ignored."""
    event: str
    """The vendor's word for what happened."""
    builds: tuple[BuildRef, ...] = ()
    """Attempts to look at now. With none, the connection is polled at once, unless it is not `relevant`."""
    relevant: bool = True


class LogChunk(Value):
    """A piece of a log: `text` from the asked offset, and the offset (in bytes) to go on from.

    A piece without text that is not `complete` says that there is no more of it yet. Pieces are small: a log of any
    size is read piece by piece.
    """

    text: str
    offset: int = Field(ge=0)
    complete: bool


def _unlimited(_credential: str) -> Budget:
    return Unlimited()


@dataclass(frozen=True)
class Connection:
    """A configured vendor, as its adapter sees it.

    `workspace` is the folder of the configuration file (relative paths in settings start there), `state` a folder
    that the adapter may write to, `dialect` looks up another language by name, `tables` has the vendor's words.
    `budget` gives what a credential, by any name for it that is no secret, may still ask; see `http.Session`.
    """

    name: str
    workspace: Path
    state: Path
    dialect: Dialects
    tables: Tables
    budget: Callable[[str], Budget] = _unlimited


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
        """Attempts that are new since `cursor`, oldest first.

        From an empty cursor an adapter without `history` tells all it has; one with it tells what is open or of
        today, and leaves the rest to `history`.
        """
        _refuse(type(self), Capability.POLL)

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """All attempts that began at or after `since`, page by page, from an empty cursor of its own.

        It fills the ledger beside live polling, and walks again from time to time to find what no cursor sees: a
        re-run of an old build, a build that was lost. Nearly everything is known then, so `seen` should cost no more
        than the vendor's lists. Where the vendor counts more than it lists, the page says so in `gaps`.
        """
        _refuse(type(self), Capability.HISTORY)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One attempt as it is now: this is how open builds are followed to their end.

        Raises `NotFound` when the vendor has it no longer.
        """
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

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """The content of an artifact, by its name, in pieces."""
        _refuse(type(self), Capability.DOWNLOAD)

    def tests(self, ref: BuildRef) -> TestReport | None:
        """The test cases that the build reported; None when it reported none."""
        _refuse(type(self), Capability.TESTS)

    def receive(self, webhook: Webhook) -> Hints:
        """What a webhook hints at.

        Raises `AuthenticationFailed` unless its signature is right; also when no secret is configured.
        """
        _refuse(type(self), Capability.WEBHOOKS)


def _refuse(adapter: type[Adapter], capability: Capability) -> NoReturn:
    name = getattr(adapter, "name", adapter.__name__)
    raise UnsupportedCapability(
        f"the {name} adapter cannot {capability.verb}",
        remedy=f"`pipemgr adapter show {name}` lists what it can do",
    )
