"""Scripts: which environment variables a script takes from outside, and which ones it sets for later steps.

POSIX shells are scanned with their quotes, comments, substitutions and here documents; of other languages only the usual
ways to ask for a variable are known. Templates (`${{ }}`) are no part of a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_POWER: Final = frozenset({"pwsh", "powershell"})
_CMD: Final = "cmd"
_SHELLS: Final = frozenset({"", "bash", "sh", "dash", "zsh", "ash", "ksh"})
_TEMPLATE: Final = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_ASSIGNED: Final = re.compile(r"(?<![\w$])([A-Za-z_]\w*)=")
_POWER_USE: Final = re.compile(r"\$\{?env:([A-Za-z_]\w*)\}?(?!\s*=[^=])", re.IGNORECASE)
_POWER_SET: Final = re.compile(r"\$\{?env:([A-Za-z_]\w*)\}?\s*=[^=]", re.IGNORECASE)
_CMD_USE: Final = re.compile(r"%([A-Za-z_]\w*)%")
_CMD_SET: Final = re.compile(r"\bset\s+\"?([A-Za-z_]\w*)=", re.IGNORECASE)
_CODE: Final = re.compile(
    r"""(?:os\.environ(?:\.get\(|\[)|os\.getenv\(|os\.Getenv\(|ENV\[|process\.env\[)\s*['"]([A-Za-z_]\w*)['"]"""
    r"""|process\.env\.([A-Za-z_]\w*)"""
)
_DOLLAR: Final = re.compile(r"\$(?:\{[#!]?([A-Za-z_]\w*)|([A-Za-z_]\w*)|(\()|('))")
_HERE: Final = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\(\w+)|(\w+))")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]\n]*\])?\+?=")
_WORD: Final = re.compile(r"[\w.-]+")
_ANSI: Final = re.compile(r"(?:[^'\\]|\\.)*'?", re.DOTALL)
_DEFINERS: Final = frozenset({"read", "for", "select", "mapfile", "readarray", "declare", "local", "typeset"})


def taken(script: str, shell: str | None = None) -> tuple[str, ...]:
    """The variables that a script uses before it sets them, in order."""
    text = _TEMPLATE.sub("", script)
    found = dict.fromkeys(_code(text))
    kind = (shell or "").split(" ", 1)[0].rpartition("/")[2].removesuffix(".exe")
    if kind in _POWER:
        found.update(dict.fromkeys(_but(_POWER_USE, _POWER_SET, text)))
    elif kind == _CMD:
        found.update(dict.fromkeys(_but(_CMD_USE, _CMD_SET, text)))
    elif kind in _SHELLS:
        found.update(dict.fromkeys(_but(_POWER_USE, _POWER_SET, text)))
        found.update(dict.fromkeys(_Scan(text).names()))
    return tuple(found)


def piped(script: str) -> bool:
    """Whether a shell script hands the output of one command to another."""
    scan = _Scan(_TEMPLATE.sub("", script))
    scan.names()
    return scan.piped


def handed_on(script: str) -> frozenset[str]:
    """The variables that a script may set for later steps: it appends to some file, and assigns them."""
    return frozenset(_ASSIGNED.findall(_TEMPLATE.sub("", script))) if ">>" in script else frozenset()


def _code(text: str) -> Iterator[str]:
    return (match[1] or match[2] for match in _CODE.finditer(text))


def _but(use: re.Pattern[str], define: re.Pattern[str], text: str) -> list[str]:
    own = {name.lower() for name in define.findall(text)}
    return [name for name in use.findall(text) if name.lower() not in own]


class _Scan:
    """One walk through a shell script: what stands where a shell would look for a value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._quoted = [False]
        """For each level of substitution and quotes: whether it is a double quote."""
        self._begins = True
        """Whether a word begins here."""
        self._definer = ""
        self._pending: list[str] = []
        """Names that are set once this word ends."""
        self._here: list[tuple[str, bool, bool]] = []
        self.piped = False
        """Whether a command hands its output to another one."""
        self._own: set[str] = set()
        self._used: dict[str, None] = {}

    def names(self) -> tuple[str, ...]:
        """The names used and not set before."""
        while self._at < len(self._text):
            if self._quoted[-1]:
                self._inside_quotes(self._text[self._at])
            else:
                self._command(self._text[self._at])
        return tuple(self._used)

    def _use(self, name: str) -> None:
        if name not in self._own:
            self._used[name] = None

    def _inside_quotes(self, character: str) -> None:
        match character:
            case '"':
                self._quoted.pop()
                self._at += 1
            case "\\":
                self._at += 2
            case "$":
                self._dollar()
            case _:
                self._at += 1

    def _dollar(self) -> None:
        match = _DOLLAR.match(self._text, self._at)
        self._begins = False
        if match is None or (match[4] and self._quoted[-1]):
            self._at += 1
        else:
            self._at = match.end()
            if match[1] or match[2]:
                self._use(match[1] or match[2])
            elif match[3]:
                self._open()
            else:
                self._at = self._end(_ANSI)

    def _open(self) -> None:
        self._quoted.append(False)
        self._begins = True

    def _end(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        return match.end() if match else self._at

    def _command(self, character: str) -> None:
        if character == "\n":
            self._word_ends(command=True)
            self._at += 1
            self._here_documents()
        elif character in " \t;&|()<>`":
            self._separator(character)
        elif character == "#" and self._begins:
            self._at = self._line_end()
        elif character == "$":
            self._dollar()
        elif character in "'\"\\":
            self._quote(character)
        elif self._begins:
            self._word()
        else:
            self._at += 1

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return end if end >= 0 else len(self._text)

    def _quote(self, character: str) -> None:
        self._begins = False
        if character == "\\":
            self._at += 2
        elif character == '"':
            self._quoted.append(True)
            self._at += 1
        else:
            end = self._text.find("'", self._at + 1)
            self._at = end + 1 if end >= 0 else len(self._text)

    def _separator(self, character: str) -> None:
        around = self._text[max(self._at - 1, 0) : self._at + 2]
        self.piped |= character == "|" and "||" not in around and not around.startswith(">|")
        self._word_ends(command=character in ";&|()")
        if character == "<" and (match := _HERE.match(self._text, self._at)):
            if not self._text.startswith("<<<", self._at):
                plain = match[2] or match[3] or match[4]
                self._here.append((plain or match[5], bool(plain), bool(match[1])))
            self._at = match.end() if not self._text.startswith("<<<", self._at) else self._at + 3
            return
        if character == "(":
            self._open()
        elif character == ")" and len(self._quoted) > 1:
            self._quoted.pop()
        self._at += 3 if self._text.startswith("<<<", self._at) else 1

    def _word_ends(self, *, command: bool) -> None:
        self._begins = True
        self._own.update(self._pending)
        self._pending.clear()
        if command:
            self._definer = ""

    def _word(self) -> None:
        """The beginning of a word: an assignment, or a plain word that may name what its command sets."""
        self._begins = False
        if match := _ASSIGNMENT.match(self._text, self._at):
            self._pending.append(match[1])
        elif match := _WORD.match(self._text, self._at):
            if self._definer and match[0].isidentifier():
                self._pending.append(match[0])
                self._definer = "" if self._definer in ("for", "select") else self._definer
            elif match[0] in _DEFINERS:
                self._definer = match[0]
        self._at = match.end() if match else self._at + 1

    def _here_documents(self) -> None:
        """The bodies of the here documents that begin on this line; quoted ones hold no variables."""
        for end, plain, tabs in self._here:
            while self._at < len(self._text):
                stop = self._line_end()
                line = self._text[self._at : stop]
                self._at = stop + 1
                if (line.lstrip("\t") if tabs else line) == end:
                    break
                for match in () if plain else _DOLLAR.finditer(re.sub(r"\\.", "", line)):
                    if match[1] or match[2]:
                        self._use(match[1] or match[2])
        self._here.clear()
