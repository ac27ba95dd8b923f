"""Checkouts in: `checkout scm`, and the Git plugin's repositories, branches and extensions.

Sources: https://www.jenkins.io/doc/pipeline/steps/params/scmgit/ and https://www.jenkins.io/doc/pipeline/steps/git/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipemgr.model.definitions import Data
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

from .scope import Scope
from .texts import text

CHECKOUT: Final = "checkout"
SCM: Final = "scm"
"""What the job itself is configured with: the repository and the commit of the build."""
CLASS: Final = "$class"
HISTORY: Final[Data] = {"depth": 0}
"""What the Git plugin does unless it is told else: the history of all commits is there."""
_GITHUB: Final = re.compile(r"(?:https://|git@|ssh://git@)github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_BRANCH: Final = re.compile(r"(?:\*/|refs/heads/|refs/remotes/origin/|origin/)(?=[^*]+$)")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_]\w*)\}")
"""The plugin itself puts in environment variables."""
_OLD_DEFAULT: Final = "master"
"""The branch of the step `git` where it names none."""
_FULL: Final = {
    "CleanBeforeCheckout": "cleanBeforeCheckout",
    "CleanCheckout": "cleanAfterCheckout",
    "CloneOption": "cloneOption",
    "GitLFSPull": "lfs",
    "LocalBranch": "localBranch",
    "RelativeTargetDirectory": "relativeTargetDirectory",
    "SparseCheckoutPaths": "sparseCheckout",
    "SubmoduleOption": "submodule",
    "WipeWorkspace": "wipeWorkspace",
}
"""Extensions by their classes, and the words that newer definitions say for them."""
_FRESH: Final = frozenset({"cleanBeforeCheckout", "cleanAfterCheckout", "wipeWorkspace"})


@dataclass
class Checkout:
    """What a checkout is told in our words, and what it is told besides."""

    inputs: Data = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    exact: bool = True
    """Whether the inputs say all of it, so that the same is written again."""


def read(call: syntax.Call, scope: Scope) -> Checkout | None:
    """What a call fetches; None where it is no repository of Git's."""
    if call.name == "git":
        return _git(_arguments(call, "url", scope))
    if call.name != CHECKOUT:
        return None
    given = _arguments(call, SCM, scope)
    scm = given.get(SCM, given if CLASS in given else None)
    if scm == _Code(SCM):
        found = Checkout()
    elif isinstance(scm, dict) and str(scm.get(CLASS)).rpartition(".")[2] in ("GitSCM", "scmGit"):
        found = _repository(scm, scope)
    else:
        return None
    found.inputs = {**HISTORY, **found.inputs}
    found.lost += [name for name in ("changelog", "poll") if name in given]
    found.exact = found.exact and not found.lost
    return found


def _git(given: Mapping[str, Any]) -> Checkout:
    found = Checkout(exact=False)
    _remote({"url": given.get("url"), "credentialsId": given.get("credentialsId")}, found)
    found.inputs = {**HISTORY, **found.inputs, "ref": _word(given.get("branch", _OLD_DEFAULT))}
    return found


def _repository(scm: Mapping[str, Any], scope: Scope) -> Checkout:
    found = Checkout()
    _branches(scm.get("branches"), found, scope)
    remotes = scm.get("userRemoteConfigs")
    if isinstance(remotes, list) and len(remotes) == 1 and isinstance(remotes[0], dict):
        _remote(remotes[0], found)
    elif remotes is not None and remotes != _Code("scm.userRemoteConfigs"):
        found.lost.append("userRemoteConfigs")
    for one in _listed(scm.get("extensions"), found):
        _extension(one, found)
    known = {CLASS, "branches", "userRemoteConfigs", "extensions"}
    empty: tuple[Any, ...] = ([], False, None)
    found.lost += [key for key, value in scm.items() if key not in known and value not in empty]
    found.exact = found.exact and not found.lost
    return found


def _branches(branches: Any, found: Checkout, scope: Scope) -> None:
    match branches:
        case [dict() as only]:
            name = _BRANCH.sub("", _word(only.get("name", "")), count=1)
            found.inputs["ref"] = _VARIABLE.sub(lambda one: untemplate((scope.variable(one[1]),)), name)
            found.exact = found.exact and found.inputs["ref"] == name
        case _Code("scm.branches") | None:
            return
        case _:
            found.lost.append("branches")


def _remote(remote: Mapping[str, Any], found: Checkout) -> None:
    url = _word(remote.get("url") or "")
    match = _GITHUB.fullmatch(url)
    found.inputs["repository"] = match[1] if match else url
    by_key = url.startswith(("git@", "ssh:"))
    found.exact = found.exact and not (match and by_key)
    if (credential := remote.get("credentialsId")) is not None:
        secret = untemplate((Access(Name("secrets"), Literal(_word(credential))),))
        found.inputs["ssh-key" if by_key else "token"] = secret
    found.lost += [key for key in remote if key not in (CLASS, "url", "credentialsId")]


def _listed(extensions: Any, found: Checkout) -> Iterator[Mapping[str, Any]]:
    """The extensions; those of the job itself stay as they are."""
    if extensions is None or extensions == _Code("scm.extensions"):
        return
    if not isinstance(extensions, list):
        found.lost.append("extensions")
        return
    for one in extensions:
        if isinstance(one, dict):
            yield one
        elif one == _Code("scm.extensions"):
            found.exact = False
        else:
            found.lost.append("extensions")


def _extension(one: Mapping[str, Any], found: Checkout) -> None:
    kind = str(one.get(CLASS)).rpartition(".")[2]
    kind = _FULL.get(kind, kind)
    inputs = found.inputs
    main = one.get("")
    match kind:
        case "cloneOption":
            inputs["depth"] = int(one.get("depth") or 1) if one.get("shallow") is True else 0
            _rest(kind, one, ("shallow", "depth"), found)
        case "lfs":
            inputs["lfs"] = True
        case "relativeTargetDirectory":
            inputs["path"] = _word(one.get("relativeTargetDir", main))
        case "sparseCheckout":
            paths = one.get("sparseCheckoutPaths") or []
            inputs["sparse"] = "\n".join(
                _word(entry.get("path", "")) for entry in paths if isinstance(entry, dict)
            )
        case "submodule" if one.get("disableSubmodules") is not True:
            inputs["submodules"] = "recursive" if one.get("recursiveSubmodules") is True else "true"
            _rest(kind, one, ("recursiveSubmodules", "parentCredentials"), found)
        case _ if kind in _FRESH:
            inputs["clean"] = True
            found.exact = False
        case _:
            found.lost.append(kind)


def _rest(kind: str, one: Mapping[str, Any], known: Iterable[str], found: Checkout) -> None:
    """Options of an extension that have no input; false and empty ones change nothing."""
    more = [
        key for key, value in one.items() if key not in (CLASS, *known) and value not in (False, "", None)
    ]
    found.lost += [f"{key} of {kind}" for key in more]


# Values ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Code:
    """Groovy that is no value known here."""

    text: str


def _arguments(call: syntax.Call, main: str, scope: Scope) -> dict[str, Any]:
    """The arguments of a call by name; a map alone is named ones, and the positional one is called `main`."""
    found: dict[str, Any] = {}
    for one in call.plain:
        value = _value(one.value, scope)
        if one.key is None and isinstance(value, dict) and CLASS not in value:
            found |= value
        else:
            found[one.key or main] = value
    return found


def _value(part: Part, scope: Scope) -> Any:
    match part:
        case syntax.Constant(value=value):
            return value
        case syntax.Text():
            return text(part, scope)
        case syntax.Items(items=items):
            return [_value(one, scope) for one in items]
        case syntax.Entries(entries=entries):
            return {str(getattr(one.key, "value", "")): _value(one.value, scope) for one in entries}
        case syntax.Call(target=None, name=name):
            return {CLASS: name, **_arguments(part, "", scope)}
        case syntax.Operation(operator="+", operands=(left, right)):
            return [*_several(_value(left, scope)), *_several(_value(right, scope))]
    return _Code(scope.script.text(part))


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _word(value: Any) -> str:
    match value:
        case _Code(source):
            return f"${{{{ opaque('jenkins', '{source.replace(chr(39), chr(39) * 2)}') }}}}"
        case None:
            return ""
    return str(value)
