"""What scripts and jobs hand on: converted configurations, whose scripts are executed as CircleCI does."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import Conversion, convert
from pipemgr.translate.document import single

EXECUTED = Path(__file__).parents[2] / "translation" / "executed"
SHELL = "/bin/bash -eo pipefail"
AGENT = '#!/bin/sh\ntouch "$HALTED"\n'
pytestmark = pytest.mark.skipif(shutil.which("awk") is None, reason="there is no awk")


@dataclass
class Machine:
    """One workflow, executed here: its jobs one after another, each with folders of its own."""

    config: Any
    folder: Path
    marks: dict[str, list[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    printed: str = ""

    def run(self) -> "Machine":
        (workflow,) = self.config["workflows"].values()
        for entry in workflow["jobs"]:
            name, said = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            if not self.failed & {one for one in said.get("requires", []) if isinstance(one, str)}:
                self._job(name)
        return self

    def _job(self, name: str) -> None:
        place = self.folder / name
        (place / "project").mkdir(parents=True)
        self.marks[name] = []
        for step in self._steps(self.config["jobs"][name]["steps"]):
            if (place / "halted").exists():
                return
            self._step(name, place, step)

    def _steps(self, steps: list[Any]) -> Iterator[dict[str, Any]]:
        for step in steps:
            name = next(iter(step))
            if name in self.config.get("commands", {}):
                yield from self._steps(self.config["commands"][name]["steps"])
            elif isinstance(step, dict):
                yield step

    def _step(self, name: str, place: Path, step: dict[str, Any]) -> None:
        ((kind, said),) = step.items()
        said = {"command": said} if kind == "run" and isinstance(said, str) else said
        if name in self.failed and said.get("when") not in ("always", "on_fail"):
            return
        if kind == "persist_to_workspace":
            for path in said["paths"]:
                kept = self.folder / "workspace" / path
                shutil.copytree(self._here(place, said["root"]) + "/" + path, kept, dirs_exist_ok=True)
        elif kind == "attach_workspace" and (self.folder / "workspace").exists():
            shutil.copytree(self.folder / "workspace", self._here(place, said["at"]), dirs_exist_ok=True)
        elif kind == "run" and (name in self.failed) >= (said.get("when") == "on_fail"):
            self._script(name, place, said)

    def _here(self, place: Path, text: str) -> str:
        """A text without what would go beyond the job's own folder."""
        return re.sub(r"(?<![\w.])/tmp/", f"{place}/tmp/", text.replace("\\<<", "<<"))

    def _script(self, name: str, place: Path, said: dict[str, Any]) -> None:
        (place / "tmp").mkdir(exist_ok=True)
        (place / "bin").mkdir(exist_ok=True)
        (place / "bin" / "circleci-agent").write_text(AGENT)
        (place / "bin" / "circleci-agent").chmod(0o755)
        environment = {
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HOME": str(place), "HALTED": str(place / "halted"),
            "BASH_ENV": str(place / "tmp" / ".bash_env"), "CIRCLE_WORKFLOW_JOB_ID": name,
        }  # fmt: skip
        for one in (self.config["jobs"][name], said):
            environment |= {key: str(value) for key, value in one.get("environment", {}).items()}
        done = subprocess.run(
            [*said.get("shell", SHELL).split(), "-c", self._here(place, said["command"])],
            cwd=place / "project", env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        self.printed += done.stdout + done.stderr
        self.marks[name] += [line for line in done.stdout.splitlines() if line.startswith("MARK")]
        if done.returncode:
            self.failed.add(name)


def converted(workflow: str) -> Conversion:
    registry = Registry()
    document = single(".github/workflows/ci.yml", workflow)
    return convert(document, registry.dialect("github-actions"), registry.dialect("circleci"))


def executed(workflow: str, folder: Path) -> Machine:
    (document,) = converted(workflow).documents
    return Machine(yaml.safe_load(document.text), folder).run()


def steps(*scripts: str) -> str:
    job = {
        "runs-on": "ubuntu-latest",
        "steps": [{"id": f"s{at}", "run": one} for at, one in enumerate(scripts)],
    }
    return yaml.safe_dump({"name": "ci", "on": "push", "jobs": {"build": job}})


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("env-files", {"build": ["MARK green"]}),
        ("step-outputs", {"build": ["MARK version 1.2.3", "MARK published"]}),
        ("step-outcomes", {"build": ["MARK failure success"]}),
        ("job-outputs", {"plan": [], "build": ["MARK 4.5.6"], "other": []}),
    ],
)
def test_workflows_print_what_they_print_at_home(
    name: str, marks: dict[str, list[str]], tmp_path: Path
) -> None:
    assert executed((EXECUTED / f"{name}.yml").read_text(), tmp_path).marks == marks


VALUES = [
    "plain",
    "",
    "it's",
    'a "b"',
    "a=b=c",
    "50% %d",
    "$(touch run) `touch run` $HOME",
    "häß 日本",
    "\\n \\",
    "<<x",
    " a  b ",
]


@pytest.mark.parametrize("value", VALUES)
def test_any_value_is_handed_on_as_it_is_and_never_run(value: str, tmp_path: Path) -> None:
    quoted = "'" + value.replace("'", "'\\''") + "'"
    made = executed(
        steps(
            f"printf 'A=%s\\n' {quoted} | tee -a \"$GITHUB_ENV\" >> $GITHUB_OUTPUT",
            'printf "MARK <%s> <%s>\\n" "$A" "${{ steps.s0.outputs.A }}"',
        ),
        tmp_path,
    )
    assert made.marks["build"] == [f"MARK <{value}> <{value}>"]
    assert not list(tmp_path.rglob("run"))


def test_values_of_several_lines_are_handed_on(tmp_path: Path) -> None:
    script = 'printf "A<<END\\none=1\\n\\n  two\\nEND\\nB=2\\n" >> "$GITHUB_ENV"'
    made = executed(steps(script, 'printf "MARK %s.%s\\n" "${A//$\'\\n\'/|}" "$B"'), tmp_path)
    assert made.marks["build"] == ["MARK one=1||  two.2"]


def test_folders_come_first_in_path_and_stay_there(tmp_path: Path) -> None:
    first = 'mkdir -p "a b"; printf "#!/bin/sh\\necho MARK mine\\n" > "a b/ls"; chmod +x "a b/ls"; echo "$PWD/a b" >> $GITHUB_PATH'
    assert executed(steps(first, "ls", "ls"), tmp_path).marks["build"] == ["MARK mine", "MARK mine"]


def test_what_a_failing_script_handed_on_is_there_for_those_after_it(tmp_path: Path) -> None:
    workflow = yaml.safe_load(steps('echo A=1 >> "$GITHUB_ENV"; exit 3', 'echo "MARK $A"'))
    workflow["jobs"]["build"]["steps"][1]["if"] = "always()"
    made = executed(yaml.safe_dump(workflow), tmp_path)
    assert (made.marks["build"], made.failed) == (["MARK 1"], {"build"})


def test_what_a_script_calls_keeps_its_own_variables(tmp_path: Path) -> None:
    made = executed(
        steps('echo A=1 >> "$GITHUB_ENV"', "A=2 bash -c 'echo MARK $A'", "set -u; echo MARK $A"), tmp_path
    )
    assert made.marks["build"] == ["MARK 2", "MARK 1"]


def test_what_is_not_in_the_form_is_told_and_stops_nothing(tmp_path: Path) -> None:
    made = executed(
        steps('printf "nothing\\n1a=2\\nA=1\\nB<<END\\nx\\n" >> "$GITHUB_ENV"', 'echo "MARK $A"'), tmp_path
    )
    assert made.marks["build"] == ["MARK 1"]
    assert "not handed on: nothing" in made.printed
    assert "not handed on: no line END ends B" in made.printed


def test_programs_that_a_script_calls_find_the_file_too(tmp_path: Path) -> None:
    call = "printf 'echo A=1 >> \"$GITHUB_''OUTPUT\"' > call.sh; sh call.sh"
    made = executed(steps(call.replace("''", ""), 'echo "MARK ${{ steps.s0.outputs.A }}"'), tmp_path)
    assert made.marks["build"] == ["MARK 1"]
    workflow = yaml.safe_load(steps("./plan", 'echo "MARK ${{ steps.s0.outputs.A }}"'))
    (document,) = converted(yaml.safe_dump(workflow)).documents
    assert 'export GITHUB_OUTPUT="$BASH_ENV.d/STEP_S0"' in document.text


@pytest.mark.parametrize(
    "script", ["echo ${{ steps.none.outputs.A }}", "cat <<'END'\n${{ secrets.A }}\nEND\n"]
)
def test_a_script_stops_where_a_value_is_not_known(script: str, tmp_path: Path) -> None:
    made = executed(steps(f"{script}; echo MARK on" if "END" not in script else script), tmp_path)
    assert (made.marks["build"], made.failed) == ([], {"build"})
    assert "known" in made.printed
