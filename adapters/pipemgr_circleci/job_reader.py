"""Jobs in: an entry of a workflow with the job that it names becomes a stage."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Fields, Kept, Node, expand_stage, ignored
from pipemgr.model.definitions import HINTS, Approval, Concurrency, Data, Matrix, Stage, Step

from .calls import CallReader
from .config import Definition, Library
from .echoes import Echo, Echoes
from .executors import KEYS, ExecutorReader, UndecidedError
from .invocations import Invocation, InvocationReader, word
from .parameters import check
from .places import FOLDER, settled
from .step_reader import StepReader
from .texts import Texts
from .words import VENDOR, hints

KNOWN: Final = frozenset(
    {
        *KEYS,
        "circleci_ip_ranges",
        "description",
        "executor",
        "parallelism",
        "parameters",
        "plan_name",
        "retention",
        "steps",
        "type",
        "validation",
    }
)
"""What a job may say (https://circleci.com/docs/reference/configuration-reference/#job-name)."""
WORKLESS: Final = ("no-op", "release", "approval", "lock", "unlock")
"""Types of jobs that have no steps."""


@dataclass
class Draft:
    """A stage but for what depends on other stages."""

    invocation: Invocation
    id: str
    found: dict[str, Any]
    kept: Kept

    def stage(self, **more: Any) -> Stage:
        """The stage."""
        return Stage(id=self.id, vendor=self.kept.said(), **{**self.found, **more})


class JobReader:
    """Reads jobs as workflows use them."""

    def __init__(self, texts: Texts, calls: CallReader, echoes: Echoes, library: Library) -> None:
        self.texts = texts
        self.calls = calls
        self.echoes = echoes
        self.library = library
        self.executors = ExecutorReader(texts)
        self.steps = StepReader(texts, calls)

    def read(self, one: Invocation, ids: InvocationReader) -> list[Draft]:
        """The stages of an entry: one, or several where an axis of its matrix decides where it runs."""
        mark = self.echoes.mark()
        try:
            found = [self._draft(one, one.id, {})]
        except UndecidedError as error:
            self.echoes.forget(mark)
            found = self._split(one, ids, (error.axis,))
        one.stages = [draft.id for draft in found]
        return found

    def _split(self, one: Invocation, ids: InvocationReader, axes: tuple[str, ...]) -> list[Draft]:
        """A stage for each combination of values of some axes."""
        known = one.axes()
        rows: list[dict[str, Node]] = [{}]
        for axis in axes:
            values = known[axis].entries() if axis in known else []
            rows = [{**row, axis: value} for row in rows for value in values]
        mark = self.echoes.mark()
        try:
            found = []
            for row in rows:
                if not _excluded(one, row):
                    words = "-".join(map(word, row.values()))
                    found.append(self._draft(one, ids.cell_id(one, words), row))
        except UndecidedError as error:
            if error.axis in axes or error.axis not in known:
                raise AssertionError("an axis with a value is decided") from error
            self.echoes.forget(mark)
            return self._split(one, ids, (*axes, error.axis))
        one.said["matrix"].finding(
            Fidelity.EQUIVALENT,
            f"matrix of {one.job}",
            f"{', '.join(axes)} decides where the job runs, so each value is a stage of its own",
        )
        return found

    # One stage -----------------------------------------------------------------------------------------

    def _draft(self, one: Invocation, name: str, fixed: dict[str, Node]) -> Draft:
        model = f"stages.{name}"
        kept = Kept(model, VENDOR)
        one.entry.feeds(model)
        draft = Draft(one, name, self._invoked(one, name, kept), kept)
        given = {key: self._axis(one, key) for key in one.axes()} | fixed | one.parameters
        if (matrix := self._matrix(one, model, fixed)) is not None:
            draft.found |= {"matrix": matrix, "fail_fast": False}  # no job of CircleCI's cancels another
        kind = one.said.get("type")
        if kind is not None and kind.text() == "approval":
            draft.found["approval"] = Approval()
            kind.feeds(f"{model}.approval")
        else:
            if kind is not None:
                kept.keep(kind, "type")
            self._work(draft, given, model)
        if fixed and "${{" not in str(draft.found.get("name", "${{")):
            draft.found["name"] += name.removeprefix(one.id)
        if draft.found.get("name") == name:
            del draft.found["name"]
        return draft

    def _axis(self, one: Invocation, name: str) -> Node:
        """The value of a parameter that an axis gives: it is known for each execution only."""
        node = self.echoes.echo(one.axes()[name], None, name, None)
        node.value = f"<< matrix.{name} >>"
        return node

    def _invoked(self, one: Invocation, name: str, kept: Kept) -> dict[str, Any]:
        """What the entry itself says."""
        model = f"stages.{name}"
        found: dict[str, Any] = {}
        if (node := one.said.get("name")) is not None:
            found["name"] = self.texts.text(node.feeds(f"{model}.name"))
        elif one.title is not None:
            found["name"] = one.title
        if (node := one.said.get("context")) is not None:
            found["contexts"] = self.texts.texts(node.feeds(f"{model}.contexts"))
        if (node := one.said.get("serial-group")) is not None:
            found["concurrency"] = Concurrency(
                group=self.texts.text(node.feeds(f"{model}.concurrency.group"))
            )
        if (node := one.said.get("override-with")) is not None:
            kept.keep(node, "override-with")
        if (node := one.said.get("requires")) is not None:
            node.feeds(f"{model}.needs")
        return found

    def _matrix(self, one: Invocation, model: str, fixed: dict[str, Node]) -> Matrix | None:
        node = one.said.get("matrix")
        if node is None:
            return None
        entries = node.feeds(f"{model}.matrix").items()
        if (alias := entries.get("alias")) is not None:
            alias.take().feeds(model)
        axes: dict[str, Any] = {}
        for name, values in one.axes().items():
            values.feeds(f"{model}.matrix.axes.{name}")
            if name not in fixed:
                axes[name] = (
                    tuple(self.texts.data(one) for one in values.entries())
                    if values.kind == "sequence"
                    else self._whole(values)
                )
        if (parameters := entries.get("parameters")) is not None:
            parameters.take().feeds(f"{model}.matrix.axes")
        else:
            node.problem("a matrix needs `parameters`")
        exclude = tuple(self._rows(entries.get("exclude"), fixed))
        return Matrix(axes=axes, exclude=exclude) if axes else None

    def _whole(self, node: Node) -> JsonValue:
        """The values of an axis where a parameter gives them all."""
        text = self.texts.text(node)
        if "${{" in text:
            return text
        node.problem(f"the axis {node.label} needs a list of values")
        return ()  # type: ignore[return-value]

    def _rows(self, node: Node | None, fixed: dict[str, Node]) -> list[Data]:
        """What a matrix leaves out, as far as it concerns a part of it."""
        found: list[Data] = []
        for row in node.entries() if node is not None else ():
            entries = row.items()
            mine = all(
                key not in entries or entries[key].take().value == value.value for key, value in fixed.items()
            )
            data = {key: self.texts.data(one) for key, one in entries.items() if key not in fixed}
            found += [data] if mine and data else []
        return found

    # What is done --------------------------------------------------------------------------------------

    def _work(self, draft: Draft, given: dict[str, Node], model: str) -> None:
        one = draft.invocation
        library = one.entry.library if isinstance(one.entry, Echo) else self.library
        found = library.find("jobs", one.job) if isinstance(library, Library) else None
        if isinstance(found, Definition):
            self._defined(draft, found, given, model)
        elif isinstance(found, str):
            self._package(draft, found, given, model)
        else:
            one.entry.take_all()
            alias = one.job.partition("/")
            remedy = (
                f"import its orb as {alias[0]!r}"
                if alias[1]
                else "define it under `jobs`, or correct its name"
            )
            one.entry.problem(f"there is no job {one.job!r}: {remedy}")

    def _defined(self, draft: Draft, found: Definition, given: dict[str, Node], model: str) -> None:
        one = draft.invocation
        if found.node.kind != "mapping":
            found.node.take_all()
            found.node.problem(f"the job {found.name!r} needs steps and a place to run")
            return
        body = found.library.use(found, given, one.entry, None)
        body.take()
        self._check_axes(one, found)
        executor = self.executors.merge(body)
        fields = Fields(body.feeds(model), model, draft.kept)
        for key in ("parameters", "description"):
            if (node := fields.take(key, "")) is not None:
                node.take_all().feeds(model)
        kind = fields.take("type", f"vendor.{VENDOR}.type")
        workless = kind is not None and kind.text() in WORKLESS
        if kind is not None and kind.text() != "build":
            draft.kept.put(kind.text(), "type")
        if one.whole and (branches := fields.take("branches", "when")) is not None:
            branches.take_all()
        place, first = self.executors.read(fields, executor)
        draft.found |= place
        if (node := fields.take("parallelism", "parallelism")) is not None:
            draft.found["parallelism"] = self.texts.count(node)
        steps = fields.take("steps", "steps")
        folder = str(hints(draft.kept.said()).get("working_directory", FOLDER))
        found_steps = self._steps(one, steps, model, first)
        draft.found["steps"] = tuple(settled(step, folder) for step in found_steps)
        self._check(found, fields, workless=workless, steps=steps, place=place.get("runner") or executor)
        fields.rest()

    @staticmethod
    def _check_axes(one: Invocation, found: Definition) -> None:
        """Each value of each axis must fit the parameter it is for."""
        parameters = found.node.get("parameters")
        declared = parameters.items() if parameters is not None else {}
        for name, values in one.axes().items():
            for value in values.children if isinstance(values.children, list) and name in declared else ():
                check(name, declared[name], value)

    @staticmethod
    def _check(found: Definition, fields: Fields, *, workless: bool, steps: Node | None, place: Any) -> None:
        if steps is None and not workless:
            found.node.problem(f"the job {found.name!r} has no `steps`")
        if not place and not workless:
            found.node.problem(
                f"the job {found.name!r} has no place to run: it needs docker, machine, macos or an executor"
            )
        for key, node in fields.drain():
            if key not in KNOWN:
                near = difflib.get_close_matches(key, KNOWN, 1)
                node.finding(
                    Fidelity.EQUIVALENT,
                    f"{key!r} of the job {found.name!r}",
                    "CircleCI knows no such key and goes on without it; it is kept for CircleCI only",
                    f"write {near[0]!r}, if that is what was meant" if near else "remove it",
                )
                fields.kept.put(node.plain(), HINTS, key)
            else:
                fields.keep(node, key)

    def _steps(self, one: Invocation, steps: Node | None, model: str, first: list[Step]) -> tuple[Step, ...]:
        found = list(first)
        for node in (one.said.get("pre-steps"), steps, one.said.get("post-steps")):
            if node is None:
                continue
            node.take().feeds(f"{model}.steps")
            for item in self.calls.items(node):
                step = self.steps.read(item, f"{model}.steps[{len(found)}]")
                found += [step] if step is not None else []
        return tuple(found)

    def _package(self, draft: Draft, call: str, given: dict[str, Node], model: str) -> None:
        """A job of an orb of the registry: what a row says it is, or kept as it is."""
        one = draft.invocation
        row = self.texts.words.tables.jobs.jobs.get(call)
        inputs: Data = self.steps.given(given, row, f"{model}.steps")
        known = [HINTS] if row else []
        for key, node in one.parameters.items():
            node.take_all().feeds(
                f"{model}.vendor.{VENDOR}.{''.join(f'{word}.' for word in known)}parameters.{key}"
            )
        draft.kept.put(one.job, *known, "job")
        if given:
            draft.kept.put({key: node.plain() for key, node in given.items()}, *known, "parameters")
        for key in ("pre-steps", "post-steps"):
            if key in one.said:
                draft.kept.keep(one.said[key], key)
        if row is None:
            return
        data = expand_stage(row, inputs)
        stage = Stage.model_validate({"id": draft.id, **data})
        draft.found |= {key: getattr(stage, key) for key in stage.model_fields_set if key != "id"}
        if left := ignored(row, inputs):
            one.entry.finding(
                Fidelity.EQUIVALENT,
                f"{one.job} with {', '.join(left)}",
                "CircleCI gets the call as it is; the steps that stand for it elsewhere do without these parameters",
                "compare what they do with what you need",
            )


def _excluded(one: Invocation, row: dict[str, Node]) -> bool:
    """Whether a matrix leaves out all that has these values."""
    exclude = one.said["matrix"].items().get("exclude")
    for entry in exclude.entries() if exclude is not None else ():
        entries = entry.items()
        if entries and all(
            key in row and row[key].value == value.take().value for key, value in entries.items()
        ):
            return True
    return False
