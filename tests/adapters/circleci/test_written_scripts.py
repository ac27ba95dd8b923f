"""Scripts that are written for what a definition says: what was data there stays data, and is never executed."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
import yaml

from pipemgr.adapter import single
from pipemgr.service.runtime import languages
from pipemgr.translate.convert import convert
from pipemgr_circleci.shell import quoted, word

LANGUAGES = languages()
EVIL = (
    '"; touch PWNED; "',
    "'; touch PWNED; '",
    "$(touch PWNED)",
    "`touch PWNED`",
    "a|touch PWNED",
    "a\ntouch PWNED\n",
)
STEPS: dict[str, dict[str, Any]] = {
    "a repository": {"uses": "actions/checkout@v4", "with": {"repository": "o/r@", "path": "p@"}},
    "a ref": {"uses": "actions/checkout@v4", "with": {"ref": "main@"}},
    "a cache": {"uses": "actions/cache@v4", "with": {"path": "p", "key": "${{ hashFiles('**/a@') }}"}},
    "the name of an artifact": {"uses": "actions/upload-artifact@v4", "with": {"name": "n@", "path": "a/*"}},
    "the files of an artifact": {"uses": "actions/upload-artifact@v4", "with": {"name": "n", "path": "a@*"}},
    "the folder of an artifact": {
        "uses": "actions/upload-artifact@v4",
        "with": {"name": "all", "path": "a@"},
    },
    "files left out": {"uses": "actions/upload-artifact@v4", "with": {"name": "n", "path": "a*\n!b@"}},
    "a download": {"uses": "actions/download-artifact@v4", "with": {"name": "n@", "path": "p@"}},
    "downloads": {"uses": "actions/download-artifact@v4", "with": {"pattern": "n@*", "path": "~/p@"}},
    "a condition": {"run": "true", "if": "secrets.X != 'a@' || startsWith(secrets.X, 'b@')"},
    "a file in a condition": {"run": "true", "if": "secrets.X == 'a' || hashFiles('b@') != ''"},
    "a tool": {"uses": "actions/setup-node@v4", "with": {"node-version": "18@"}},
    "a login": {"uses": "docker/login-action@v3", "with": {"registry": "r@", "username": "u@"}},
    "an image": {
        "uses": "docker/build-push-action@v5",
        "with": {"context": "c@", "tags": "t@", "build-args": "A=b@"},
    },
}
"""Steps with `@` where something evil comes."""


def filled(value: Any, evil: str) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, evil) if key != "uses" else one for key, one in value.items()}
    in_expression = "hashFiles(" in value or "secrets." in value
    return value.replace("@", evil.replace("'", "''") if in_expression else evil)


def commands(steps: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for step in steps:
        for key, inner in step.items() if isinstance(step, dict) else ():
            if key == "run":
                found.append(inner if isinstance(inner, dict) else {"command": inner})
            elif key in ("when", "unless"):
                found += commands(inner["steps"])
    return found


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("what", STEPS)
def test_nothing_of_a_definition_is_executed(tmp_path, what, evil):
    download = {"uses": "actions/download-artifact@v4", "with": {"name": "all"}}
    job = {"runs-on": "ubuntu-latest", "steps": [filled(STEPS[what], evil), download]}
    text = yaml.safe_dump({"on": "push", "jobs": {"a": job}})
    made = convert(single("w.yml", text), LANGUAGES.get("github-actions"), LANGUAGES.get("circleci"))
    assert made.documents, made.report.findings
    written = yaml.safe_load(made.documents.documents[0].text)["jobs"]["a"]
    for name in ("git", "docker", "curl", "mise", "sh"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text("#!/bin/bash\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    scripts = commands(written["steps"])
    assert scripts
    for script in scripts:
        given = {**written.get("environment", {}), **script.get("environment", {})}
        outside = {
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "BASH_ENV": os.devnull,
        }
        command = script["command"].replace("/tmp/", f"{tmp_path}/").replace(r"\<<", "<<")
        subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command],
            cwd=tmp_path,
            env={**outside, "CIRCLE_REPOSITORY_URL": "a/b/c", "CIRCLE_PROJECT_USERNAME": "b", **given},
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert not list(tmp_path.rglob("PWNED*"))


@pytest.mark.parametrize("text", [*EVIL, "a b", "~x", "#x", "{a,b}", "a&b", "<a>", "!a", "a\\b"])
def test_a_word_is_itself(tmp_path, text):
    for one in (quoted(text), word(text), word(text, glob=False)):
        done = subprocess.run(
            ["bash", "-c", f"printf %s {one}"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout == text


def test_globs_of_a_word_find_files(tmp_path):
    (tmp_path / "a b.txt").touch()
    done = subprocess.run(
        ["bash", "-c", f"printf %s {word('a ?.*')}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "a b.txt"


def test_what_strangers_choose_is_not_filled_into_a_script():
    step = {"run": "true", "if": "secrets.X == 'a' || contains(github.event.pull_request.title, 'b')"}
    text = yaml.safe_dump({"on": "push", "jobs": {"a": {"runs-on": "ubuntu-latest", "steps": [step]}}})
    made = convert(single("w.yml", text), LANGUAGES.get("github-actions"), LANGUAGES.get("circleci"))
    written = yaml.safe_load(made.documents.documents[0].text)["jobs"]["a"]
    assert "pull_request.title" not in str(commands(written["steps"]))
    assert any("secrets.X" in one.what for one in made.report.findings)


def test_a_cache_is_saved_under_the_key_it_was_looked_for_by():
    step = {"uses": "actions/cache@v4", "with": {"path": "p", "key": "k-${{ hashFiles('**/a', 'b*') }}"}}
    text = yaml.safe_dump({"on": "push", "jobs": {"a": {"runs-on": "ubuntu-latest", "steps": [step]}}})
    made = convert(single("w.yml", text), LANGUAGES.get("github-actions"), LANGUAGES.get("circleci"))
    steps = yaml.safe_load(made.documents.documents[0].text)["jobs"]["a"]["steps"]
    keys = [one[name]["key"] for one in steps for name in ("restore_cache", "save_cache") if name in one]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_condition_that_never_holds_is_told_of():
    job = {"runs-on": "ubuntu-latest", "if": "failure()", "steps": [{"run": "true"}]}
    text = yaml.safe_dump({"on": "push", "jobs": {"a": job}})
    made = convert(single("w.yml", text), LANGUAGES.get("github-actions"), LANGUAGES.get("circleci"))
    assert any("never executed" in one.why and one.fidelity == "dropped" for one in made.report.findings)
