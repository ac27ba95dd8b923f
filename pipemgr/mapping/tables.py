"""Tables: everything a vendor's words mean, looked up both ways.

    tables = Tables.of("acme")
    tables.steps.read("acme/fetch-code").action        # 'checkout'
    tables.steps.write("checkout").call                # 'acme/fetch-code'

Look-up order: the adapter's own tables, then those that come with pipemgr, then the user's overlay
(`<overlay>/<vendor>/<kind>.yaml`); a later row takes the place of an earlier one with the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pipemgr.errors import MappingError
from pipemgr.model.expressions import Expression, parse

from .catalogue import Catalogue, catalogue
from .elements import ElementRow, ElementsFile, RootRow
from .expansion import alike, inlined
from .loader import layered, load, shipped
from .rows import (
    ImageRow,
    JobsFile,
    Row,
    RunnerRow,
    RunnersFile,
    ScriptsFile,
    StageRow,
    StatusesFile,
    StepRow,
    StepsFile,
    TableFile,
    TriggerRow,
    TriggersFile,
    WordRow,
)
from .statuses import Statuses
from .variables import ContextRow, EnvironmentRow, SecretNames, VariablesFile

File = TypeVar("File", bound=TableFile)
AnyRow = TypeVar("AnyRow", bound=Row)


class Steps:
    """Actions in a vendor's words and ours."""

    def __init__(self, rows: tuple[StepRow, ...]) -> None:
        self.rows = rows
        self._calls = {alike(row.call): row for row in rows if row.call is not None}
        self._calls |= {row.call: row for row in rows if row.call is not None}
        self._actions = {row.action: row for row in rows if row.run is not None or row.version is not None}
        self._lowered = {row.action: row for row in rows if row.steps and row.call is None}

    def read(self, call: str) -> StepRow | None:
        """The row for a vendor's call; letter case and `_` for `-` make no difference."""
        return self._calls.get(call) or self._calls.get(alike(call))

    def write(self, action: str) -> StepRow | None:
        """The row to write an action by; the last one that can be written counts."""
        return self._actions.get(action)

    def lowered(self, action: str) -> StepRow | None:
        """The row whose steps do what the action does, where the vendor can't do it in one step."""
        return None if action in self._actions else self._lowered.get(action)


@dataclass(frozen=True)
class Names:
    """Names both ways: ours to theirs, theirs to ours."""

    theirs: Mapping[str, str]
    ours: Mapping[str, str]


@dataclass(frozen=True)
class Runners(Names):
    """Labels of runners both ways, and what definitions say for them."""

    rows: tuple[RunnerRow, ...] = ()

    def find(self, definition: Mapping[str, Any]) -> str | None:
        """The runner that a vendor's definition asks for: the one whose row says the most of what it says."""
        fits = [row for row in self.rows if row.read and row.options and _fits(row.options, definition)]
        return max(fits, key=lambda row: _size(row.options)).runner if fits else None

    def options(self, runner: str) -> Mapping[str, Any]:
        """What a definition says to get a runner; empty where a label is all."""
        rows = [row for row in self.rows if row.runner == runner and row.label == self.theirs.get(runner)]
        return rows[-1].options if rows else {}


def _fits(wanted: Any, given: Any) -> bool:
    """Whether all that a row says is in the definition; `*` and `?` stand for any text."""
    if isinstance(wanted, Mapping):
        return isinstance(given, Mapping) and all(
            key in given and _fits(value, given[key]) for key, value in wanted.items()
        )
    return given is not None and fnmatchcase(str(given).lower(), str(wanted).lower())


def _size(options: Any) -> tuple[int, int]:
    """How much a row says: first how many words, then how many letters that are no wildcards."""
    if isinstance(options, Mapping):
        inner = [_size(value) for value in options.values()]
        return sum(one for one, _ in inner), sum(two for _, two in inner)
    return 1, len(str(options).replace("*", ""))


class Calls(dict[str, StageRow]):
    """Rows by their calls; letter case and `_` for `-` make no difference."""

    def __init__(self, rows: Iterable[StageRow]) -> None:
        super().__init__((alike(row.call), row) for row in rows)

    def __contains__(self, call: object) -> bool:
        """Whether there is a row for it."""
        return super().__contains__(alike(str(call)))

    def __getitem__(self, call: str) -> StageRow:
        """The row for it."""
        return super().__getitem__(alike(call))

    def get(self, call: str, default: Any = None) -> Any:
        """The row for it, or `default`."""
        return super().get(alike(call), default)


@dataclass(frozen=True)
class Jobs:
    """Jobs and executors of a vendor's packages, by their calls."""

    jobs: Mapping[str, StageRow]
    executors: Mapping[str, StageRow]


@dataclass(frozen=True)
class Variables:
    """Names in expressions: contexts as (name, the vendor's expression), functions and environment both ways.

    `secrets` are those that every build has without anybody creating them, in lower case; `ambient`: all others are
    environment variables of every script. `given` are all variables of every script, by their names: also those that
    hold no single context. `asked_only`: defaults of parameters count in builds for which a person was asked.
    """

    contexts: tuple[tuple[ContextRow, Expression], ...]
    functions: Names
    environment: Names
    secrets: frozenset[str] = frozenset()
    ambient: bool = False
    given: Mapping[str, EnvironmentRow] = field(default_factory=dict)
    asked_only: bool = False
    secret_names: SecretNames | None = None
    """What secrets may be called; None where they may be called anything, and have parts."""
    late: frozenset[str] = frozenset()
    """Contexts that only steps can ask for."""
    plain_defaults: bool = False
    """Whether defaults of parameters are certain values."""
    own: tuple[str, ...] | None = None
    """What names of variables begin with that only this vendor gives; None where its contexts' variables tell it."""
    parameters: bool = False
    """Whether parameters are environment variables of every script."""
    most_parameters: int | None = None
    """How many parameters a person can be asked for; None where there is no limit."""


@dataclass(frozen=True)
class Elements:
    """Elements of definitions: by their place and class, outermost ones by name, and names of fields with secrets."""

    rows: Mapping[tuple[str, str], ElementRow]
    roots: Mapping[str, RootRow]
    secrets: frozenset[str]
    harmless: frozenset[str]


class Tables:
    """All tables of one vendor; each is read when first asked for."""

    def __init__(
        self, vendor: str, own: Path | None = None, overlay: Path | None = None, also: tuple[str, ...] = ()
    ) -> None:
        self.vendor = vendor
        self._also = also
        self._known: dict[str, bool] = {}
        self._own = own
        self._overlay = overlay

    @staticmethod
    @cache
    def of(
        vendor: str, own: Path | None = None, overlay: Path | None = None, also: tuple[str, ...] = ()
    ) -> Tables:
        """The tables of `vendor`: its adapter's `own` folder, then `mappings/`, then the user's `overlay`.

        Before them come those of the vendors `also`, whose words hold for it too.

        Reading them later raises `MappingError` with `file:line` where a table is not what its schema says.
        """
        return Tables(vendor, own, overlay, also)

    def __bool__(self) -> bool:
        """Whether the vendor has any table."""
        return self._is_there

    @cached_property
    def _is_there(self) -> bool:
        return any(folder.is_dir() for folder in self._folders())

    def has(self, kind: str) -> bool:
        """Whether there is a table of that kind: `statuses`, `steps`, `jobs`, `triggers` ..."""
        if kind not in self._known:  # asked for every pipeline, and answered by the disk
            self._known[kind] = any(True for _ in self._paths(kind))
        return self._known[kind]

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that these tables map to."""
        return catalogue(self._overlay)

    @cached_property
    def statuses(self) -> Statuses:
        """Status words."""
        files = self._load("statuses", StatusesFile)
        rows = layered((file.rows for file in files), lambda row: (row.word, row.kinds))
        version = max((file.version for file in files), default=0)
        return Statuses(f"{self.vendor}/statuses@{version}", rows)

    @cached_property
    def steps(self) -> Steps:
        """Actions."""
        rows = self._rows("steps", StepsFile, lambda row: row.call or ("run", row.action))
        known = {row.call: row for row in rows if row.call is not None}
        return Steps(tuple(row.model_copy(update={"steps": self._inlined(row.steps, known)}) for row in rows))

    def _inlined(self, steps: Any, known: Mapping[str, StepRow]) -> tuple[Any, ...]:
        try:
            return inlined(steps, known)
        except ValueError as error:
            remedy = "add a row for what it calls, or take the call out"
            raise MappingError(str(error), where=f"{self.vendor}/steps.yaml", remedy=remedy) from None

    @cached_property
    def triggers(self) -> Names:
        """Words for what starts a build."""
        rows: tuple[TriggerRow, ...] = self._rows(
            "triggers", TriggersFile, lambda row: (row.trigger, row.word)
        )
        return _names((row.trigger, row.word) for row in rows)

    @cached_property
    def runners(self) -> Runners:
        """Labels of runners; theirs are in lower case."""
        rows: tuple[RunnerRow, ...] = self._rows("runners", RunnersFile, lambda row: (row.runner, row.label))
        return Runners(
            {row.runner: row.label for row in rows if not row.pattern},
            {row.label.lower(): row.runner for row in rows if row.read and not row.pattern},
            rows,
        )

    @cached_property
    def shell(self) -> str | None:
        """What reads scripts that name no shell."""
        named = [file.shell for file in self._load("runners", RunnersFile) if file.shell]
        return named[-1] if named else None

    @cached_property
    def words(self) -> tuple[WordRow, ...]:
        """Words in scripts and paths that only this vendor's machines understand."""
        return self._rows("scripts", ScriptsFile, lambda row: row.text)

    def image(self, name: str) -> ImageRow | None:
        """What containers of an image need; nothing for most images."""
        return next((row for row in self._images if fnmatchcase(name, row.image)), None)

    @cached_property
    def _images(self) -> tuple[ImageRow, ...]:
        files = self._load("runners", RunnersFile)
        return layered((file.images for file in files), lambda row: row.image)

    @cached_property
    def schedules(self) -> str | None:
        """Where schedules start builds: on the `default-branch` only, or on `branches` that they name."""
        said = [file.schedules for file in self._load("triggers", TriggersFile) if file.schedules]
        return said[-1] if said else None

    @cached_property
    def spreads(self) -> bool:
        """Whether times of schedules may have `H`, for a number that the vendor chooses."""
        return any(file.spreads for file in self._load("triggers", TriggersFile))

    @cached_property
    def own_zone(self) -> bool:
        """Whether times that name no zone count in that of the vendor's machine."""
        return any(file.own_zone for file in self._load("triggers", TriggersFile))

    @cached_property
    def polls(self) -> bool:
        """Whether pushes are looked for at times that a definition names."""
        return any(file.polls for file in self._load("triggers", TriggersFile))

    @cached_property
    def always(self) -> tuple[str, ...]:
        """What starts builds whatever a definition says."""
        said = [file.always for file in self._load("triggers", TriggersFile) if file.always is not None]
        return said[-1] if said else ()

    @cached_property
    def usual_sizes(self) -> frozenset[str]:
        """Sizes of machines that are no larger than what any vendor hosts."""
        return frozenset(size for file in self._load("runners", RunnersFile) for size in file.usual)

    @cached_property
    def services(self) -> str | None:
        """Where what runs in a container finds the services beside it: `name` or `localhost`."""
        said = [file.services for file in self._load("runners", RunnersFile) if file.services]
        return said[-1] if said else None

    @cached_property
    def elements(self) -> Elements:
        """Elements of definitions that are trees of them."""
        files = self._load("elements", ElementsFile)
        rows = layered((file.rows for file in files), lambda row: (row.place, row.element))
        roots = layered((file.roots for file in files), lambda row: row.root)
        return Elements(
            {(row.place, row.element): row for row in rows},
            {row.root: row for row in roots},
            frozenset(name for file in files for name in file.secrets),
            frozenset(name for file in files for name in file.harmless),
        )

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs and executors of packages."""
        files = self._load("jobs", JobsFile)
        rows = layered((file.rows for file in files), lambda row: row.call)
        executors = layered((file.executors for file in files), lambda row: row.call)
        return Jobs(Calls(map(self._whole, rows)), Calls(executors))

    def _whole(self, row: StageRow) -> StageRow:
        """A job with the steps of the commands that it calls."""
        known = {one.call: one for one in self.steps.rows if one.call is not None}
        steps: Any = row.stage.get("steps", ())
        return row.model_copy(update={"stage": {**row.stage, "steps": list(self._inlined(steps, known))}})

    @cached_property
    def variables(self) -> Variables:
        """Names in expressions."""
        files = self._load("variables", VariablesFile)
        contexts = layered((file.contexts for file in files), lambda row: row.name)
        functions = layered((file.functions for file in files), lambda row: row.name)
        environment = layered((file.environment for file in files), lambda row: row.name or row.variable)
        return Variables(
            tuple((row, parse(row.expression)) for row in contexts),
            _names((row.name, row.word) for row in functions),
            _names((row.name, row.variable) for row in environment if row.name is not None),
            frozenset(name.lower() for file in files for name in file.secrets),
            any(file.ambient for file in files),
            {row.variable: row for row in environment},
            any(file.asked_only for file in files),
            next((file.secret_names for file in reversed(files) if file.secret_names), None),
            frozenset(name for file in files for name in file.late),
            any(file.plain_defaults for file in files),
            next((file.own for file in reversed(files) if file.own is not None), None),
            any(file.parameters for file in files),
            next((file.most_parameters for file in reversed(files) if file.most_parameters), None),
        )

    # Reading files -------------------------------------------------------------------------------------

    def _folders(self) -> Iterator[Traversable]:
        for vendor in self._also:
            yield shipped(vendor)
            if self._overlay is not None:
                yield self._overlay / vendor
        if self._own is not None:
            yield self._own
        yield shipped(self.vendor)
        if self._overlay is not None:
            yield self._overlay / self.vendor

    def _paths(self, kind: str) -> Iterator[Traversable]:
        paths = (folder / f"{kind}.yaml" for folder in self._folders())
        return (path for path in paths if path.is_file())

    def _load(self, kind: str, model: type[File]) -> list[File]:
        return [load(path, model, self.catalogue) for path in self._paths(kind)]

    def _rows(self, kind: str, model: Any, key: Callable[[Any], Hashable]) -> tuple[Any, ...]:
        return layered((file.rows for file in self._load(kind, model)), key)


def _names(pairs: Iterable[tuple[str, str]]) -> Names:
    both = tuple(pairs)
    return Names(dict(both), {theirs: ours for ours, theirs in both})
