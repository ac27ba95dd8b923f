"""The READMEs are true: what they generate is current, what they name exists, what they tell to type works."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from pipemgr.cli.main import COMMANDS
from pipemgr.config import find
from pipemgr.service.runtime import registry

ROOT = Path(__file__).parents[2]
READMES = [
    path
    for path in (
        ROOT / "README.md",
        *sorted(ROOT.glob("*/README.md")),
        *sorted(ROOT.glob("adapters/*/README.md")),
        *sorted(ROOT.glob("docs/*.md")),
    )
    if not path.relative_to(ROOT).parts[0].startswith(".")
]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")
TOML = "\n".join(
    block
    for block in re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    if block.startswith("[connections.")
)
CONNECTIONS = list(tomllib.loads(TOML)["connections"])
MAKE = re.compile(r"^    make (\w+)", re.MULTILINE)


def generated(text):
    """The README with its generated parts made anew."""
    sample = files("pipemgr.service").joinpath("samples/pipelines/release.yaml").read_text(encoding="utf-8")
    table = "| command | what it does |\n| --- | --- |\n" + "".join(
        f"| `pipemgr {name}` | {help_} |\n" for name, (_, help_) in COMMANDS.items()
    )
    text = re.sub(
        r"(<!-- sample: \S+ -->\n```yaml\n).*?(```\n<!-- end -->)",
        lambda found: found[1] + sample + found[2],
        text,
        flags=re.DOTALL,
    )
    return re.sub(
        r"(<!-- commands -->\n).*?(<!-- end -->)",
        lambda found: found[1] + table + found[2],
        text,
        flags=re.DOTALL,
    )


def test_generated_parts_are_current():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert generated(text) == text, "write them anew: python tests/docs/test_readmes.py"


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(readme):
    text = readme.read_text(encoding="utf-8")
    assert [link for link in LINK.findall(text) if not (readme.parent / link).exists()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(readme):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = MAKE.findall(readme.read_text(encoding="utf-8"))
    assert [target for target in named if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("name", CONNECTIONS)
def test_connections_are_configured_as_written(name, tmp_path):
    (tmp_path / "pipemgr.toml").write_text(TOML, encoding="utf-8")
    workspace = find(tmp_path)
    kind = registry().load(workspace.config.connections[name].adapter)
    assert workspace.settings(name, kind.Settings)


def run(command, folder):
    """Run a line of a console block with the installed pipemgr; an exit code may be announced by `# exits N`."""
    line, _, comment = command.partition("  # exits ")
    words = re.sub(r"\bpipemgr\b", f"'{sys.executable}' -m pipemgr", line, count=1)
    done = subprocess.run(
        ["bash", "-c", words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == int(comment or 0), f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tour") / "demo"
    run(f"pipemgr demo '{folder}'", folder.parent)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "readme",
    [readme for readme in READMES if CONSOLE.search(readme.read_text(encoding="utf-8"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_command_works_as_written(readme, workspace, tmp_path):
    folder = tmp_path / "tour"
    shutil.copytree(workspace, folder)
    commands = [
        line.removeprefix("$ ")
        for block in CONSOLE.findall(readme.read_text(encoding="utf-8"))
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    for command in commands:
        run(command, folder)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(generated(path.read_text(encoding="utf-8")), encoding="utf-8")
