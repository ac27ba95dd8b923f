"""Between two languages: what a pipeline has to say before another vendor's writer sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipemgr.model.definitions import Pipeline

from .base import Dialect, Writing
from .computed import worked_out
from .containers import fitted
from .early import of_machines, plain_defaults
from .environment import left_out, named
from .filed import filed
from .foreign import without_foreign
from .given import asked_for
from .manual import Need, manual
from .nightly import schedules
from .origins import Moved, Origins
from .peculiar import peculiar
from .preset import preset
from .report import Finding
from .services import addresses
from .shells import shells_named
from .sizes import usual_sizes
from .spreading import clocks
from .starting import by_hand, pushes_told
from .windows import on_windows


@dataclass(frozen=True)
class Carried:
    """A pipeline on its way to another vendor, with ways back to where it was read."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    needs: tuple[Need, ...] = ()
    """What a person must provide there, by the paths where it was read."""
    _origins: Origins = field(default_factory=Origins)
    _moved: Moved = field(default_factory=Moved)

    def told(self, writing: Writing) -> Writing:
        """A writing with all findings, by the paths where things were read."""
        placed = map(self._origins.placed, writing.findings)
        return Writing(writing.documents, (*self.findings, *map(self._moved.placed, placed)))


def carried(pipeline: Pipeline, source: Dialect, target: Dialect) -> Carried:
    """The pipeline with what `target` does not know opened or taken out, and what `source` gives by itself named."""
    if source.name == target.name:
        return Carried(pipeline)
    worked = worked_out(pipeline, source, target)
    opened, foreign, origins = without_foreign(worked.pipeline, target, rows=False)
    opened = pushes_told(by_hand(pipeline, opened, target), target)
    opened, valued = asked_for(opened, source)
    more = named(filed(opened, target), source, target)
    left, given = left_out(of_machines(more.pipeline, source, target), target)
    left, shells = shells_named(left, source, target)
    left, boxes = fitted(left, source, target)
    left, sizes = usual_sizes(left, source, target)
    left, windows = on_windows(left, target)
    left, computed = plain_defaults(left, target)
    left, defaults = preset(left, source, target)
    words = peculiar(opened, source, target)
    told = (
        *foreign,
        *map(
            origins.placed,
            (
                *valued,
                *more.findings,
                *given,
                *shells,
                *boxes,
                *addresses(opened, source, target),
                *schedules(opened, source, target),
                *clocks(opened, source, target),
                *words,
                *computed,
                *defaults,
                *sizes,
                *windows,
            ),
        ),
    )
    needs = () if target.foreign else manual(more.pipeline, target, source)
    findings = (*worked.findings, *map(worked.moved.placed, told))
    read = tuple(_read_at(one, more.places, origins, worked.moved) for one in needs)
    return Carried(left, findings, read, origins, worked.moved)


def _read_at(need: Need, places: Mapping[str, tuple[str, ...]], origins: Origins, moved: Moved) -> Need:
    paths = (moved.path(origins.path(place)) for path in need.paths for place in places.get(path, (path,)))
    return replace(need, paths=tuple(dict.fromkeys(paths)))
