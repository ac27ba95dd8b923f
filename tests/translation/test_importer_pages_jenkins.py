"""GitHub's own mapping pages for Jenkins as cases: what we make of each fragment of a Jenkinsfile, beside the page's.

Fragments of jobs' XML are cases of the other language. Where ours is not the page's the reason is given.
"""

# ruff: noqa: T201 - the figures are printed
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single

pytestmark = pytest.mark.corpus

FOLDER = "pairs/gh-actions-importer-docs"
STAGE = re.compile(r"\s*stage\s*\(")


@dataclass(frozen=True)
class Case:
    """What our workflow says, and why it is not what the page's says."""

    says: tuple[str, ...]
    why: str = ""


def case(*says: str, why: str = "") -> Case:
    return Case(says, why)


CASES: dict[str, Case] = {
    "CopyArtifact#1": case(why="artifacts of another job: the page leaves names to fill in, ours a finding"),
    "Credentials#1": case("${{ secrets.", "INPUT_MESSAGE", why="the page forgets the password in the message"),
    "DeleteDir#0": case("find . -mindepth 1 -delete", why="the page removes the folder itself as well, which fails"),
    "Dir#0": case("run: ant clear build", "working-directory: doc/config"),
    "Docker#1": case("image: myregistry.com/maven:3-alpine", "-v /tmp:/tmp", why="the page leaves the registry, volumes and the label out"),
    "GHPushTrigger#1": case("push", why="the page builds main only; Jenkins builds what the job names"),
    "HtmlPublisher#1": case("name: HTML Report", "path: my/html/path/**/*.html"),
    "JUnit#1": case("report_paths: test-results.xml", why="Jenkins skips it after a failure, and so does ours; the page does not"),
    "NUnit#0": case("TestResult.xml", why="the page's action reads JUnit's format only"),
    "Powershell#1": case('run: echo "Hello World"', "shell: powershell", "name: test-label", "foreach ($item in $items)"),
    "SCMTrigger#1": case("push", why="polling is for pushes: the page builds every four hours instead"),
    "SecretBuildWrapper#1": case("color: blue"),
    "Shell#1": case('run: echo "hello world"'),
    "Slack#0": case("slackapi/slack-github-action", "#general", "Hello World!!", why="ours is Slack's own action"),
    "ThrottleConcurrent#1": case("sleep 100", why="categories span jobs; ours tells of them"),
    "Timeout#0": case("timeout-minutes: 60"),
    "Timeout#1": case("timeout-minutes: 3", "Hello World!"),
    "Unstash#0": case("actions/download-artifact", "MyStashedFiles", why="ours unpacks the files where they were"),
    "VirtualEnvBuilder#1": case("actions/setup-python", "run: python setup.py install", "$GITHUB_PATH"),
}  # fmt: skip
NO_FILE = {
    "DeleteDir#1": "the same input as the page's first one",
    "DeployToContainer#0": "no Jenkinsfile: the plugin's data",
    "Maven#1": "its braces don't match",
    "Post#0": "dots in place of steps",
    "Post#1": "dots in place of steps",
}


def pages(corpus: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((corpus / FOLDER).glob("jenkins__*.pairs.json")):
        for at, pair in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            if not code(pair).startswith("<"):
                yield f"{file.name.removeprefix('jenkins__').removesuffix('.pairs.json')}#{at}", pair


def code(pair: dict[str, Any]) -> str:
    return str(pair["input"]["code"] if isinstance(pair["input"], dict) else pair["input"]).strip()


def jenkinsfile(code: str) -> str:
    """The page's fragment as a whole Jenkinsfile; of several examples for one section the first."""
    if code.startswith("pipeline"):
        return code
    code = re.sub(
        r"\n//.*?\n(?=steps).*",
        "",
        code.removeprefix("// Deletes current directory recursively.\n"),
        flags=re.DOTALL,
    )
    stages = "stages { stage('x') { steps { echo 'x' } } }"
    if STAGE.match(code):
        return f"pipeline {{\nagent any\nstages {{\n{code}\n}}\n}}\n"
    if code.startswith(("agent", "options", "triggers", "environment")):
        agent = "" if code.startswith("agent") else "agent any\n"
        return f"pipeline {{\n{agent}{code}\n{stages}\n}}\n"
    steps = code if code.startswith("steps") else f"steps {{\n{code}\n}}"
    return f"pipeline {{\nagent any\nstages {{ stage('x') {{\n{steps}\n}} }}\n}}\n"


def test_what_the_pages_say_of_jenkinsfiles(corpus: Path) -> None:
    registry = Registry()
    jenkins, github = registry.dialect("jenkins"), registry.dialect("github-actions")
    seen = dict(pages(corpus))
    assert seen.keys() == CASES.keys() | NO_FILE.keys()
    equal = sum(not one.why for one in CASES.values())
    for name, wanted in CASES.items():
        found = convert(single("Jenkinsfile", jenkinsfile(code(seen[name]))), jenkins, github)
        text = found.documents.documents[0].text if found.documents else ""
        assert isinstance(yaml.safe_load(text), dict), name
        assert all(one in text for one in wanted.says), (name, wanted.says, text)
    print(
        f"{len(CASES)} fragments of Jenkinsfiles: {equal} as the page has it, {len(CASES) - equal} with a reason"
    )
