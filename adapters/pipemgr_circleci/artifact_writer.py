"""Artifacts out: `store_artifacts`, and workspaces where other jobs need the files.

An artifact is staged in a folder of its name, which is stored, and handed on by the workspace if a job asks for it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, said
from pipemgr.model.definitions import Pipeline, Step

from .cache_writer import lines
from .phrases import Phrases, plain
from .shell import quoted, word

FOLDERS: Final = {"windows": "C:/tmp/artifacts"}
FOLDER: Final = "/tmp/artifacts"  # noqa: S108 - of the machine that the job runs on, which nobody else uses
DEFAULT: Final = "artifact"
"""The name of an artifact that has none."""
_WILD: Final = re.compile(r"[*?\[]")
_OTHERWISE: Final = {
    "keep-days": (Fidelity.APPROXIMATE, "how long artifacts are kept is a setting of the organisation"),
    "compression": (Fidelity.EQUIVALENT, "CircleCI keeps artifacts as they are"),
    "overwrite": (Fidelity.EQUIVALENT, "artifacts belong to a job, so none takes another's place"),
    "hidden": (Fidelity.EQUIVALENT, "CircleCI takes hidden files too"),
}
"""Inputs of an upload that CircleCI has no word for, and what is the case there."""


class Downloads:
    """Which artifacts the jobs of a pipeline ask for."""

    def __init__(self, pipeline: Pipeline) -> None:
        steps = (
            step for stage in pipeline.stages for step in stage.steps if step.action == "artifact.download"
        )
        self.names = [plain(step.inputs.get("name")) for step in steps]

    def __contains__(self, name: str) -> bool:
        """Whether a job may ask for it: by its name, by a pattern, by all of them, or by a name made at run time."""
        return any(not wanted or wanted == name or "${{" in wanted or "${{" in name for wanted in self.names)


class ArtifactWriter:
    """Writes the artifacts of one job."""

    def __init__(self, phrases: Phrases, system: str, downloads: Downloads) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self.downloads = downloads
        self.folder = FOLDERS.get(system, FOLDER)
        self.shell = {"shell": "bash.exe -eo pipefail"} if system == "windows" else {}
        self.attached = False

    def upload(self, step: Step, path: str) -> list[JsonValue]:
        """Store files, and hand them on if another job asks for them."""
        self._told(step, path)
        given = plain(step.inputs.get("name"))
        paths = [
            str(self.phrases.field(one, f"{path}.inputs.path")) for one in lines(step.inputs.get("path"))
        ]
        name = str(self.phrases.field(given or DEFAULT, f"{path}.inputs.name"))
        is_shared = (given or DEFAULT) in self.downloads
        title = said({"name": self.phrases.label(step.name, f"{path}.name")})
        if len(paths) == 1 and not _WILD.search(paths[0]) and not is_shared:
            there = said({"destination": name if given else None})
            return [{"store_artifacts": {**title, "path": paths[0], **there}}]
        folder = f"{self.folder}/{name}"
        found: list[JsonValue] = [
            self._script(f"Gather {name}", "\n".join(self._gather(step, paths, folder)))
        ]
        found.append({"store_artifacts": {**title, "path": folder, "destination": name}})
        if is_shared:
            found.append({"persist_to_workspace": {"root": self.folder, "paths": [name]}})
        return found

    def _told(self, step: Step, path: str) -> None:
        for name, (fidelity, why) in _OTHERWISE.items():
            if step.inputs.get(name) not in (None, False):
                what = f"input {name} of artifact.upload"
                self.losses.add(fidelity, f"{path}.inputs.{name}", what, why)

    def _gather(self, step: Step, paths: list[str], folder: str) -> Iterator[str]:
        """The lines that copy files into a folder, below the deepest folder that all are in."""
        taken = [one for one in paths if not one.startswith("!")]
        base = posixpath.commonpath([_parent(one) for one in taken]) if _alike(taken) else ""
        left = [one[1:] for one in paths if one.startswith("!")]
        refused = "".join(f" --exclude={quoted(posixpath.relpath(one, base or '.'))}" for one in left)
        globs = " ".join(word(posixpath.relpath(one, base) if base else one) for one in taken)
        there = word(folder, glob=False)
        yield f"mkdir -p {there}"
        if len(taken) == 1 and not _WILD.search(taken[0]) and not refused:
            one = word(taken[0])
            yield f"if [ -d {one} ]; then cp -R {one}/. {there}; else cp {one} {there}; fi"
            return
        if base:
            yield f"cd {word(base)}"
        yield "shopt -s globstar nullglob" if any("**" in one for one in taken) else "shopt -s nullglob"
        yield f"files=({globs})"
        missing = 'echo "no files found"; exit 1' if step.inputs.get("if-missing") == "error" else "exit 0"
        yield f"if [ ${{#files[@]}} -eq 0 ]; then {missing}; fi"
        yield f'tar{refused} -cf - "${{files[@]}}" | tar -xf - -C {there}'

    def download(self, step: Step, path: str) -> list[JsonValue]:
        """Fetch the files that an earlier job handed on."""
        target = self.phrases.field(plain(step.inputs.get("path")) or ".", f"{path}.inputs.path")
        name = self.phrases.field(step.inputs.get("name"), f"{path}.inputs.name")
        pattern = self.phrases.field(step.inputs.get("pattern"), f"{path}.inputs.pattern") or "*"
        for other in step.inputs.keys() - {"name", "path", "pattern", "merge"}:
            why = "a workspace has the files of this pipeline's own jobs only"
            self.losses.add(
                Fidelity.DROPPED, f"{path}.inputs.{other}", f"input {other} of artifact.download", why
            )
        there = word(str(target), glob=False)
        if name:
            copy = f"cp -R {word(f'{self.folder}/{name}/.', glob=False)} {there}"
        elif step.inputs.get("merge") is True:
            copy = f'for folder in {word(f"{self.folder}/{pattern}")}/; do cp -R "$folder." {there}; done'
        else:
            copy = f"cp -R {word(f'{self.folder}/{pattern}')} {there}"
        title = self.phrases.label(step.name, f"{path}.name") or f"Fetch {name or 'artifacts'}"
        script = self._script(str(title), f"mkdir -p {there}\n{_tilde(copy)}")
        before: list[JsonValue] = [] if self.attached else [{"attach_workspace": {"at": self.folder}}]
        self.attached = True
        return [*before, script]

    def _script(self, name: str, command: str) -> JsonValue:
        return {"run": {"name": name, **self.shell, "command": _tilde(command)}}


def _parent(path: str) -> str:
    """The folder that the files of a glob are all in."""
    fixed = _WILD.split(path)[0]
    return posixpath.dirname(fixed) or "."


def _alike(paths: list[str]) -> bool:
    """Whether all are relative, without templates and home folders, so that one folder can hold them all."""
    return not any(one.startswith(("/", "~")) or "<<" in one or "$" in one for one in paths)


def _tilde(command: str) -> str:
    """A command whose quotes keep no home folder from being found."""
    return command.replace('"~/', '~/"')
