"""What mappings/README.md shows of a team's own rows works as written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "mappings" / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
(ROW,) = re.findall(r"The row `(\{call: .*?\})` in", TEXT)

WORKFLOW = """\
name: ship
on: push
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/fetch-code@v4
        with:
          history: 0
      - uses: acme/deploy@v1
        with:
          target: production
"""
CONFIG = """\
version: 2.1
orbs:
  tools: acme/tools@2.0.0
jobs:
  ship:
    docker:
      - image: cimg/base:stable
    steps:
      - checkout
      - tools/report:
          dashboard: main
workflows:
  ship:
    jobs: [ship]
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    for name, text in BLOCKS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    github = tmp_path / "words" / "github-actions" / "steps.yaml"
    github.write_text(f"{github.read_text(encoding='utf-8')}  - {ROW}\n", encoding="utf-8")
    (tmp_path / "ship.yml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "config.yml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def convert(team: Path, file: str, source: str, target: str) -> str:
    command = [sys.executable, "-m", "pipemgr", "convert", file, "--from", source, "--to", target]
    done = subprocess.run(command, cwd=team, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


def test_the_readme_shows_every_file() -> None:
    assert set(BLOCKS) == {
        "pipemgr.toml",
        "words/catalogue/actions.yaml",
        "words/circleci/steps.yaml",
        "words/github-actions/steps.yaml",
    }


def test_an_action_of_the_team_becomes_what_it_does(team: Path) -> None:
    written = convert(team, "ship.yml", "github-actions", "circleci")
    assert "- checkout" in written
    assert "./deploy production --wait" in written
    assert "Deploy to production" in written


def test_the_team_gets_its_own_actions_back(team: Path) -> None:
    written = convert(team, "ship.yml", "github-actions", "github-actions")
    assert "acme/fetch-code@v4" in written
    assert "acme/deploy@v1" in written


def test_a_command_of_the_teams_orb_becomes_its_action(team: Path) -> None:
    written = convert(team, "config.yml", "circleci", "github-actions")
    assert "uses: acme/report@v3" in written
    assert "name: main" in written


def test_its_action_becomes_the_command_of_the_orb(team: Path) -> None:
    made = WORKFLOW.replace("acme/deploy@v1", "acme/report@v3").replace("target: production", "name: main")
    (team / "ship.yml").write_text(made, encoding="utf-8")
    written = convert(team, "ship.yml", "github-actions", "circleci")
    assert "tools: acme/tools@2.1.0" in written
    assert "dashboard: main" in written
