"""Memory: the little that is kept of a server between polls, as a file in the connection's state folder."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Final
from uuid import uuid4

FILE: Final = "server.json"


class Memory:
    """Which run of Jenkins was last seen, and what tells of stages there; losing it costs a few requests.

    Jenkins gives each of its starts a name of its own (header `X-Jenkins-Session`). Plugins come and go with
    restarts, so what was found out about them is forgotten with that name.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            kept = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            kept = {}
        known = kept if isinstance(kept, dict) else {}
        self.session = str(known.get("session") or "")
        self.stages: str | None = known["stages"] if isinstance(known.get("stages"), str) else None

    def started(self, session: str) -> bool:
        """Take note of the start that answered; whether it is another one than before."""
        if not session or session == self.session:
            return False
        known, self.session, self.stages = self.session, session, None
        self._keep()
        return bool(known)

    def learn(self, stages: str | None) -> None:
        """Take note of what tells of stages; None: not known any longer."""
        if stages != self.stages:
            self.stages = stages
            self._keep()

    def _keep(self) -> None:
        part = self._path.with_name(f".{uuid4().hex}")
        with contextlib.suppress(OSError):  # a disk that is full must not stop a poll
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"session": self.session, "stages": self.stages}), encoding="utf-8")
            part.replace(self._path)
