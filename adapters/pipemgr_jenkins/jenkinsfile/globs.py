"""Globs: the patterns of `when { branch ... }`, which are those of Ant, as regular expressions and back.

`?` is one character and `*` any that are no slash; `**` between slashes is any folders, or none
(https://ant.apache.org/manual/dirtasks.html#patterns). A name is compared with the whole pattern.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r"(?:^|/)\*\*/(?:\*\*/)*|/\*\*$|^\*\*$|\*+|\?|[^*?/]+|/")
_SPECIAL: Final = re.compile(r"([.^$+{}\[\]\\|()])")
_FOLDERS: Final = "(?:.+/)?"
_BELOW: Final = "(?:/.+)?"
_ANY, _SEGMENT, _SOME, _ONE = ".*", "[^/]*", "[^/]+", "[^/]"
_BACK: Final = re.compile(
    "|".join(
        f"(?P<{name}>{re.escape(text)})"
        for name, text in {
            "below": _BELOW,
            "folders": _FOLDERS,
            "segment": _SEGMENT,
            "some": _SOME,
            "one": _ONE,
        }.items()
    )
    + r"|\\(?P<escaped>[.^$+{}\[\]\\|()])|(?P<plain>[^.^$+{}\[\]\\|()*?])"
)
_GLOBS: Final = {"below": "/**", "folders": "**/", "segment": "*", "some": "*", "one": "?"}


def regex_of(glob: str) -> str:
    """The regular expression that takes the same names as a glob."""
    if glob == "**":
        return _ANY
    pieces = []
    for match in _TOKEN.finditer(glob):
        text = match[0]
        if "**/" in text:
            pieces.append(("/" if text.startswith("/") else "") + _FOLDERS)
        elif text == "/**":
            pieces.append(_BELOW)
        elif text.startswith("*"):
            alone = glob[: match.start()][-1:] in ("", "/") and glob[match.end() :][:1] in ("", "/")
            pieces.append(_SOME if alone else _SEGMENT)
        else:
            pieces.append(_ONE if text == "?" else _SPECIAL.sub(r"\\\1", text))
    return "".join(pieces)


def is_plain(glob: str) -> bool:
    """Whether a glob takes one name only."""
    return not re.search(r"[*?]", glob)


def glob_of(pattern: str) -> str | None:
    """The glob that takes the same names as a regular expression; None where there is none."""
    pieces, at = [], 0
    while at < len(pattern):
        match = _BACK.match(pattern, at)
        if match is None:
            return None
        kind = str(match.lastgroup)
        pieces.append(_GLOBS.get(kind) or match[kind])
        at = match.end()
    glob = "".join(pieces)
    return glob if glob and regex_of(glob) == pattern else None
