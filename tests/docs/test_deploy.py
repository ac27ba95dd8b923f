"""The files in deploy/ fit together and name what exists, as far as that can be told without containers."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from pipemgr.cli.main import COMMANDS, cli
from pipemgr.config import load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = sorted(DEPLOY.glob("compose.*.yaml"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
SERVED = [path for path in COMPOSE if path.name != "compose.dev.yaml"]


@pytest.fixture(params=COMPOSE, ids=lambda path: path.stem)
def compose(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


@pytest.fixture(params=SERVED, ids=lambda path: path.stem)
def served(request):
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def ours(compose):
    """The services that run pipemgr."""
    return {name: one for name, one in compose["services"].items() if "build" in one}


def test_each_environment_has_a_file():
    assert [path.name for path in COMPOSE] == [f"compose.{name}.yaml" for name in ("dev", "prod", "test")]


@pytest.mark.slow
def test_compose_files_follow_the_specification():
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, COMPOSE)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_services_run_commands_that_exist(compose):
    assert ours(compose)
    for name, service in ours(compose).items():
        command, *options = service["command"]
        assert command in COMMANDS, name
        found = cli.get_command(None, command)
        found.make_context(command, list(options), resilient_parsing=False)


def test_what_is_built_is_there(compose):
    for service in ours(compose).values():
        context = DEPLOY / service["build"]["context"]
        assert (context / service["build"]["dockerfile"]).is_file()


def test_everything_named_is_declared_and_used(compose):
    used = {"volumes": set(), "secrets": set(), "configs": set()}
    for service in compose["services"].values():
        used["volumes"] |= {one.partition(":")[0] for one in service.get("volumes", []) if one[0].isalpha()}
        used["secrets"] |= set(service.get("secrets", []))
        used["configs"] |= {one["source"] for one in service.get("configs", [])}
        assert set(service.get("depends_on", {})) <= set(compose["services"])
    for kind, names in used.items():
        assert names == set(compose.get(kind, {})), kind


def test_images_of_strangers_have_a_version(compose):
    for name, service in compose["services"].items():
        assert name in ours(compose) or re.search(r":\d", service["image"]), name


def test_the_configuration_fits_the_services(served):
    workspace = load(DEPLOY / "pipemgr.toml")
    config = workspace.config
    hosts = {urlsplit(url).hostname for url in (config.ledger.url, config.polling.broker)}
    assert hosts == set(served["services"]) - set(ours(served))
    assert {"beat", "worker"} == set(ours(served))
    references = {config.ledger.password.target, config.polling.broker_password.target}
    for service in ours(served).values():
        mounted = {f"/run/secrets/{name}" for name in service.get("secrets", [])}
        mounted |= {one["target"] for one in service.get("configs", [])}
        assert mounted == references
        assert "./pipemgr.toml:/workspace/pipemgr.toml:ro" in service["volumes"]
        assert "state:/workspace/.pipemgr" in service["volumes"]
    database = served["services"]["postgres"]["environment"]
    assert f"{database['POSTGRES_USER']}@postgres/{database['POSTGRES_DB']}" in config.ledger.url


def test_production_keeps_no_password_in_the_file():
    text = (DEPLOY / "compose.prod.yaml").read_text(encoding="utf-8")
    assert "POSTGRES_PASSWORD:" not in text
    assert re.findall(r"requirepass (\S+)", text) == ['"$$(cat']


def test_the_image_copies_what_exists_and_installs_extras_that_exist():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE):
        assert [name for name in line.split() if not (ROOT / name).exists()] == []
    (extras,) = re.findall(r"'\.\[(.*)\]'", CONTAINERFILE)
    assert set(extras.split(",")) <= set(pyproject["project"]["optional-dependencies"])
    assert {"celery", "postgres"} <= set(extras.split(","))
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE)
        for name in line.split()
    }
    assert copied <= {line.removeprefix("!") for line in ignored if line.startswith("!")}


def test_the_image_pins_what_the_tests_run_with(tmp_path):
    (command,) = re.findall(r"^RUN (grep .*?) > constraints\.txt", CONTAINERFILE, re.MULTILINE)
    done = subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    pins = done.stdout.splitlines()
    assert len(pins) > 50
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][^ ;]*", pin) for pin in pins)
    assert any(pin.startswith("sqlalchemy==") for pin in pins)
