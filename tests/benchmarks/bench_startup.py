"""Start-up: `pipemgr --help` against a bare click program with as many commands."""

import os
import statistics
import subprocess
import sys
import time

BARE = """
import click

@click.group()
def cli():
    "A bare click program."

for name in {names!r}:
    cli.command(name, help="A command.")(lambda: None)

cli(["--help"])
"""


def seconds(arguments):
    start = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - start


def run(quick):
    from pipemgr.cli.main import COMMANDS

    rounds = 5 if quick else 30
    ours = [sys.executable, "-m", "pipemgr", "--help"]
    bare = [sys.executable, "-c", BARE.format(names=list(COMMANDS))]
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return [
        {
            "name": "start-up of pipemgr --help",
            "value": mine * 1000,
            "unit": "ms",
            "ratio": mine / theirs,
            "against": f"a bare click program ({theirs * 1000:.0f} ms); below 1.5 wanted",
        }
    ]
