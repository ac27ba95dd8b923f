"""Files out: what a build keeps is archived, and what stages hand on to one another is stashed.

Sources: https://www.jenkins.io/doc/pipeline/steps/core/ (archiveArtifacts) and
https://www.jenkins.io/doc/pipeline/steps/workflow-basic-steps/ (stash, unstash)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Pipeline, Stage, Step

from .call_writer import call, statement
from .graph_writer import closure
from .layout import Block, Item, Statement
from .scope import hints
from .text_writer import Texts

UPLOAD, DOWNLOAD, SAVE, RESTORE = (
    "artifact.upload",
    "artifact.download",
    "workspace.save",
    "workspace.restore",
)
ARTIFACT: Final = "artifact"
"""What an artifact is called that has no name."""
OLD: Final = "archive"
"""What keeps artifacts too, and is still understood."""
META: Final = "ArtifactArchiver"
"""The class behind `archiveArtifacts`, which `step` can name."""
_GLOB: Final = re.compile(r"[*?\[{]")


class Files:
    """Which artifacts other stages fetch, and which files stages hand on."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.after = closure(pipeline.stages)
        self.uploads: dict[str, list[str]] = {}
        """The names of artifacts that each stage keeps."""
        self.saves: dict[str, int] = {}
        """How many times each stage hands files on."""
        self.wanted: set[str] = set()
        self.all_wanted = False
        for stage in pipeline.stages:
            for step in stage.steps:
                self._look(stage, step)

    def _look(self, stage: Stage, step: Step) -> None:
        name = step.inputs.get("name")
        if step.action == UPLOAD:
            self.uploads.setdefault(stage.id, []).append(str(name or ARTIFACT))
        elif step.action == SAVE:
            self.saves[stage.id] = self.saves.get(stage.id, 0) + 1
        elif step.action == DOWNLOAD:
            self.wanted |= {str(name)} if name else set()
            self.all_wanted |= not name

    def is_wanted(self, name: str) -> bool:
        """Whether another stage fetches an artifact."""
        return self.all_wanted or name in self.wanted

    def before(self, stage: str, found: Mapping[str, Any]) -> list[str]:
        """The stages before one that have anything in `found`."""
        return [one for one in found if one in self.after.get(stage, ())]


class FileWriter:
    """Writes what the steps of one stage keep and hand on."""

    def __init__(self, texts: Texts, stage: Stage, files: Files, rows: Any = None) -> None:
        self.texts = texts
        self.stage = stage
        self.files = files
        self.rows = rows
        self._saved = 0

    # Artifacts -------------------------------------------------------------------------------------------

    def upload(self, step: Step, path: str) -> tuple[Item, ...]:
        """What the build keeps; a stash too, where a later stage fetches it."""
        name = str(step.inputs.get("name") or ARTIFACT)
        lines = _lines(step.inputs.get("path"))
        wanted = [one for one in lines if not one.startswith("!")]
        without = [one[1:].strip() for one in lines if one.startswith("!")]
        self._tell(step, name, path)
        found: list[Item] = []
        inside = [one for one in wanted if not _outside(one)]
        for one in wanted:
            if one not in inside:
                why = "Jenkins keeps files below the workspace only"
                remedy = "let a script copy it into the workspace first"
                self.texts.losses.add(Fidelity.DROPPED, f"{path}.inputs.path", f"path {one}", why, remedy)
        if inside:
            found.append(Statement(self._archive(step, inside, without, path)))
        if inside and self.files.is_wanted(name):
            found.append(self._stash(name, inside, without, path))
        return tuple(found)

    def _archive(self, step: Step, wanted: list[str], without: list[str], path: str) -> str:
        given = {"artifacts": self._patterns(wanted, f"{path}.inputs.path")}
        if without:
            given["excludes"] = self._patterns(without, f"{path}.inputs.path")
        if step.inputs.get("if-missing", "warn") != "error":
            given["allowEmptyArchive"] = "true"
        kept = step.vendor.get("jenkins", {})
        given |= {
            key: self.texts.value(one, path) for key, one in kept.items() if key not in ("hints", "catch")
        }
        called = hints(step.vendor).get("call")
        if called == OLD and given.keys() <= {"artifacts", "allowEmptyArchive"}:
            return statement(OLD, given["artifacts"])
        if called == META:
            named = ", ".join(f"{name}: {value}" for name, value in given.items())
            return f"step([$class: '{META}', {named}])"
        return statement("archiveArtifacts", None, given)

    def _tell(self, step: Step, name: str, path: str) -> None:
        if "name" in step.inputs and not self.files.is_wanted(name):
            why = "Jenkins keeps files by their paths, in one place for the whole build"
            self.texts.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.name", f"artifact {name}", why)
        told = {
            "keep-days": "how long builds are kept is an option of the pipeline (buildDiscarder)",
            "compression": "Jenkins decides how files are kept",
            "overwrite": "a file of the same path is always replaced",
            "hidden": "hidden files are always kept",
        }
        for key in told.keys() & step.inputs.keys():
            self.texts.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.{key}", f"input {key}", told[key])

    def _patterns(self, paths: Iterable[str], path: str) -> str:
        """Paths as Ant's patterns; one that may be a folder stands for all in it too."""
        found: list[str] = []
        for one in paths:
            plain = one.removeprefix("./")
            if plain.endswith("/"):
                found.append(f"{plain}**")
            elif plain in (".", ""):
                found.append("**")
            elif _GLOB.search(plain) or "." in plain.rpartition("/")[2] or plain.endswith("}}"):
                found.append(plain)
            else:
                found += [plain, f"{plain}/**"]
        return self.texts.text(", ".join(found), path)

    def _stash(self, name: str, wanted: list[str], without: list[str], path: str) -> Item:
        """A stash of files by their paths below what all of them have in common, as artifacts have them."""
        root = _common(wanted)
        given = {"name": self.texts.text(name, f"{path}.inputs.name")}
        below = [one[len(root) :].lstrip("/") for one in wanted] if root else wanted
        if any(below):
            given["includes"] = self._patterns([one or "." for one in below], f"{path}.inputs.path")
        if without:
            given["excludes"] = self._patterns(
                [one.removeprefix(f"{root}/") for one in without], f"{path}.inputs.path"
            )
        given["allowEmpty"] = "true"
        made = Statement(statement("stash", None, given))
        return Block(call("dir", self.texts.text(root, f"{path}.inputs.path")), (made,)) if root else made

    def download(self, step: Step, path: str) -> tuple[Item, ...]:
        """What earlier stages of the build have kept."""
        name = step.inputs.get("name")
        several = not name
        stages = self.files.before(self.stage.id, self.files.uploads)
        names = [one for stage in stages for one in self.files.uploads[stage]] if several else [str(name)]
        if not names or (not several and not any(str(name) in self.files.uploads[one] for one in stages)):
            why = "no stage before it keeps an artifact of that name"
            remedy = "use copyArtifacts to fetch what another build has kept"
            self.texts.losses.add(Fidelity.DROPPED, path, f"artifact {name or ''}".strip(), why, remedy)
            return ()
        if several and step.inputs.get("pattern"):
            names = [one for one in names if _fits(str(step.inputs["pattern"]), one)]
        merged = step.inputs.get("merge") in (True, "true") or not several
        root = str(step.inputs.get("path") or ".")
        found = []
        for one in names:
            folder = root if merged else one if root == "." else f"{root}/{one}"
            found.append(self._unstash(one, folder, path))
        return tuple(found)

    def _unstash(self, name: str, folder: str, path: str) -> Item:
        made = Statement(statement("unstash", self.texts.text(name, f"{path}.inputs.name")))
        if folder in (".", ""):
            return made
        return Block(call("dir", self.texts.text(folder, f"{path}.inputs.path")), (made,))

    # Files for later stages ------------------------------------------------------------------------------

    def save(self, step: Step, path: str) -> tuple[Item, ...]:
        """Files for later stages, as a stash."""
        self._saved += 1
        wanted = _lines(step.inputs.get("path"))
        root = str(step.inputs.get("root") or ".")
        given = {"name": self.texts.text(self._name(self.stage.id, self._saved), path)}
        given["includes"] = self._patterns(wanted, f"{path}.inputs.path")
        made = Statement(statement("stash", None, given))
        why = "handed on as a stash, which Jenkins keeps until the build has ended"
        self.texts.losses.add(Fidelity.EQUIVALENT, path, "files for later stages", why)
        if root in (".", ""):
            return (made,)
        return (Block(call("dir", self.texts.text(root, f"{path}.inputs.root")), (made,)),)

    def restore(self, step: Step, path: str) -> tuple[Item, ...]:
        """The stashes of all stages before."""
        folder = str(step.inputs.get("path") or ".")
        stages = self.files.before(self.stage.id, self.files.saves)
        names = [self._name(one, at + 1) for one in stages for at in range(self.files.saves[one])]
        why = "fetched from the stashes of earlier stages"
        self.texts.losses.add(Fidelity.EQUIVALENT, path, "files of earlier stages", why)
        return tuple(self._unstash(one, folder, path) for one in names)

    @staticmethod
    def _name(stage: str, number: int) -> str:
        return f"workspace-{stage}" if number == 1 else f"workspace-{stage}-{number}"


def _lines(value: Any) -> list[str]:
    lines = value if isinstance(value, list) else str(value or "").splitlines()
    return [str(one).strip() for one in lines if str(one).strip()]


def _outside(path: str) -> bool:
    """Whether a path surely lies outside of the workspace."""
    return path.startswith(("/", "~", "../")) or path[1:3] in (":\\", ":/")


def _common(paths: list[str]) -> str:
    """The folder that all paths lie in; empty where it is the workspace itself."""
    folders = []
    for path in paths:
        plain = path.removeprefix("./")
        head = _GLOB.split(plain)[0] if _GLOB.search(plain) else plain
        if "${{" in head:
            return ""
        is_file = _GLOB.search(plain) or "." in plain.rpartition("/")[2]
        folders.append((head.rpartition("/")[0] if is_file else head.rstrip("/")).split("/"))
    if not folders:
        return ""
    common = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(one for one in common if one)


def _fits(pattern: str, name: str) -> bool:
    words = "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch(words, name) is not None
