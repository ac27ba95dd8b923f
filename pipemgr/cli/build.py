"""`pipemgr build`: the group; its commands lie in the files beside this one."""

from __future__ import annotations

import click

from . import build_control, build_list, build_logs, build_results, build_show


@click.group()
def build() -> None:
    """List, show, start, follow and steer builds."""


for _part in (build_list, build_show, build_logs, build_control, build_results):
    for _command in _part.COMMANDS:
        build.add_command(_command)
