"""Auditing: what a move to another language would keep and lose, over every definition below a folder."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pipemgr.errors import DefinitionError, LanguageFault, MappingError, PipemgrError
from pipemgr.model.base import Value
from pipemgr.model.definitions import HINTS, OPAQUE, Pipeline, Stage, Step
from pipemgr.translate.convert import Conversion, convert, failed
from pipemgr.translate.document import DocumentSet
from pipemgr.translate.expanding import first_word, step_name
from pipemgr.translate.markdown import Size, code, escaped, fitting, table, tasks
from pipemgr.translate.report import RANK, Accounting, Fidelity, Finding, Outcome, Task

from .languages import Languages
from .translation import documents, save, write_text

SKIPPED: Final = frozenset({".git", "node_modules", ".venv", ".tox", "__pycache__"})
"""Folders whose content is somebody else's."""
TOP: Final = 20
MOST: Final = 10_000
"""Different things that are counted of each kind; of more, the rarest are forgotten."""
PLACES: Final = 20
"""Places of one task that are kept."""
_WORST: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}
_CALLED: Final = re.compile(r"<?([^\s<>(){}=,;@]+)")
"""The name of what is called, where a vendor's own words begin: without a version, arguments, or the brackets of XML."""
_LOST: Final = RANK[Fidelity.EQUIVALENT]


class Ranked(Value):
    """Something, and how often it was met."""

    name: str
    count: int


class Reason(Value):
    """Why something is not kept exactly enough, and how often."""

    fidelity: Fidelity
    what: str
    why: str
    count: int


class FileAudit(Value):
    """What would become of one file."""

    path: str
    language: str
    outcome: Outcome
    accounting: Accounting = Accounting()
    problems: tuple[tuple[str, str], ...] = ()
    """Where it can't be read, and why."""


class Audit(Value):
    """What would become of all files of a tree."""

    place: str
    target: str
    files: tuple[FileAudit, ...] = ()
    outcomes: dict[Outcome, int]
    accounting: Accounting = Accounting()
    known: tuple[Ranked, ...] = ()
    """Actions that the catalogue has, by use."""
    unknown: tuple[Ranked, ...] = ()
    """Calls of vendors' own things that no row of a table knows, by use."""
    tasks: tuple[Task, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def failures(self) -> tuple[FileAudit, ...]:
        """The files that can't be read."""
        return tuple(one for one in self.files if one.outcome is Outcome.FAILED)

    def to_json(self) -> str:
        """The audit for machines."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)

    def to_markdown(self) -> str:
        """The audit for people."""
        return _markdown(self)


@dataclass(frozen=True)
class Found:
    """A definition file: where it is, how it is called in the audit, and its language."""

    path: Path
    name: str
    language: str


def find(root: Path, languages: Languages) -> Iterator[Found]:
    """Every file below `root` that lies where a vendor keeps its definitions, in any folder of it."""
    patterns = languages.places()
    for folder, below, names in os.walk(root):
        below[:] = sorted(one for one in below if one not in SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            inside = PurePosixPath(path.relative_to(root).as_posix())
            for language, several in patterns.items():
                if any(_lies(inside, pattern) for pattern in several):
                    yield Found(path, str(inside), language)
                    break


def _lies(path: PurePosixPath, pattern: str) -> bool:
    """Whether a file lies where a pattern says, below the root or the root of a repository within it."""
    return len(path.parts) >= pattern.count("/") + 1 and path.match(pattern)


class Auditor:
    """Converts one file after the other, and remembers what they come to.

    Raises `UnknownAdapter`, or what the import of the target's adapter raises.
    """

    def __init__(self, languages: Languages, target: str, output: Path | None = None) -> None:
        self.languages = languages
        self.target = target
        self._wanted = languages.get(target)
        self.output = output
        self.files: list[FileAudit] = []
        self._known: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str, str]] = Counter()
        self._tasks: dict[tuple[str, str, str], tuple[Task, dict[str, None]]] = {}

    def add(self, found: Found) -> FileAudit:
        """Convert a file and count what became of it; nothing that is wrong with it stops the others."""
        try:
            made = self._convert(found)
        except MappingError:  # the mistake is in a table, and would be told of every file
            raise
        except (
            PipemgrError
        ) as error:  # an adapter that can't be imported: files of other languages can be read
            return self._unread(found, error)
        report = made.report
        self._count(made.pipeline)
        self._reasons.update(
            (one.fidelity.value, one.what, one.why)
            for one in report.findings
            if RANK[one.fidelity] > _LOST and one.fidelity is not Fidelity.MANUAL
            if report.outcome is not Outcome.FAILED
        )
        self._trim()
        self._merge(report.tasks)
        failed_at = report.findings if report.outcome is Outcome.FAILED else ()
        one = FileAudit(
            path=found.name,
            language=found.language,
            outcome=report.outcome,
            accounting=report.accounting,
            problems=tuple((finding.source, _message(finding)) for finding in failed_at),
        )
        self.files.append(one)
        if self.output is not None:
            self._save(made, self.output / found.name)
        return one

    def _unread(self, found: Found, error: PipemgrError) -> FileAudit:
        said = f"{error.message}; {error.remedy}" if error.remedy else error.message
        one = FileAudit(
            path=found.name,
            language=found.language,
            outcome=Outcome.FAILED,
            problems=((f"{found.name}:1:1", said),),
        )
        self.files.append(one)
        return one

    def result(self, place: str) -> Audit:
        """What the files come to."""
        outcomes = Counter(one.outcome for one in self.files)
        sums = Counter[str]()
        for one in self.files:
            sums.update(one.accounting.model_dump())
        return Audit(
            place=place,
            target=self.target,
            files=tuple(self.files),
            outcomes={outcome: outcomes[outcome] for outcome in Outcome},
            accounting=Accounting(**sums),
            known=_ranked(self._known),
            unknown=_ranked(self._unknown),
            tasks=tuple(
                sorted(
                    (task.model_copy(update={"places": tuple(at)}) for task, at in self._tasks.values()),
                    key=lambda one: (not one.kind, one.kind, -len(one.places), one.what),
                )
            ),
            reasons=tuple(
                Reason(fidelity=Fidelity(fidelity), what=what, why=why, count=count)
                for (fidelity, what, why), count in self._reasons.most_common(TOP)
            ),
        )

    def _convert(self, found: Found) -> Conversion:
        ways = self.languages.get(found.language), self._wanted
        try:
            read = documents(str(found.path), ways[0]).documents
            first = read[0].model_copy(update={"path": found.name})
            return convert(DocumentSet(documents=(first, *read[1:])), *ways)
        except DefinitionError as error:
            return failed(error, found.name, *ways)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other files are audited
            said = LanguageFault(
                f"{type(error).__name__}: {error}",
                where=found.name,
                remedy="report it, with the file; the other files are not affected",
            )
            return failed(said, found.name, *ways)

    def _count(self, pipeline: Pipeline | None) -> None:
        for stage in pipeline.stages if pipeline else ():
            for step in stage.steps:
                (self._unknown if _is_unknown(step) else self._known)[_call(step)] += 1
            self._unknown.update(_called(stage))

    def _trim(self) -> None:
        for counter in (self._known, self._unknown, self._reasons):
            if len(counter) > MOST:
                for rare, _ in counter.most_common()[MOST // 2 :]:
                    del counter[rare]

    def _merge(self, several: tuple[Task, ...]) -> None:
        for task in several:
            _, places = self._tasks.setdefault((task.kind, task.what, task.remedy), (task, {}))
            places.update(dict.fromkeys(task.places[: max(0, PLACES - len(places))]))

    def _save(self, made: Conversion, folder: Path) -> None:
        save(made, folder)
        write_text(folder / "report.json", made.report.to_json() + "\n")
        write_text(folder / "report.md", made.report.to_markdown())


def _message(finding: Finding) -> str:
    return f"{finding.why}; {finding.remedy}" if finding.remedy else finding.why


def _is_unknown(step: Step) -> bool:
    return step.action == OPAQUE and not isinstance(step.inputs.get("steps"), list)


def _call(step: Step) -> str:
    """What a step calls, without its version and what it is given."""
    return _name(step_name(step)) or step.action


def _name(words: str) -> str:
    """The name of what is called, at the beginning of a vendor's own words."""
    found = _CALLED.match(words)
    return found[1] if found else words


def _called(stage: Stage) -> Iterator[str]:
    """What a stage without steps calls in its vendor's words: another definition, or a job of a package."""
    for kept in stage.vendor.values() if not stage.steps else ():
        words = (one for key, one in kept.items() if key != HINTS and isinstance(one, str))
        yield from (_name(first_word(one)) for one in list(words)[:1])


def _ranked(counter: Counter[str]) -> tuple[Ranked, ...]:
    order = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Ranked(name=name, count=count) for name, count in order)


# For people --------------------------------------------------------------------------------------------


def _markdown(audit: Audit) -> str:
    return fitting(lambda size: _blocks(audit, size))


def _blocks(audit: Audit, size: Size) -> Iterator[str]:
    yield f"# Audit of {escaped(audit.place)}: to {escaped(audit.target)}"
    yield _outcomes(audit)
    yield from _failed(audit, size)
    yield from tasks(audit.tasks, size)
    yield from _ranks("Steps that no table knows", audit.unknown)
    yield from _ranks("Steps that are known", audit.known)
    yield from _reasons(audit)
    yield from _files(audit, size)


def _outcomes(audit: Audit) -> str:
    counts = audit.accounting
    files = table(("files", "number"), [[k.value, str(n)] for k, n in audit.outcomes.items()], right=1)
    nodes = [
        [one.value, str(getattr(counts, one)), share(getattr(counts, one), counts.nodes)] for one in Fidelity
    ]
    return f"{files}\n\n{table(('kept', 'nodes', 'share'), nodes, right=2)}"


def share(count: int, total: int) -> str:
    """A part of all, for people."""
    return f"{100 * count / total:.1f} %" if total else "-"


def _failed(audit: Audit, size: Size) -> Iterator[str]:
    problems = [pair for one in audit.failures for pair in one.problems]
    if problems:
        lines = [f"- {code(where)}: {escaped(what)}" for where, what in problems[: size.rows]]
        lines += [f"- and {len(problems) - size.rows} more"] * (len(problems) > size.rows)
        yield f"## Not readable ({len(audit.failures)})\n\n" + "\n".join(lines)


def _ranks(title: str, several: tuple[Ranked, ...]) -> Iterator[str]:
    if several:
        rows = [[code(one.name), str(one.count)] for one in several[:TOP]]
        yield f"## {title} ({len(several)})\n\n{table(('step', 'uses'), rows, right=1)}"


def _reasons(audit: Audit) -> Iterator[str]:
    if audit.reasons:
        rows = [
            [one.fidelity.value, escaped(one.what), escaped(one.why), str(one.count)] for one in audit.reasons
        ]
        yield f"## What is lost most often\n\n{table(('kept', 'what', 'why', 'times'), rows, right=1)}"


def _files(audit: Audit, size: Size) -> Iterator[str]:
    worst = sorted(audit.files, key=lambda one: (-_WORST[one.outcome], one.path))
    rows = [
        [code(one.path), escaped(one.language), one.outcome.value, str(one.accounting.nodes)]
        for one in worst[: size.rows]
    ]
    if rows:
        shown = table(("file", "language", "outcome", "nodes"), rows, right=1)
        title = f"{len(rows)} of {len(worst)} files" if len(rows) < len(worst) else f"All {len(rows)} files"
        yield f"<details>\n<summary>{title}</summary>\n\n{shown}\n\n</details>"
