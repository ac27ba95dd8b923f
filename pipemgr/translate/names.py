"""Names in our own expressions: what can be looked up and called, and what nobody knows or defines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pipemgr.model.definitions import Matrix, Pipeline, Stage
from pipemgr.model.expressions import Call, Expression, Name

from .tree import expressions
from .vocabulary import chain, words


@dataclass(frozen=True)
class Names:
    """The contexts (`matrix`, `build.number`; what lies below them is free) and functions that there are."""

    contexts: Collection[str]
    functions: Collection[str]

    def strange(self, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
        """Every unknown name of the pipeline's expressions: the path it stands at, and what to say of it."""
        for path, expression in expressions(pipeline):
            for kind, name, known in self._unknown(expression):
                near = get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
                yield path, f"unknown {kind} {name!r} in an expression{hint}"

    def _unknown(self, node: Expression) -> Iterator[tuple[str, str, Collection[str]]]:
        if isinstance(node, Call) and node.name not in self.functions:
            yield "function", node.name, self.functions
        root, keys = chain(node)
        if isinstance(root, Name):
            path = words(root, keys)
            if not any(".".join(path[:end]) in self.contexts for end in range(1, len(path) + 1)):
                yield "name", ".".join(path), self.contexts
        for child in keys or root.children():
            yield from self._unknown(child)
        if keys and not isinstance(root, Name):
            yield from self._unknown(root)


# What a pipeline asks for and does not define ------------------------------------------------------------


def undefined(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Every value that an expression asks for and nothing gives: its path, its name and what there is instead.

    Parameters, axes of the matrix, outputs of stages and steps: all that a definition says itself.
    """
    looked_up = [(path, node) for path, one in expressions(pipeline) for node in _outermost(one)]
    if not looked_up:
        return
    stages = {stage.id: stage for stage in pipeline.stages}
    parameters = _parameters(pipeline)
    known: dict[str, Mapping[str, Collection[str] | None]] = {
        name: {"parameters": parameters, **_in_stage(stage)} for name, stage in stages.items()
    }
    for path, node in looked_up:
        stage = stages.get(path.split(".")[1]) if path.startswith("stages.") else None
        there = known[stage.id] if stage else {"parameters": parameters}
        name = words(*chain(node))
        some = there.get(name[0]) if name else None
        if len(name) > 1 and some is not None and name[1].lower() not in map(str.lower, some):
            yield path, ".".join(name[:2]), _instead(name[1], some)
        elif stage is not None and (missing := _output(name, stage, stages)):
            yield path, ".".join(name), missing


def _outermost(node: Expression) -> Iterator[Expression]:
    """Every look-up as a whole: `a.b.c`, not the `a.b` in it too."""
    root, keys = chain(node)
    if keys and isinstance(root, Name):
        yield node
    for child in (*keys, *(() if isinstance(root, Name) else root.children())):
        yield from _outermost(child)


def _parameters(pipeline: Pipeline) -> Collection[str]:
    found = set(pipeline.parameters)
    for trigger in pipeline.triggers:
        own = trigger.options.get("inputs")
        found.update(own if isinstance(own, dict) else ())
    return found


def _in_stage(stage: Stage) -> dict[str, Collection[str] | None]:
    """What the stage's own expressions can ask for; None where only a build knows."""
    return {
        "matrix": _axes(stage.matrix) if stage.matrix else (),
        "needs": stage.needs,
        "steps": {step.id for step in stage.steps if step.id} if stage.steps else None,
    }


def _axes(matrix: Matrix) -> Collection[str] | None:
    if matrix.expression is not None or isinstance(matrix.include, str):
        return None
    return {*matrix.axes, *(key for row in matrix.include for key in row)}


def _output(name: tuple[str, ...], stage: Stage, stages: Mapping[str, Stage]) -> str:
    """What is wrong with `needs.<id>.outputs.<name>`; empty where nothing is."""
    match name:
        case ("needs", need, "outputs", output) if need in stage.needs and (one := stages.get(need)):
            if one.steps and output.lower() not in map(str.lower, one.outputs):
                return _instead(output, one.outputs)
    return ""


def _instead(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there is {', '.join(sorted(known)) or 'none'}"
