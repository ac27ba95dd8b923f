"""The layout: which pipelines a path of the repository belongs to, and which environment a name tells of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

from pipemgr.adapter import shown

from .settings import CONTEXTS, GitOpsSettings

SLOT = "{pipeline}"


class Layout:
    """What the settings say of paths and names."""

    def __init__(self, settings: GitOpsSettings) -> None:
        self.settings = settings
        self.whole = not settings.pipelines and not settings.directories
        self.known: tuple[str, ...] = tuple(settings.pipelines)
        """The pipelines that there are; those of folders are known when they have been seen."""

    def pipelines(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The pipelines that these paths are manifests of, sorted. Reports are no manifests."""
        return tuple(sorted({name for path in paths for name in self._of(path)}))

    def _of(self, path: str) -> Iterator[str]:
        if path.startswith(f"{self.settings.status_path.strip('/')}/"):
            return
        if self.whole:
            yield _last(shown(self.settings.repository)).removesuffix(".git")
        for name, globs in self.settings.pipelines.items():
            if any(_glob(one).fullmatch(path) for one in globs):
                yield name
        folders = PurePosixPath(path).parts[:-1]
        for one in self.settings.directories:
            parts = PurePosixPath(one).parts
            if len(folders) >= len(parts) and all(map(fnmatchcase, folders, parts)):
                yield "/".join(folders[: len(parts)])

    def below(self, folder: str) -> tuple[str, ...]:
        """The pipelines whose manifests lie in a folder."""
        plain = folder.removeprefix("./").strip("/")
        return self.pipelines(
            [f"{plain}/kustomization.yaml" if plain and plain != "." else "kustomization.yaml"]
        )

    def named(self, name: str) -> tuple[str, ...]:
        """The pipelines that a run of this definition is of."""
        return self.known if self.whole else tuple(one for one in self.known if _last(one) == _last(name))

    def told_by_context(
        self, context: str, pipelines: Iterable[str], touched: Iterable[str]
    ) -> Iterator[tuple[str, str]]:
        """The (environment, pipeline) pairs that a commit status or a check of this name is about.

        A glob with `{pipeline}` names the pipeline; any other is about the pipelines that its commit touched.
        """
        if not self.settings.environments:
            found = any(fnmatchcase(context, one) for one in CONTEXTS)
            yield from (("", one) for one in touched if found)
        for name, environment in self.settings.environments.items():
            yield from ((name, one) for one in _matching(environment.contexts, context, pipelines, touched))

    def told_by_deployment(self, deployed: str) -> Iterator[str]:
        """The environments that a deployment is to."""
        if not self.settings.environments:
            yield ""
        for name, environment in self.settings.environments.items():
            if any(fnmatchcase(deployed, one) for one in environment.deployments or (name,)):
                yield name

    def told_by_resource(self, namespace: str, name: str, pipeline: str) -> Iterator[str]:
        """The environments that a resource of this pipeline is of."""
        if not self.settings.environments:
            yield ""
        for environment, known in self.settings.environments.items():
            for one in known.resources:
                glob = one.replace(SLOT, _last(pipeline))
                if fnmatchcase(f"{namespace}/{name}" if "/" in glob else name, glob):
                    yield environment
                    break


def _matching(
    globs: Iterable[str], text: str, pipelines: Iterable[str], touched: Iterable[str]
) -> Iterator[str]:
    every, here, seen = tuple(pipelines), tuple(touched), set[str]()
    for one in globs:
        for pipeline in every if SLOT in one else here:
            if pipeline not in seen and fnmatchcase(text, one.replace(SLOT, _last(pipeline))):
                seen.add(pipeline)
                yield pipeline


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


@cache
def _glob(text: str) -> re.Pattern[str]:
    """A glob of paths: `*` and `?` stay within a folder, `**` goes through any number of them."""
    words = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(word) or re.escape(word) for word in words), re.DOTALL)
