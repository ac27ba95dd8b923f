"""Sinks: where events go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol, TextIO

from pipemgr.model.events import Event


class Sink(Protocol):
    """Takes events in order; may see one twice after a crash and tells it by its id."""

    def send(self, events: Sequence[Event], /) -> None:
        """Deliver all of them, or raise: then all of them come again."""


class JsonLines:
    """Writes each event as a CloudEvent, one JSON object a line, and flushes after each page."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, events: Sequence[Event], /) -> None:
        """Write the events."""
        self._stream.writelines(json.dumps(event.cloudevent()) + "\n" for event in events)
        self._stream.flush()
