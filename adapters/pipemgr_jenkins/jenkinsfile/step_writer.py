"""Steps out: actions of the catalogue become Jenkins' steps, in the blocks that say where and when they are executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Document, Fidelity, ParseError, StepRow, to_vendor
from pipemgr.model.definitions import OPAQUE, Data, Step, seconds
from pipemgr_jenkins.groovy.quoting import quoted

from .binding_writer import bindings
from .call_writer import call, statement
from .checkout_writer import CheckoutWriter
from .file_writer import FileWriter
from .hand_writer import Handing
from .layout import Block, Item, Statement
from .rules import check
from .run_writer import RunWriter
from .scope import VENDOR, hints, own
from .text_writer import Texts, secrets_in
from .tree import grow

RUN: Final = "run"
SCRIPT: Final = "script"
SETUP: Final = "setup."
QUIET: Final = "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE')"
"""What a step is in that may fail: the build goes on and counts as successful."""
UNITS: Final = ((86400, "DAYS"), (3600, "HOURS"), (60, "MINUTES"), (1, "SECONDS"))
_LETTERS: Final = {"d": "DAYS", "h": "HOURS", "m": "MINUTES", "s": "SECONDS"}
_OF_STEP: Final = ("catch",)
"""What Jenkins alone knows of a step that is no argument of its call."""


@dataclass(frozen=True)
class Piece:
    """Statements, and the heads of the blocks around them, outermost first; neighbours share equal ones."""

    items: tuple[Item, ...]
    heads: tuple[str, ...] = ()
    alone: frozenset[str] = frozenset()
    """Heads that no neighbour shares: limits of time, and what catches failures."""


class StepWriter:
    """Writes the steps of one stage."""

    def __init__(self, texts: Texts, runs: RunWriter, files: FileWriter, handing: Handing) -> None:
        self.texts = texts
        self.handing = handing
        self.losses = texts.losses
        self.runs = runs
        self.special: dict[str, Callable[[Step, str], tuple[Item, ...]]] = {
            "cache": self._cache,
            "cache.restore": self._cache,
            "cache.save": self._cache,
            "checkout": CheckoutWriter(texts).write,
            "artifact.upload": files.upload,
            "artifact.download": files.download,
            "workspace.save": files.save,
            "workspace.restore": files.restore,
        }

    def write(self, steps: Iterable[tuple[Step, str]]) -> tuple[Item, ...]:
        """The statements for steps, each with its path."""
        return nested([one for step, path in steps for one in self.pieces(step, path)])

    def pieces(self, step: Step, path: str) -> list[Piece]:
        """What one step becomes."""
        if step.id is not None and step.id not in self.handing.asked:
            why = "steps of Jenkins have no ids"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}.id", f"id {step.id}", why)
        step = self.handing.given(step)
        items, secrets, shared = self._action(step, path)
        step = self._with_inputs(step)
        if not items:
            return []
        heads: list[str] = [str(one) for one in _listed(hints(step.vendor).get("within"))]
        if step.when is not None:
            heads += [SCRIPT, f"if ({self.texts.condition(step.when, f'{path}.when')})"]
        alone = [*self._caught(step, path), *self._limits(step, path)]
        inner = self._directory(step, path)
        given = bindings(step.variables, self.texts, f"{path}.variables", secrets)
        if not shared and SCRIPT not in heads:
            heads = [*heads, SCRIPT]
        piece = Piece(items, (*heads, *alone, *given, *inner), frozenset(alone))
        before = self.handing.before(step, self.texts, path)
        after = self.handing.after(step, self.texts, path)
        outer = heads if SCRIPT in heads else [*heads, SCRIPT]
        ends = [Piece(after, tuple(outer))] if after else []
        return [*([Piece(before, tuple(heads))] if before else []), piece, *ends]

    # What a step does --------------------------------------------------------------------------------------

    def _action(self, step: Step, path: str) -> tuple[tuple[Item, ...], tuple[str, ...], bool]:
        """The statements, secrets that they refer to, and whether they may stand among steps."""
        if step.action == OPAQUE:
            return self._opaque(step, path)
        if step.action == RUN:
            run = self.runs.write(step, path)
            return (Statement(run.text),), run.secrets, True
        if step.action in self.special:
            return self._titled(step, self.special[step.action](step, path), path), _secrets(step), True
        return self._by_row(step, path)

    def _opaque(self, step: Step, path: str) -> tuple[tuple[Item, ...], tuple[str, ...], bool]:
        value, vendor = step.inputs.get("value"), step.inputs.get("vendor")
        if vendor == VENDOR and isinstance(value, str):
            return (Statement(value),), (), _may_stand(value)
        why = f"only {vendor} understands it"
        self.losses.add(Fidelity.DROPPED, path, "an opaque step", why, "write what it does as a script")
        return (), (), True

    def _with_inputs(self, step: Step) -> Step:
        """A step whose script, by a row, finds its inputs in the environment."""
        row = self.texts.words.tables.steps.write(step.action)
        if row is None or row.run is None:
            return step
        given = {
            f"INPUT_{key.upper().replace('-', '_')}": _plain(value) for key, value in step.inputs.items()
        }
        return step.model_copy(update={"variables": {**given, **step.variables}})

    def _by_row(self, step: Step, path: str) -> tuple[tuple[Item, ...], tuple[str, ...], bool]:
        tables = self.texts.words.tables.steps
        before = hints(step.vendor).get("call")
        known = tables.read(before) if isinstance(before, str) else None
        row = known if known is not None and known.action == step.action else tables.write(step.action)
        if row is None:
            self._tell_unknown(step, path)
            return (), (), True
        if row.note:
            self.losses.add(Fidelity.EQUIVALENT, path, f"action {step.action}", row.note)
        if row.run is not None:
            run = self.runs.write(self._scripted(step, row), path)
            return (Statement(run.text),), run.secrets, True
        return self._titled(step, (Statement(self._call(step, row, path)),), path), _secrets(step), True

    def _tell_unknown(self, step: Step, path: str) -> None:
        if step.action.startswith(SETUP):
            why = "machines of Jenkins have the tools that somebody has installed there"
            remedy = "install it on the agents, take a container that has it, or name it in `tools`"
            self.losses.add(Fidelity.MANUAL, path, f"action {step.action}", why, remedy)
            return
        why, remedy = (
            "no row of the tables says how Jenkins does it",
            "map it with a row, or write what it does as a script",
        )
        self.losses.add(Fidelity.DROPPED, path, f"action {step.action}", why, remedy)

    def _cache(self, step: Step, path: str) -> tuple[Item, ...]:
        """Nothing: what stays on a machine is all that Jenkins keeps from build to build."""
        why = "Jenkins keeps nothing from build to build but what stays on a machine: it may take longer"
        remedy = "use the step cache of the plugin Job Cacher around the steps"
        self.losses.add(Fidelity.APPROXIMATE, path, f"action {step.action}", why, remedy)
        return ()

    def _scripted(self, step: Step, row: StepRow) -> Step:
        """A step as the script of a row that does the same."""
        known = self.texts.words.tables.catalogue.actions.get(step.action)
        name = step.name or (known.description.rstrip(".") if known else step.action)
        inputs: Data = {"script": row.run, **({"shell": row.shell} if row.shell else {})}
        return step.model_copy(update={"inputs": inputs, "name": name, "vendor": {}, "action": RUN})

    def _titled(self, step: Step, items: tuple[Item, ...], path: str) -> tuple[Item, ...]:
        """Statements below a comment with the step's name."""
        if not step.name or not items:
            return items
        self.losses.add(Fidelity.EQUIVALENT, f"{path}.name", f"name {step.name}", "it is a comment now")
        words = " ".join(step.name.split()).replace(
            "\\u", "\\ u"
        )  # Groovy reads \\u000a as the end of a line
        return (Statement(f"// {words}"), *items)

    def _call(self, step: Step, row: StepRow, path: str) -> str:
        """A step by a row: each input by the name that Jenkins has for it."""
        known = self.texts.words.tables.catalogue.actions.get(step.action)
        defaults = {name: one.default for name, one in known.inputs.items()} if known else {}
        given: dict[str, JsonValue] = {}
        implied = {name: defaults.get(name) for name in row.implied}
        for ours, value in {**implied, **step.inputs}.items():
            theirs = row.input(ours)
            if ours in row.implied and value == row.implied[ours]:
                continue
            if theirs is None:
                if value != defaults.get(ours):
                    why = f"Jenkins' step {row.call} has nothing like it"
                    self.losses.add(
                        Fidelity.DROPPED, f"{path}.inputs.{ours}", f"input {ours} of {step.action}", why
                    )
                continue
            kept, taken = _taken_out(value) if theirs.without and isinstance(value, str) else (value, "")
            if theirs.without and taken:
                given[theirs.without] = to_vendor(taken, theirs.convert)
            words = {_word(word): text for text, word in theirs.values.items()}
            said = words.get(_word(kept))
            given[theirs.name] = _typed(said) if said is not None else to_vendor(kept, theirs.convert)
        given |= {key: value for key, value in row.defaults.items() if key not in given}
        given |= {key: value for key, value in own(step.vendor).items() if key not in _OF_STEP}
        return self._statement(str(row.call), row.main, given, path)

    def _statement(self, name: str, main: str | None, given: Mapping[str, JsonValue], path: str) -> str:
        written = {key: self.texts.value(value, f"{path}.inputs.{key}") for key, value in given.items()}
        if main is not None and list(written) == [main]:
            return statement(name, written[main])
        return statement(name, None, written)

    # What is said around it --------------------------------------------------------------------------------

    def _directory(self, step: Step, path: str) -> tuple[str, ...]:
        folder = step.inputs.get("directory") if step.action == RUN else None
        if not isinstance(folder, str) or folder in ("", "."):
            return ()
        return (call("dir", self.texts.text(folder, f"{path}.inputs.directory")),)

    def _caught(self, step: Step, path: str) -> tuple[str, ...]:
        head = own(step.vendor).get("catch") or hints(step.vendor).get("catch")
        if not step.allow_failure:
            return ()
        if isinstance(head, str):
            return (head,)
        if hints(step.vendor).get("returnStatus"):
            return ()
        if step.allow_failure is not True:
            why = "whether a step may fail is decided before the build here: it always may"
            self.losses.add(Fidelity.APPROXIMATE, f"{path}.allow-failure", str(step.allow_failure), why)
        return (QUIET,)

    def _limits(self, step: Step, path: str) -> tuple[str, ...]:
        found = []
        if step.timeout is not None:
            found.append(limit(step.timeout, self.texts, f"{path}.timeout"))
        if step.idle_timeout is not None:
            found.append(limit(step.idle_timeout, self.texts, f"{path}.idle-timeout", activity=True))
        return tuple(found)


def limit(duration: str, texts: Texts, path: str, *, activity: bool = False) -> str:
    """A limit of time: `timeout(time: 5, unit: 'MINUTES')`."""
    length = seconds(duration)
    if length is None:
        body = texts.text(duration[:-1], path)
        time, unit = f"{body}.toInteger()" if body[0] in "'\"" else body, _LETTERS[duration[-1]]
    else:
        whole = max(1, round(length))
        size, unit = next(one for one in UNITS if whole % one[0] == 0)
        time = str(whole // size)
    more = {"activity": "true"} if activity else {}
    return call("timeout", None, {**more, "time": time, "unit": quoted(unit)})


def nested(pieces: Sequence[Piece]) -> tuple[Item, ...]:
    """Pieces in the blocks around them; neighbours with equal blocks stand in one."""
    found: list[Item] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if not piece.heads:
            found += piece.items
            at += 1
            continue
        head = piece.heads[0]
        end = at + 1
        while head not in piece.alone and end < len(pieces) and pieces[end].heads[:1] == (head,):
            end += 1
        inner = [replace(one, heads=one.heads[1:]) for one in pieces[at:end]]
        found.append(Block(head, nested(inner)))
        at = end
    return tuple(found)


def _may_stand(text: str) -> bool:
    """Whether Groovy may stand among the steps of a stage, by Jenkins' own rules; in a `script` any may."""
    around = f"pipeline {{ agent any\n stages {{ stage('s') {{ steps {{\n{text}\n}} }} }} }}"
    try:
        file = grow(Document(path="step", text=around))
    except ParseError:
        return False
    check(file)
    return not file.root.origin.problems


def _secrets(step: Step) -> tuple[str, ...]:
    """The secrets that a step's inputs refer to."""
    texts = (one for one in step.inputs.values() if isinstance(one, str))
    return tuple(dict.fromkeys(name for text in texts for name in secrets_in(text)))


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _word(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(text: str) -> JsonValue:
    return {"true": True, "false": False}.get(text, text)


def _taken_out(value: str) -> tuple[str, str]:
    """The lines of a text, and those with a leading `!`."""
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    return (
        "\n".join(one for one in lines if not one.startswith("!")),
        "\n".join(one[1:].strip() for one in lines if one.startswith("!")),
    )


def _plain(value: JsonValue) -> str:
    """A value as scripts of rows find it in the environment."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "\n".join(map(str, value))
    return "" if value is None else str(value)
