"""Comparison: one object against what the ledger has of it, and what to make of the difference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from pipemgr.ledger.change import Known, ObjectChange, dense, quoted
from pipemgr.model.events import Change, Kind
from pipemgr.model.status import State

Data: TypeAlias = dict[str, Any]
Name: TypeAlias = tuple[Kind, str]
"""What the ledger calls an object: its class and key."""
Prior: TypeAlias = Mapping[Name, Known]
"""What the ledger has already."""

_ABSENT: tuple[Any, ...] = (None, "", [], {})
_CONTENT = ("text", "digest", "offset")


class Comparison:
    """What is known, kept up to date with the changes found so far."""

    def __init__(self, connection: str, prior: Prior, fresh: Callable[[], str]) -> None:
        self._changes: list[ObjectChange] = []
        self._connection = connection
        self._shown = quoted(connection)
        self._known = dict(prior)
        self._reserved: dict[Name, str] = {}
        self._fresh = fresh

    def take(self) -> list[ObjectChange]:
        """The changes found since the last time."""
        found, self._changes = self._changes, []
        return found

    def known(self, name: Name) -> Known | None:
        """What the ledger has of an object, or is about to have."""
        return self._known.get(name)

    def link(self, kind: Kind, key: str | None) -> str | None:
        """The id of an object, if there is one, even if it is destroyed by now."""
        found = self._known.get((kind, key)) if key is not None else None
        return found and found.id

    def identify(self, name: Name) -> str:
        """The id that an object has, or will have."""
        found = self._known.get(name)
        if found is not None:
            return found.id
        number = self._reserved.get(name)
        if number is None:
            number = self._reserved[name] = self._fresh()
        return number

    def see(  # noqa: PLR0913 - one for each field of an entry
        self,
        name: Name,
        tail: str,
        message: str,
        *,
        whole: bool = False,
        ledger: str | None = None,
        step: str | None = None,
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
        source: str | None = None,
    ) -> str:
        """Compare one object; its id.

        `tail` is its JSON text from the first field of its own. Unless it is the `whole` truth, values that are
        absent in it stay as they were. The others are those of `ObjectChange`.
        """
        kind, key = name
        found = self._known.get(name)
        number = found.id if found is not None else self.identify(name)
        text = f'{{"id":"{number}","connection":{self._shown},"key":{quoted(key)},{tail}'
        if found is None or found.destroyed or found.text != text:
            head = (kind, Change.CREATE, number, self._connection, key, text, message)
            change = ObjectChange(*head, (), ledger, step, inputs, outputs, source, found is not None)
            if found is None or found.destroyed:
                self._add(name, change)
            else:
                self._update(name, change, found.text, whole=whole)
        return number

    def _update(self, name: Name, change: ObjectChange, before: str, *, whole: bool) -> None:
        old, new = json.loads(before), json.loads(change.text)
        if not whole:
            if outdated(old, new):
                return
            new = new if restarted(old, new) else _merged(old, new)
        changed = _changed(old, new)
        if changed:
            self._add(
                name, change._replace(change=Change.UPDATED, text=dense(new), changed=changed, again=False)
            )

    def destroy(self, gone: Iterable[Name]) -> None:
        """Destroy what is there of these objects."""
        for kind, key in gone:
            found = self._known[kind, key]
            if not found.destroyed:
                data = json.loads(found.text)
                message = f"{kind} {data['name']} is gone"
                connection = data["connection"]
                self._changes.append(
                    ObjectChange(kind, Change.DESTROY, found.id, connection, key, found.text, message)
                )

    def _add(self, name: Name, change: ObjectChange) -> None:
        self._changes.append(change)
        self._known[name] = Known(change.id, change.text)


def outdated(old: Data, new: Data) -> bool:
    """Whether what was just seen is older than what is recorded: it ran then, or was a shorter log."""
    if _finished(old) and not _finished(new):
        return not restarted(old, new)
    return _length(new) < _length(old)


def restarted(old: Data, new: Data) -> bool:
    """Whether a vendor began something anew that was finished: it started after the recorded end."""
    if not _finished(old):
        return False
    ended, started = old.get("finished_at"), new.get("started_at")
    return bool(ended and started and datetime.fromisoformat(started) > datetime.fromisoformat(ended))


def _finished(data: Data) -> bool:
    return bool((data.get("status") or {}).get("state") == State.FINISHED)


def _length(data: Data) -> tuple[int, bool]:
    """How much of a log there is; the same for whatever is no log, and for a log without its content."""
    if "offset" not in data or not _has_content(data):
        return 0, False
    return data["offset"], data["complete"]


def _has_content(data: Data) -> bool:
    return data.get("text") is not None or data.get("digest") is not None


def _merged(old: Data, new: Data) -> Data:
    """What was seen, with what was known where nothing was seen."""
    merged = {name: old[name] if value in _ABSENT and name in old else value for name, value in new.items()}
    if "offset" in new:
        # Text, digest and length of a log belong together: a log that is named only keeps all three.
        content = new if _has_content(new) else old
        merged |= {name: content[name] for name in _CONTENT}
    return merged


def _changed(old: Data, new: Data) -> tuple[str, ...]:
    """The names of the fields that differ; of a field inside of one with its path: `status.state`."""
    names: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            inner = sorted({*before, *after})
            names += [f"{name}.{one}" for one in inner if before.get(one) != after.get(one)]
        elif before != after:
            names.append(name)
    return tuple(names)
