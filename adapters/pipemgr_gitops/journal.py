"""The journal: what was observed of each commit, kept because controllers forget it, and numbered into attempts.

A *lane* is one observer in one environment, such as a resource or a commit status's context. Its *episodes* are the
reconciliations that it told of, in the order in which they were first seen; attempt N of a build is the Nth episode of
every lane. An episode that has ended never changes: whatever is told later is an episode of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from pydantic import Field, ValidationError

from pipemgr.adapter import Commit, Refused, Statuses
from pipemgr.model.base import Value
from pipemgr.model.runs import BuildLog, Moment, StageInstance

KEPT: Final = 1000
"""How many builds of a pipeline the index keeps."""
EPISODES: Final = 200
"""How many reconciliations of one lane are kept; more of one commit is a loop."""
SEEN: Final = "seen"
SHA_LIKE: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class Episode(Value):
    """One reconciliation as one lane tells it."""

    operation: str
    stages: tuple[StageInstance, ...]
    logs: tuple[BuildLog, ...] = ()
    url: str | None = None

    @property
    def begun(self) -> bool:
        """Whether more is known than that the commit was seen."""
        return any(one.stage != SEEN for one in self.stages)

    @property
    def ended(self) -> bool:
        """Whether all that was told of is over."""
        return self.begun and all(one.status.finished for one in self.stages)


class Entry(Value):
    """One build: a commit that changed a pipeline's manifests."""

    pipeline: str
    commit: Commit
    branch: str
    lanes: dict[str, tuple[Episode, ...]] = Field(default_factory=dict)
    closed: str = ""
    """The word for why nothing more is waited for."""
    closed_at: Moment | None = None

    @property
    def attempts(self) -> int:
        """How many attempts there are: one at least."""
        return max([1, *map(len, self.lanes.values())])


@dataclass(frozen=True)
class Observation:
    """What a source tells of one reconciliation of `revision` in one lane.

    `operation` is what tells reconciliations apart. With `goes_on` the same one may change its `operation` until it
    has ended.
    """

    pipeline: str
    revision: str
    lane: str
    operation: str
    stages: tuple[StageInstance, ...]
    logs: tuple[BuildLog, ...] = ()
    url: str | None = None
    goes_on: bool = False
    at: datetime | None = None
    """When it began, of one without a revision: it is about the newest commit of that time."""
    parallel: bool = False
    """May go on beside another one of its lane."""
    still: bool = False
    """About a later commit, which changed nothing here: news only when it ended in another way."""


def tell(entry: Entry, told: Observation, statuses: Statuses) -> Entry:
    """The entry with what was told; the same one when that is nothing new."""
    episodes = entry.lanes.get(told.lane, ())
    changed = _told(episodes, told, statuses)
    if changed == episodes or len(changed) > EPISODES:
        return entry
    return entry.model_copy(update={"lanes": {**entry.lanes, told.lane: changed}})


def _told(episodes: tuple[Episode, ...], told: Observation, statuses: Statuses) -> tuple[Episode, ...]:
    new = Episode(operation=told.operation, stages=told.stages, logs=told.logs, url=told.url)
    same = [place for place, one in enumerate(episodes) if one.operation == told.operation]
    last = episodes[-1] if episodes else None
    if same:
        return _again(episodes, new, same[-1])
    if last and told.still and _ends(new) == _ends(last):
        return episodes
    if last and not last.ended and (told.goes_on or not last.begun):
        return (*episodes[:-1], _merged(last, new))
    if last and not new.begun:
        return episodes
    if told.parallel:
        return (*episodes, new)
    return (*(_overtaken(one, statuses) for one in episodes), new)


def _again(episodes: tuple[Episode, ...], new: Episode, place: int) -> tuple[Episode, ...]:
    """Something known, told once more: an open episode goes on, an ended one is followed by what is different."""
    old = episodes[place]
    if not old.ended:
        return (*episodes[:place], _merged(old, new), *episodes[place + 1 :])
    known = {
        name: word for one in episodes if one.operation == new.operation for name, word in _words(one).items()
    }
    fresh = tuple(one for one in new.stages if known.get(one.external_id) != one.status.raw)
    if not any(one.stage != SEEN for one in fresh):
        return episodes
    return (*episodes, new.model_copy(update={"stages": fresh}))


def _merged(old: Episode, new: Episode) -> Episode:
    stages = {one.external_id: one for one in (*old.stages, *new.stages)}
    return new.model_copy(update={"stages": tuple(stages.values()), "url": new.url or old.url})


def _words(episode: Episode) -> dict[str, str]:
    return {one.external_id: one.status.raw for one in episode.stages}


def _ends(episode: Episode) -> list[str]:
    return sorted(str(one.status.result) for one in episode.stages if one.stage != SEEN)


def _overtaken(episode: Episode, statuses: Statuses) -> Episode:
    """An episode whose end nobody saw, because the next one has begun."""
    if episode.ended:
        return episode
    stages = tuple(
        one if one.status.finished else one.model_copy(update={"status": statuses.status("git", "overtaken")})
        for one in episode.stages
    )
    return episode.model_copy(update={"stages": stages})


class Journal:
    """All entries of a connection, as files in its state folder; any process may read and, one at a time, write them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, pipeline: str, sha: str) -> Entry | None:
        """What is known of a build; None when it is not known."""
        path = self._path(pipeline, sha)
        try:
            return Entry.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise Refused(
                "is damaged", where=str(path), remedy="remove it: what Git has is read again"
            ) from None

    def save(self, entry: Entry) -> None:
        """Write an entry, whole or not at all, and index it if it is new."""
        path = self._path(entry.pipeline, entry.commit.sha)
        new = not path.exists()
        _write(path, entry.model_dump_json())
        if new:
            known = {sha: at for at, sha in self.index(entry.pipeline)}
            known[entry.commit.sha] = int(entry.commit.committed_at.timestamp())
            lines = sorted(((at, sha) for sha, at in known.items()), key=lambda one: one[0])[-KEPT:]
            _write(path.parent / "index", "\n".join(f"{at} {sha}" for at, sha in lines))

    def index(self, pipeline: str) -> list[tuple[int, str]]:
        """When the commits of a pipeline's builds were made (seconds since 1970), and their ids; oldest first."""
        path = self._path(pipeline, "index").with_suffix("")
        lines = path.read_text(encoding="ascii").splitlines() if path.is_file() else []
        return [(int(at), sha) for at, _, sha in (line.partition(" ") for line in lines)]

    def promise(self, builds: Iterable[tuple[str, str]]) -> str:
        """Note, before they are written, which builds a page tells of; the page's name, for its cursor."""
        page = uuid4().hex
        _write(self.folder / "promised", json.dumps({"page": page, "builds": list(builds)}))
        return page

    def unkept(self, page: object) -> Iterator[Entry]:
        """The builds that the last page told of, unless its cursor came back: then they are recorded."""
        path = self.folder / "promised"
        said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for pipeline, sha in said.get("builds", ()) if said.get("page") != page else ():
            if (entry := self.load(pipeline, sha)) is not None:
                yield entry

    def pipelines(self) -> list[str]:
        """The pipelines that have builds."""
        return sorted(self._names())

    def _names(self) -> Iterator[str]:
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if (name := folder / "name").is_file():
                yield name.read_text(encoding="utf-8")

    def _path(self, pipeline: str, sha: str) -> Path:
        folder = self.folder / quote(pipeline, safe="").replace(".", "%2E")[:200]
        if not (folder / "name").is_file():
            _write(folder / "name", pipeline)
        return folder / f"{sha}.json"


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Refused(
            f"can't be written: {error.strerror}", where=str(path), remedy="is the disk full?"
        ) from None


def moment(text: object) -> datetime | None:
    """A time as APIs write it (RFC 3339); None for anything else, and for one without a zone."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
