"""Names: what pipelines of GitHub Actions are called, and the way back to repository and workflow."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from pipemgr.adapter import NotFound, Retryable
from pipemgr.model.runs import BuildRef

FOLDER: Final = ".github/workflows/"
"""Where GitHub looks for workflows."""
NUMBERED: Final = "workflow/"
"""Before the id of a workflow whose path nobody tells."""
MOST: Final = 1000
"""More attempts than a run may have: GitHub lets it be re-run 50 times (docs: re-running workflows and jobs)."""
_WITH_REF = re.compile(r"(.+?\.ya?ml)@")


class Name(NamedTuple):
    """The two halves of a pipeline's name, `owner/repository:workflow`."""

    repository: str
    workflow: str

    @property
    def asked(self) -> str | None:
        """How the API is asked for the workflow, if the name tells: by its file or by its id."""
        if self.workflow.startswith(NUMBERED):
            return self.workflow.removeprefix(NUMBERED)
        return self.workflow if "/" not in self.workflow else None


def name_of(repository: str, thing: dict[str, Any], number: str = "workflow_id") -> str:
    """The name of the pipeline of a run (or of a workflow, whose own `number` is `id`).

    A workflow file is named without the folder that all are in, the rest (`dynamic/...`, which GitHub runs for Pages,
    Dependabot and code scanning) by their path. Old servers tell no path: those go by id. The path of a run may end in
    `@ref` (API description, `workflow-run.path`); a workflow is the same on all branches.
    """
    path = str(thing.get("path") or "")
    cut = _WITH_REF.match(path)
    path = cut[1] if cut else path
    return f"{repository}:{path.removeprefix(FOLDER) or f'{NUMBERED}{thing.get(number)}'}"


def parse(pipeline: str) -> Name:
    """The two halves of a name; raises `NotFound` for what is none."""
    repository, colon, workflow = pipeline.partition(":")
    if not (colon and workflow and re.fullmatch(r"[^/\s]+/[^/\s]+", repository)):
        raise NotFound(
            f"{pipeline!r} names no workflow", remedy="write OWNER/REPOSITORY:FILE, such as acme/shop:ci.yml"
        )
    return Name(repository, workflow)


def attempts(repository: str, run: dict[str, Any]) -> list[BuildRef]:
    """Every attempt of a run, the first one first: a re-run keeps the run and counts its attempts.

    Raises `Retryable` for a run that can't be named: its answer is none of GitHub's.
    """
    number, last = run.get("id"), run.get("run_attempt") or 1
    if not isinstance(number, int) or not isinstance(last, int) or not 1 <= last <= MOST:
        raise Retryable(f"GitHub told of run {number!r:.50} of {repository}, attempt {last!r:.50}")
    pipeline = name_of(repository, run)
    return [BuildRef(pipeline=pipeline, build=str(number), attempt=one) for one in range(1, last + 1)]


def run_path(ref: BuildRef, rest: str = "") -> str:
    """The API's path of a run; raises `NotFound` for what can't be one, so that no name leads elsewhere."""
    if not ref.build.isdecimal():
        raise NotFound(f"{ref.build!r} is no run of GitHub Actions: their ids are numbers")
    return f"/repos/{parse(ref.pipeline).repository}/actions/runs/{ref.build}{rest}"
