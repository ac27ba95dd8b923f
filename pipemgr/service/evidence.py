"""Evidence: verifying the ledger, and its events one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from pipemgr.errors import ConfigurationError
from pipemgr.events import relay
from pipemgr.ledger import retention
from pipemgr.ledger.verify import MOST, Problem, Verification, verify
from pipemgr.model.events import Event
from pipemgr.model.ledger import Checkpoint

from .runtime import Runtime

FOLLOW_SECONDS = 0.5


def verified(
    runtime: Runtime, *, public_key: Path | None = None, against: Path | None = None, logs: bool = False
) -> Verification:
    """Check every entry, seal and checkpoint; `against` is a file with a checkpoint kept from earlier.

    With `logs` every log that is kept is read too, and compared with its digest.

    Nothing is sealed first: that would vouch, with our signature, for what is only about to be looked at.
    """
    found = verify(
        runtime.ledger.engine,
        public_key=public_key or runtime.public_key,
        against=_checkpoint(against) if against else None,
    )
    if not logs:
        return found
    faults = islice(retention.faults(runtime.ledger), MOST)
    texts = tuple(Problem(None, None, f"the text of the log {key} is {fault}") for key, fault in faults)
    return replace(found, problems=found.problems + texts)


def _checkpoint(path: Path) -> Checkpoint:
    try:
        return Checkpoint.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", where=str(path)) from None
    except ValidationError:
        raise ConfigurationError(
            "is no checkpoint", where=str(path), remedy="keep one with `pipemgr ledger checkpoint > FILE`"
        ) from None


def events(runtime: Runtime, after: int = 0, *, follow: bool = False) -> Iterator[Event]:
    """Events from number `after` on; with `follow` without end."""
    stop = threading.Event() if follow else None
    return relay.follow(runtime.ledger.queries, after, poll_seconds=FOLLOW_SECONDS, stop=stop)
