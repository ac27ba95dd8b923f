"""Secrets: names that a target takes, and parts of secrets where its secrets are texts and nothing more.

A secret may have parts: `id:username`, `id:password`, `id:userpass` (both, with a colon between them), `id:file` and
`id:key` (where a file with it lies), `id:passphrase`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from itertools import count as count_from
from typing import Final

from pipemgr.mapping.variables import SecretNames
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Call, Expression, ExpressionError, Literal, Name, transform
from pipemgr.model.templates import template, untemplate

from .base import Dialect
from .joining import CHECKOUT
from .origins import Moved
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import expressions

_SECRETS: Final = Name("secrets")
_BOTH: Final = ":userpass"
_FILES: Final = (":file", ":key")
_SCRIPT: Final = """\
umask 077
mkdir -p "$(dirname "$SECRET_FILE")"
printf '%s\\n' "$SECRET" > "$SECRET_FILE"
"""


@dataclass(frozen=True)
class Kept:
    """The pipeline with secrets as the target keeps them, what was told, and where its steps stood."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    moved: Moved = field(default_factory=Moved)


def rule(target: Dialect) -> SecretNames | None:
    """What secrets may be called there; None for anything."""
    return target.tables.variables.secret_names if target.tables is not None else None


def kept(pipeline: Pipeline, target: Dialect) -> Kept:
    """The pipeline with secrets that have names which the target takes, and files made of those that are files."""
    known = rule(target)
    names = asked(pipeline)
    if known is None or not any(new_name(name, known) != name for name in names if not _given(name, target)):
        return Kept(pipeline)
    return _Keeping(pipeline, target, known, names).kept()


def asked(pipeline: Pipeline) -> tuple[str, ...]:
    """The names of all secrets that the pipeline asks for."""
    nodes = (node for _, expression in expressions(pipeline) for node in expression.walk())
    return tuple(dict.fromkeys(name for node in nodes if (name := _name(node)) is not None))


def _name(node: Expression) -> str | None:
    match node:
        case Access(target, Literal(str(name))) if target == _SECRETS:
            return name
    return None


def _given(name: str, target: Dialect) -> bool:
    """Whether every build has a secret there, so that its name stays what it is."""
    return target.tables is not None and name.lower() in target.tables.variables.secrets


def new_name(name: str, known: SecretNames) -> str:
    """What a secret is called where names are restricted: as it is, where that will do."""
    if re.fullmatch(known.pattern, name) and not name.upper().startswith(known.reserved or "\n"):
        return name
    word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper() or "SECRET"
    return word if not word[0].isdigit() and not word.startswith(known.reserved or "\n") else f"SECRET_{word}"


def created(name: str, known: SecretNames | None) -> tuple[str, ...]:
    """What to create in place of a secret: both parts where it stands for two."""
    if known is None:
        return (name,)
    whole = name.removesuffix(_BOTH)
    parts = (f"{whole}:username", f"{whole}:password") if whole != name else (name,)
    return tuple(new_name(one, known) for one in parts)


class _Keeping:
    def __init__(
        self, pipeline: Pipeline, target: Dialect, known: SecretNames, names: tuple[str, ...]
    ) -> None:
        self.pipeline = pipeline
        self.target = target
        self.known = known
        self.names = names
        self.findings: list[Finding] = []
        self.places: dict[str, tuple[str, ...]] = {}

    @cached_property
    def new(self) -> Mapping[str, str]:
        """What each secret is called now, no two alike; those that keep their names come first."""
        every = [part for name in self.names for part in _parts(name)]
        found = {
            name: name for name in every if _given(name, self.target) or new_name(name, self.known) == name
        }
        for name in sorted(set(every) - found.keys()):
            taken = {one.upper() for one in found.values()}
            found[name] = _free(new_name(name, self.known), taken)
        return found

    def kept(self) -> Kept:
        stages = tuple(self._stage(stage) for stage in self._inherited().stages)
        changed = rewritten(
            self.pipeline.model_copy(update={"stages": stages}), lambda node: transform(node, self._renamed)
        )
        self.findings += [
            _told(path, name, self._says(name))
            for path, name in _first(self.pipeline)
            if self.new.get(name) != name
        ]
        return Kept(_texts(changed), tuple(self.findings), Moved(self.places))

    def _says(self, name: str) -> str:
        if name.endswith(_BOTH):
            two = " and ".join(self.new[part] for part in _parts(name))
            return f"{self.target.title} keeps single texts: it is made of the secrets {two}"
        new = self.new[name]
        if name.endswith(_FILES):
            return f"{self.target.title} keeps texts only: a step writes the secret {new} to a file first"
        return f"{self.target.title} does not take such a name: it is {new} there"

    def _renamed(self, node: Expression) -> Expression:
        name = _name(node)
        if name is None:
            return node
        if name.endswith(_BOTH):
            user, password = (Access(_SECRETS, Literal(self.new[part])) for part in _parts(name))
            return Call("format", (Literal("{0}:{1}"), user, password))
        return Access(_SECRETS, Literal(self.new.get(name, name)))

    # Files --------------------------------------------------------------------------------------------------

    def _inherited(self) -> Pipeline:
        """The pipeline whose variables with files are those of its stages: only these have a machine."""
        mine = {key: text for key, text in self.pipeline.variables.items() if _has_file(text)}
        if not mine:
            return self.pipeline
        rest = {key: text for key, text in self.pipeline.variables.items() if key not in mine}
        stages = tuple(
            stage.model_copy(update={"variables": {**mine, **stage.variables}}) if stage.steps else stage
            for stage in self.pipeline.stages
        )
        self.pipeline = self.pipeline.model_copy(update={"variables": rest, "stages": stages})
        return self.pipeline

    def _stage(self, stage: Stage) -> Stage:
        wanted = list(dict.fromkeys(name for name in _asked(stage) if name.endswith(_FILES)))
        if not wanted:
            return stage
        own = {key: text for key, text in stage.variables.items() if _has_file(text)}
        rest = {key: text for key, text in stage.variables.items() if key not in own}
        steps = tuple(
            step.model_copy(update={"variables": {**own, **step.variables}})
            if step.action != CHECKOUT
            else step
            for step in stage.steps
        )
        given = tuple(self._file(name) for name in wanted)
        self.places[stage.id] = (
            *(f"stages.{stage.id}" for _ in given),
            *(f"stages.{stage.id}.steps[{at}]" for at in range(len(steps))),
        )
        plain = stage.model_copy(update={"variables": rest, "steps": steps})
        there = {name: self._path(name) for name in wanted}
        filled = rewritten(plain, lambda node: transform(node, lambda one: _placed(one, there)))
        return filled.model_copy(update={"steps": (*given, *filled.steps)})

    def _path(self, name: str) -> str:
        return f"{self.known.folder}/secrets/{self.new[name].lower()}"

    def _file(self, name: str) -> Step:
        secret = f"${{{{ secrets.{self.new[name]} }}}}"
        return Step(
            action="run",
            name=f"Write {self.new[name]} to a file",
            inputs={"script": _SCRIPT, "shell": "sh"},
            variables={"SECRET": secret, "SECRET_FILE": self._path(name)},
        )


def _free(wish: str, taken: set[str]) -> str:
    """A name that nobody has, in any case."""
    wishes = chain((wish,), (f"{wish}_{count}" for count in count_from(2)))
    return next(one for one in wishes if one not in taken)


def _parts(name: str) -> tuple[str, ...]:
    whole = name.removesuffix(_BOTH)
    return (f"{whole}:username", f"{whole}:password") if whole != name else (name,)


def _asked(stage: Stage) -> tuple[str, ...]:
    return asked(Pipeline(name="x", stages=(stage,)))


def _has_file(text: str) -> bool:
    holder = Pipeline(name="x", build_name=text)
    return any(name.endswith(_FILES) for name in asked(holder))


def _placed(node: Expression, there: Mapping[str, str]) -> Expression:
    """The place of a file, as an expression."""
    path = there.get(_name(node) or "")
    if path is None:
        return node
    pieces = template(path)
    match pieces:
        case (str(text),):
            return Literal(text)
        case (Expression() as folder, str(rest)):
            return Call("format", (Literal(f"{{0}}{rest}"), folder))
    raise ValueError(f"{path!r} is no folder")


def _texts(pipeline: Pipeline) -> Pipeline:
    """The pipeline with `format('{0}:{1}', a, b)` that stands alone in a text as the text that it gives."""

    def change(value: str) -> str:
        try:
            return untemplate(tuple(piece for part in template(value) for piece in _opened(part)))
        except ExpressionError:
            return value

    def texts(values: Mapping[str, str]) -> dict[str, str]:
        return {key: change(one) if "format('{0}" in one else one for key, one in values.items()}

    def stage(one: Stage) -> Stage:
        steps = tuple(step.model_copy(update={"variables": texts(step.variables)}) for step in one.steps)
        return one.model_copy(update={"variables": texts(one.variables), "steps": steps})

    return pipeline.model_copy(
        update={"variables": texts(pipeline.variables), "stages": tuple(map(stage, pipeline.stages))}
    )


def _opened(part: str | Expression) -> tuple[str | Expression, ...]:
    match part:
        case Call("format", (Literal("{0}:{1}"), user, password)):
            return (user, ":", password)
        case Call("format", (Literal(str(text)), folder)) if text.startswith("{0}/secrets/"):
            return (folder, text.removeprefix("{0}"))
    return (part,)


def _first(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Each secret with the first place that asks for it."""
    found: dict[str, str] = {}
    for path, expression in expressions(pipeline):
        for node in expression.walk():
            if (name := _name(node)) is not None:
                found.setdefault(name, path)
    return [(path, name) for name, path in found.items()]


def _told(path: str, name: str, why: str) -> Finding:
    return Finding(
        fidelity=Fidelity.EQUIVALENT, path=path, source="", what=f"secret {name}", why=why, remedy=""
    )
