"""The recipe in adapters/README.md makes an adapter that works."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
RECIPE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_a_copy_of_the_template_is_an_adapter(tmp_path):
    (recipe,) = RECIPE.findall((PROJECT / "adapters" / "README.md").read_text(encoding="utf-8"))
    installed = tmp_path / "installed"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pip", "pipemgr"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
    environment = {
        **os.environ,
        "PIPEMGR": str(PROJECT),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PIP_TARGET": str(installed),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(installed),
    }
    folder = tmp_path / "mine"
    folder.mkdir()

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("bash", "-euo", "pipefail", "-c", recipe).splitlines()[-1] == "acme: ok"

    code = """
    import pathlib, time
    from pipemgr.adapter import Connection, single
    from pipemgr.adapter.registry import Registry

    registry, here = Registry(), pathlib.Path.cwd()
    kind = registry.load("acme")
    adapter = kind(Connection("c", here, here / "state", registry.dialect, registry.tables("acme")), kind.Settings())
    text = "on: push\\njobs: {a: {runs-on: linux, steps: [{run: echo hello}]}}\\n"
    adapter.publish("ci", single("ci.yml", text), expected=None)
    ref = adapter.start("ci", {})
    while not (build := adapter.snapshot(ref)).status.finished:
        time.sleep(0.1)
    print(build.status.result, build.status.table, adapter.logs(ref, "a/0", 0).text)
    """
    assert run(sys.executable, "-c", textwrap.dedent(code)).split() == ["success", "acme/statuses@1", "hello"]
