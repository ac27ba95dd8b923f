"""Sources: what a job checks out becomes its first step, and how it does stays for Jenkins."""

from __future__ import annotations

import re
import shlex
from typing import Final

from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step

from .elements import Element
from .rendering import rendered
from .tree import Tree
from .words import VENDOR

NONE: Final = "hudson.scm.NullSCM"
GIT: Final = "hudson.plugins.git.GitSCM"
SEVERAL: Final = "org.jenkinsci.plugins.multiplescms.MultiSCM"
SCM: Final = "scm"
_EXTENSION: Final = "hudson.plugins.git.extensions.impl."
_BRANCH: Final = re.compile(r"(?:\*/|origin/|refs/heads/)?([A-Za-z0-9][\w./*-]*)")
_WHOLE: Final = {"depth": 0, "clean": False, "tags": True}
"""What Jenkins' Git plugin does unless it is told otherwise (https://plugins.jenkins.io/git/)."""


def read_source(element: Element, tree: Tree, path: str) -> Step | None:
    """The step that gets the source; None for a job without any."""
    tree.take(element, path)
    if element.kind == NONE:
        return None
    if element.kind != GIT:
        inputs: Data = {"vendor": VENDOR, "value": rendered(element)}
        if element.kind == SEVERAL:
            inputs["steps"] = [_clone_step(one) for one in element.walk() if one.tag == GIT]
        return Step(action=OPAQUE, inputs=inputs)
    return Step(
        action="checkout", inputs=options(element), vendor={VENDOR: {HINTS: {SCM: rendered(element)}}}
    )


def _clone_step(element: Element) -> Data:
    """What fetches one of several repositories, as a step for other vendors."""
    url = element.find("userRemoteConfigs/hudson.plugins.git.UserRemoteConfig/url")
    names = branches(element) or ()
    branch = ["--branch", names[0]] if len(names) == 1 and "*" not in names[0] else []
    folder = str(options(element).get("path") or ".")
    script = shlex.join(["git", "clone", *branch, "--", url, folder])
    return {"action": "run", "name": f"Fetch {url}", "inputs": {"script": script}}


def options(element: Element) -> Data:
    """What the extensions of the Git plugin say that other vendors can do as well."""
    inputs: Data = {**_WHOLE, **_old(element)}
    extensions = element.child("extensions")
    for one in extensions.children if extensions is not None else ():
        match one.tag.removeprefix(_EXTENSION):
            case "CloneOption":
                inputs |= _clone(one)
            case "CleanBeforeCheckout" | "CleanCheckout" | "WipeWorkspace":
                inputs["clean"] = True
            case "RelativeTargetDirectory":
                inputs["path"] = one.find("relativeTargetDir")
            case "GitLFSPull":
                inputs["lfs"] = True
            case "SubmoduleOption" if one.find("disableSubmodules").lower() != "true":
                recursive = one.find("recursiveSubmodules").lower() == "true"
                inputs["submodules"] = "recursive" if recursive else "true"
    return inputs


def _old(element: Element) -> Data:
    """What fields of the source say, where the Git plugin had no extensions (before 2.0)."""
    found: Data = {}
    if element.find("relativeTargetDir"):
        found["path"] = element.find("relativeTargetDir")
    if "true" in (element.find("clean"), element.find("wipeOutWorkspace")):
        found["clean"] = True
    if element.find("useShallowClone") == "true":
        found["depth"] = 1
    if element.find("recursiveSubmodules") == "true":
        found["submodules"] = "recursive"
    return found


def _clone(option: Element) -> Data:
    found: Data = {}
    if option.find("shallow").lower() == "true":
        depth = option.find("depth")
        found["depth"] = int(depth) if depth.isdecimal() and int(depth[:6]) else 1
    if option.find("noTags").lower() == "true":
        found["tags"] = False
    return found


def branches(element: Element | None) -> tuple[str, ...] | None:
    """The branches that a change must be on to start the job; None for all of them, or those that a variable names."""
    if element is None or element.kind != GIT:
        return None
    said = element.child("branches")
    names = [one.find("name") for one in said.children] if said is not None else []
    found = [match[1] for name in names if (match := _BRANCH.fullmatch(name.strip()))]
    return tuple(found) if names and len(found) == len(names) and "**" not in found else None


def made(inputs: Data, names: tuple[str, ...] | None) -> Element:
    """The element that checks out with the Git plugin."""
    root = Element(SCM, {"class": GIT, "plugin": "git"})

    def field(around: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
        one = Element(tag, attributes, text=text)
        around.children.append(one)
        return one

    field(root, "configVersion", "2")
    remote = field(field(root, "userRemoteConfigs"), "hudson.plugins.git.UserRemoteConfig")
    field(remote, "url", str(inputs.get("repository") or ""))
    chosen = field(root, "branches")
    given = inputs.get("ref")
    for name in (str(given),) if given else names or ("**",):
        spec = name if given or name == "**" or name.startswith("refs/") else f"*/{name}"
        field(field(chosen, "hudson.plugins.git.BranchSpec"), "name", spec)
    field(root, "doGenerateSubmoduleConfigurations", "false")
    field(root, "submoduleCfg", **{"class": "empty-list"})
    extensions = field(root, "extensions")
    extensions.children.extend(_extensions(inputs))
    return root


def _extensions(inputs: Data) -> list[Element]:
    def option(name: str, **said: str) -> Element:
        return Element(_EXTENSION + name, children=[Element(key, text=text) for key, text in said.items()])

    found = []
    depth, tags = inputs.get("depth", 1), inputs.get("tags", False)
    if depth != 0 or not tags:
        shallow = "true" if depth else "false"
        no = "false" if tags else "true"
        found.append(
            option(
                "CloneOption",
                shallow=shallow,
                noTags=no,
                reference="",
                depth=str(depth),
                honorRefspec="false",
            )
        )
    if inputs.get("clean", True):
        found.append(option("CleanBeforeCheckout"))
    if inputs.get("path", ".") != ".":
        found.append(option("RelativeTargetDirectory", relativeTargetDir=str(inputs["path"])))
    if inputs.get("lfs"):
        found.append(option("GitLFSPull"))
    if (modules := str(inputs.get("submodules", "false")).lower()) != "false":
        recursive = "true" if modules == "recursive" else "false"
        found.append(option("SubmoduleOption", disableSubmodules="false", recursiveSubmodules=recursive))
    return found


KNOWN: Final = frozenset(("repository", "ref", "depth", "tags", "clean", "path", "lfs", "submodules"))
"""Inputs of ours that `made` can say."""
