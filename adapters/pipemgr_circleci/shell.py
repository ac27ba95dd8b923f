"""Shells: how their scripts name environment variables, and where they would be taken literally."""

from __future__ import annotations

import re
from typing import Final

BASH: Final = "bash"
POWERSHELL: Final = "powershell"
CMD: Final = "cmd"
OTHER: Final = "other"
SHELLS: Final = {
    "linux": {"bash": "/bin/bash -eo pipefail", "sh": "/bin/sh -e"},
    "macos": {"bash": "/bin/bash -eo pipefail", "sh": "/bin/sh -e"},
    "windows": {
        "bash": "bash.exe -eo pipefail",
        "pwsh": "pwsh.exe",
        "cmd": "cmd.exe",
        "powershell": "powershell.exe",
    },
}
"""Our names of shells in CircleCI's words, where these differ."""
_BARE: Final = ("bash", "sh")
"""Without options a failing line ends no script; our words for them mean that it does."""

_FOLDER: Final = "CIRCLE_WORKING_DIRECTORY"
"""Its value begins with a `~` that no shell replaces."""
_HEREDOC: Final = re.compile(
    r"<<-?[ \t]*(?:'(?P<quoted>[^'\n]+)'|\\(?P<escaped>\w+)|\"(?P<double>[^\"\n]+)\"|(?P<plain>\w+))"
)


def from_circleci(shell: str) -> str:
    """Our name of a shell, or its command; a word that means more to us is a command with the place of the file."""
    known = {theirs: ours for names in SHELLS.values() for ours, theirs in names.items()}
    return known.get(shell, f"{shell} {{0}}" if shell in _BARE else shell)


def shell_of(command: str | None, system: str) -> str:
    """Which kind of shell a `shell` is; without one the system's default."""
    if not command:
        return POWERSHELL if system == "windows" else BASH
    program = re.split(r"[\\/]", command.split()[0])[-1].lower().removesuffix(".exe")
    if program in ("bash", "sh", "zsh", "dash", "ash"):
        return BASH
    return POWERSHELL if program in ("pwsh", POWERSHELL) else CMD if program == CMD else OTHER


def reference(name: str, after: str, shell: str) -> str | None:
    """The text that stands for an environment variable, before another text; None where the shell is unknown."""
    match shell:
        case "bash" if name == _FOLDER:
            return f"${{{name}/#\\~/$HOME}}"
        case "bash":
            return f"${{{name}}}" if re.match(r"\w", after) else f"${name}"
        case "powershell":
            return f"${{env:{name}}}" if re.match(r"[\w:]", after) else f"$env:{name}"
        case "cmd":
            return f"%{name}%"
    return None


_SPAN: Final = re.compile(r"((?<!\\)<<[^\n]*?>>)")
_UNSAFE: Final = re.compile(r"[^\w@%+=:,./~*?\[\]^$-]")


def quoted(text: str) -> str:
    """A text as one word of a shell, in which nothing means anything."""
    return "'" + text.replace("'", "'\\''") + "'"


def word(text: str, *, glob: bool = True) -> str:
    """A complete text as one word of bash: only its own globs mean anything (or none, without `glob`)."""
    if not glob:
        return '"' + re.sub(r'\\(?!<<)|["`]|\$(?!\w)', r"\\\g<0>", text) + '"'
    pieces = _SPAN.split(text)
    pieces[::2] = [_UNSAFE.sub(_bare, one.replace(r"\<<", "<<")) for one in pieces[::2]]
    pieces[1::2] = [f'"{one}"' for one in pieces[1::2]]
    return "".join(pieces)


def _bare(match: re.Match[str]) -> str:
    return "$'\\n'" if match[0] == "\n" else f"\\{match[0]}"


class Quotes:
    """Follows a script from its beginning, and knows what quotes its end is in."""

    def __init__(self, shell: str = BASH) -> None:
        self.shell = shell
        self.quote = ""
        self.heredoc: tuple[str, bool] | None = None
        """The word that ends it, and whether it is taken literally."""
        self._pending: tuple[str, bool] | None = None
        self._line = ""

    @property
    def literal(self) -> bool:
        """Whether nothing is replaced here, and no quote can end that."""
        return self.heredoc is not None and self.heredoc[1]

    def feed(self, text: str) -> None:
        """Go on over a piece of the script."""
        if self.shell != BASH:
            return
        at = 0
        while at < len(text):
            at = self._step(text, at)

    def _step(self, text: str, at: int) -> int:
        one = text[at]
        if one == "\n":
            self._end_line()
            return at + 1
        self._line += one
        if self.heredoc is not None:
            return at + 1
        if not self.quote and (found := _HEREDOC.match(text, at)) and text[at : at + 3] != "<<<":
            word = next(name for name in found.groups() if name)
            self._pending = (word, found["plain"] is None)
            return found.end()
        return self._quoted(text, at)

    def _quoted(self, text: str, at: int) -> int:
        one = text[at]
        if one == "\\" and self.quote != "'":
            return at + 2
        if one == "#" and not self.quote and (len(self._line) == 1 or self._line[-2] in " \t;"):
            end = text.find("\n", at)
            return len(text) if end < 0 else end
        if one == self.quote:
            self.quote = ""
        elif one in "'\"" and not self.quote:
            self.quote = one
        return at + 1

    def _end_line(self) -> None:
        if self.heredoc is not None and self._line.strip() == self.heredoc[0]:
            self.heredoc = None
        elif self._pending is not None:
            self.heredoc, self._pending = self._pending, None
        self._line = ""

    def reference(self, name: str, after: str) -> str | None:
        """The text that stands for an environment variable here; None where none can."""
        found = reference(name, after, self.shell)
        if found is None or self.literal:
            return None
        self._line += "_"
        return f"'\"{found}\"'" if self.quote == "'" else found
