"""Checkouts out: `checkout scm`, and `scmGit` where a definition wants another commit, folder or repository.

Source: https://www.jenkins.io/doc/pipeline/steps/params/scmgit/
"""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Step
from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import call, statement
from .layout import Item, Statement
from .scope import own
from .text_writer import Texts, secret_of

PLAIN: Final = frozenset({"clean", "depth", "filter", "keep-credentials", "tags", "token"})
"""Inputs that change nothing of the files that a checkout gives: Jenkins' project says how it fetches."""
_HOST: Final = "https://github.com"


class CheckoutWriter:
    """Writes checkouts."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def write(self, step: Step, path: str) -> tuple[Item, ...]:
        """The step that fetches source code."""
        tell_plain(step, self.texts, path)
        if is_plain(step):
            return (Statement("checkout scm"),)
        inputs: dict[str, Any] = dict(step.inputs)
        ref, repository = inputs.get("ref"), inputs.get("repository")
        scm = {
            "branches": f"[[name: {self._text(ref, path, 'ref')}]]" if ref else self._branches(repository),
            "extensions": self._extensions(inputs, path),
            "userRemoteConfigs": self._remote(inputs, path) if repository else "scm.userRemoteConfigs",
        }
        for name in inputs.keys() & {"ssh-key"} if not repository else ():
            why = "the project's own credentials fetch its repository"
            self.texts.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.{name}", f"input {name}", why)
        return (Statement(statement("checkout", call("scmGit", None, scm))),)

    def _branches(self, repository: object) -> str:
        return "[[name: '*/main']]" if repository else "scm.branches"

    def _text(self, value: Any, path: str, key: str) -> str:
        return self.texts.value(str(value), f"{path}.inputs.{key}")

    def _extensions(self, inputs: dict[str, Any], path: str) -> str:
        found = []
        depth = inputs.get("depth")
        if isinstance(depth, int) and depth > 0:
            found.append(call("cloneOption", None, {"shallow": "true", "depth": str(depth)}))
        if inputs.get("path") not in (None, "", "."):
            found.append(call("relativeTargetDirectory", self._text(inputs["path"], path, "path")))
        if (submodules := str(inputs.get("submodules", "false")).lower()) != "false":
            recursive = str(submodules == "recursive").lower()
            found.append(
                call("submodule", None, {"parentCredentials": "true", "recursiveSubmodules": recursive})
            )
        if inputs.get("lfs") in (True, "true"):
            found.append("lfs()")
        if sparse := str(inputs.get("sparse") or ""):
            folders = ", ".join(
                f"[path: {quoted(one.strip())}]" for one in sparse.splitlines() if one.strip()
            )
            found.append(call("sparseCheckout", None, {"sparseCheckoutPaths": f"[{folders}]"}))
        return f"[{', '.join(found)}]"

    def _remote(self, inputs: dict[str, Any], path: str) -> str:
        repository = str(inputs["repository"])
        url = repository if ":" in repository else f"{_HOST}/{repository}.git"
        given = {"url": self._text(url, path, "repository")}
        for key in ("ssh-key", "token"):
            value = inputs.get(key)
            if isinstance(value, str) and (name := secret_of(value)) is not None:
                given["credentialsId"] = quoted(name.partition(":")[0])
                why = "Jenkins fetches by a credential of its own kind"
                remedy = "create the credential with that id: a user name with the token, or an SSH key"
                self.texts.losses.add(
                    Fidelity.MANUAL, f"{path}.inputs.{key}", f"credential {name}", why, remedy
                )
        return f"[[{', '.join(f'{name}: {value}' for name, value in given.items())}]]"


def is_plain(step: Step) -> bool:
    """Whether a step only fetches what is being built, into the folder of the stage."""
    said = {name for name, value in step.inputs.items() if value not in (None, "", "false", False)}
    if step.inputs.get("path") == ".":
        said.discard("path")
    return step.action == "checkout" and said <= PLAIN and not own(step.vendor)


def tell_plain(step: Step, texts: Texts, path: str) -> None:
    """Say of inputs that a project decides on Jenkins."""
    for name in sorted(step.inputs.keys() & (PLAIN - {"depth", "clean"})):
        why = "the Jenkins project says how source code is fetched, and with which credentials"
        remedy = "look at the behaviours of the project's Git source" if name in ("filter", "tags") else ""
        texts.losses.add(
            Fidelity.EQUIVALENT, f"{path}.inputs.{name}", f"input {name} of checkout", why, remedy
        )
    for name in ("clean", "depth") if is_plain(step) else ():
        if not step.inputs.get(name):
            continue
        why = "the Jenkins project says how much history is fetched, and whether the folder is cleaned"
        texts.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.{name}", f"input {name} of checkout", why)
