"""Local actions: what a step that uses a composite action of its own repository does, in neutral steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Document, Fidelity, Node, ParseError, StepRow, Vocabulary, compose, expand
from pipemgr.model.definitions import Data, Step
from pipemgr.model.expressions import Expression, parse

from .texts import Texts
from .words import Words

NAMES: Final = ("action.yml", "action.yaml")
DEEPEST: Final = 10
"""Composite actions in composite actions (docs.github.com, "Creating a composite action")."""
PLACE: Final = "github.action_path"
VARIABLE: Final = "GITHUB_ACTION_PATH"

ReadSteps = Callable[[list[Node], "LocalActions", Vocabulary], tuple[Step, ...]]


class ActionVocabulary(Vocabulary):
    """Names inside of an action: its inputs are not the workflow's."""

    @cached_property
    def _ours(self) -> dict[tuple[str, ...], Expression]:
        inner: dict[tuple[str, ...], Expression] = {
            ("inputs",): parse("inputs"),
            ("github", "action_path"): parse(f"inputs['{PLACE}']"),
        }
        return {**super()._ours, **inner}


class LocalActions:
    """The composite actions among the documents that came along with a workflow, by their paths in the repository."""

    def __init__(self, documents: Mapping[str, Document], words: Words, depth: int = 0) -> None:
        self.documents = documents
        self.words = words
        self.depth = depth
        self._rows: dict[str, StepRow | str | None] = {}

    def steps(self, uses: Node, given: Mapping[str, JsonValue], read: ReadSteps) -> list[Data] | None:
        """What a step with this `uses` does, with the inputs filled in; None where nobody knows.

        An action that can't be read, and inputs that it does not have, are told at the step.
        """
        path = next((path for path in paths(str(uses.value)) if path in self.documents), None)
        if path is None or self.depth >= DEEPEST:
            return None
        if path not in self._rows:
            self._rows[path] = self._row(self.documents[path], read)
        row = self._rows[path]
        if isinstance(row, str):
            uses.finding(
                Fidelity.EQUIVALENT, f"the action in {path}", f"kept as a call: {row}", "mend the action"
            )
        if not isinstance(row, StepRow):
            return None
        for name in given.keys() - row.defaults.keys():
            near = get_close_matches(name, row.defaults, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "take it out"
            uses.finding(
                Fidelity.EQUIVALENT, f"input {name}", f"{path} has no such input, so it has no effect", remedy
            )
        return expand(row, given)

    def _row(self, document: Document, read: ReadSteps) -> StepRow | str | None:
        """The action as a row of a table; what is wrong with it, or None for an action without steps."""
        try:
            root = compose(document.text, document.path)
        except ParseError as error:
            return error.message
        runs = root.get("runs") if root.kind == "mapping" else None
        below = runs.get("steps") if runs is not None and runs.kind == "mapping" else None
        if below is None or below.kind != "sequence":
            return None
        inputs = root.get("inputs")
        names = self.words.vocabulary
        inner = ActionVocabulary(names.vendor, names.title, self.words.variables, self.words.triggers)
        deeper = LocalActions(self.documents, self.words, self.depth + 1)
        steps = read(below.entries(), deeper, inner)
        if root.origin.problems:
            return "{0[0]}: {0[1]}".format(root.origin.problems[0])
        folder = PurePosixPath(document.path).parent.as_posix()
        defaults = {name: _default(one, inner) for name, one in (inputs.items() if inputs else {}).items()}
        defaults[PLACE] = "${{ workspace }}" + ("" if folder == "." else f"/{folder}")
        return StepRow(call=document.path, steps=tuple(map(_placed, steps)), defaults=defaults)


def _placed(step: Step) -> Data:
    """The step as data, with the action's folder in the environment where its script asks for it."""
    if VARIABLE in str(step.inputs.get("script", "")):
        place = {VARIABLE: f"${{{{ inputs['{PLACE}'] }}}}"}
        step = step.model_copy(update={"variables": {**step.variables, **place}})
    return step.data()


def _default(node: Node, names: Vocabulary) -> JsonValue:
    """The default of an input, which is a text whatever it looks like."""
    below = node.get("default") if node.kind == "mapping" else None
    return Texts(names).text(below) if below is not None else ""


def paths(uses: str) -> Iterator[str]:
    """Where the file of a local action or workflow may be: also where the repository was checked out into a folder."""
    if not uses.startswith("./"):
        return
    place = PurePosixPath(uses).as_posix()
    hidden = place.find("/.github/") + 1
    for one in dict.fromkeys((place, place[hidden:])):
        if one.endswith((".yml", ".yaml")):
            yield one
        else:
            yield from ((PurePosixPath(one) / name).as_posix() for name in NAMES)


def wanted(root: Node) -> Iterator[str]:
    """The files of local actions and workflows that a workflow or an action uses."""
    todo = [root]
    while todo:
        node = todo.pop()
        children = node.children
        if isinstance(children, dict):
            if (uses := children.get("uses")) is not None and isinstance(uses.value, str):
                yield from paths(uses.value)
            todo += children.values()
        elif isinstance(children, list):
            todo += children
