"""`pipemgr completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .render import json_option, print_json

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
@click.pass_context
def completion(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the shell completion script.

    \b
    bash:  eval "$(pipemgr completion bash)"      in ~/.bashrc
    zsh:   eval "$(pipemgr completion zsh)"       in ~/.zshrc
    fish:  pipemgr completion fish | source       in ~/.config/fish/config.fish
    """  # noqa: D301 - click wants the character
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click has no completion for {shell}")
    script = found(ctx.find_root().command, {}, "pipemgr", "_PIPEMGR_COMPLETE").source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
