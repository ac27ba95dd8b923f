"""Checkouts out: `checkout`, and the git commands for what it does not do.

Source: https://circleci.com/docs/reference/configuration-reference/#checkout
"""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Step

from .phrases import Phrases, plain

_BUILT: Final = ("commit", "ref", "branch", "pull_request.commit", "pull_request.source", "tag")
"""What is checked out anyway."""
_OTHERWISE: Final = {
    "depth": (
        Fidelity.EQUIVALENT,
        "CircleCI fetches the history of all commits, and files as they are needed",
    ),
    "clean": (Fidelity.EQUIVALENT, "a job of CircleCI begins in an empty folder"),
    "filter": (
        Fidelity.EQUIVALENT,
        "CircleCI fetches the history of all commits, and files as they are needed",
    ),
    "sparse": (Fidelity.EQUIVALENT, "CircleCI checks out all folders"),
    "token": (Fidelity.EQUIVALENT, "CircleCI fetches with the project's own key"),
    "keep-credentials": (
        Fidelity.APPROXIMATE,
        "the key that CircleCI fetches with stays usable during the job",
    ),
    "ssh-key": (Fidelity.MANUAL, "CircleCI fetches with the project's own key, or one of its settings"),
}
"""Inputs that CircleCI has no word for, and what is the case there."""
_REMEDIES: Final = {"ssh-key": "add the key to the project's SSH keys"}
_HOST: Final = '"${CIRCLE_REPOSITORY_URL%"$CIRCLE_PROJECT_USERNAME"/*}'
"""The beginning of the address of every repository at the same host; its quote is still open."""


class CheckoutWriter:
    """Writes checkouts."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.losses = phrases.losses

    def write(self, step: Step, path: str) -> list[JsonValue]:
        """The steps that put the source code where it belongs."""
        self._told(step, path)
        folder = step.inputs.get("path")
        repository = plain(step.inputs.get("repository"))
        if repository and "repository.name" not in repository:
            found = [self._clone(repository, plain(folder), path)]
            folder = folder or repository.rpartition("/")[2]
        else:
            where = self.phrases.field(folder, f"{path}.inputs.path")
            found = [{"checkout": {"path": where}} if where else "checkout"]
        return [*found, *self._more(step, plain(folder), path)]

    def _told(self, step: Step, path: str) -> None:
        for name, (fidelity, why) in _OTHERWISE.items():
            given = step.inputs.get(name)
            usual = given == 0 if name == "depth" else given in (None, "", [], name != "keep-credentials")
            if not usual:
                what, remedy = f"input {name} of checkout", _REMEDIES.get(name, "")
                place = f"{path}.inputs.{name}" if name in step.inputs else f"{path}.inputs"
                self.losses.add(fidelity, place, what, why, remedy)

    def _clone(self, repository: str, folder: str, path: str) -> JsonValue:
        why = "CircleCI's checkout knows the project's own repository only: another one is cloned by git"
        remedy = "give the job a key that may read it: add_ssh_keys"
        self.losses.add(Fidelity.MANUAL, f"{path}.inputs.repository", f"repository {repository}", why, remedy)
        name = self.phrases.assigned(repository, f"{path}.inputs.repository")[1:-1]
        into = f" {self.phrases.assigned(folder, f'{path}.inputs.path')}" if folder else ""
        return {"run": {"name": f"Check out {name}", "command": f'git clone {_HOST}{name}.git"{into}'}}

    def _more(self, step: Step, folder: str, path: str) -> list[JsonValue]:
        """The commands for what comes beside the checkout."""
        commands: list[str] = []
        ref = plain(step.inputs.get("ref"))
        if ref and not self._is_built(ref):
            name = self.phrases.assigned(ref, f"{path}.inputs.ref")
            commands += [f"git fetch --force origin {name}", "git checkout --force FETCH_HEAD"]
        submodules = plain(step.inputs.get("submodules"))
        if submodules in ("true", "recursive"):
            commands += [
                "git submodule sync",
                "git submodule update --init" + " --recursive" * (submodules != "true"),
            ]
        commands += ["git lfs pull"] * bool(step.inputs.get("lfs"))
        commands += ["git fetch --tags --force"] * bool(step.inputs.get("tags"))
        where = {"working_directory": self.phrases.field(folder, f"{path}.inputs.path")} if folder else {}
        if not commands:
            return []
        return [
            {"run": {**where, "command": "\n".join(commands)} if where or len(commands) > 1 else commands[0]}
        ]

    def _is_built(self, ref: str) -> bool:
        parts = self.phrases.parts(ref)
        return len(parts) == 1 and str(parts[0]) in _BUILT and not isinstance(parts[0], str)
