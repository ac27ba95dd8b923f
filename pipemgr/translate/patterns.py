"""Patterns: globs of branch and tag filters, regular expressions and plain comparisons, one as the other.

A glob is what filters of hosted vendors take: `*` any text without a slash, `**` any text, `**/` any folders or none,
`?` and `+` none or one, and one or more, of the character before, `[a-z0-9]` one of these, a backslash before what is
meant as it is, and `!` in front for all that does not match.
A regular expression always stands for the whole text. Texts are names of branches and tags: they are not empty and
have no empty part between slashes (git-check-ref-format(1)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, product
from math import prod
from typing import Final

from pipemgr.model.expressions import Binary, Call, Expression, Literal, chained

from .regexes import ANY, CLASS, FOLDERS, FOLDERS_PATTERN, SEGMENT, TEXT, Piece, Way, ways

MAX_COMPARISONS: Final = 16
"""Longer conditions are nothing that anybody would read."""
_WIDE: Final = frozenset({ANY, SEGMENT, FOLDERS})
_TOKEN: Final = re.compile(r"\\(.)|(\*\*/)|(\*\*+)|(\*)|\[([^\]/]+)\]|([?+])|(.)", re.DOTALL)
_SPECIAL: Final = re.compile(r"([.^$*+?{}\[\]\\|()])")
_CLASS_SPECIAL: Final = re.compile(r"([\\^\[&])")
_GLOB_SPECIAL: Final = re.compile(r"([\\*?+\[\]!])")
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]+")
_BACKSLASH: Final = r"\\\1"


# Globs to regular expressions --------------------------------------------------------------------------


def glob_to_regex(glob: str) -> str:
    """The regular expression that takes the same texts as a glob."""
    return rf"(?!(?:{_positive(glob[1:])})$).*" if glob.startswith("!") else _positive(glob)


def globs_to_regex(globs: Sequence[str]) -> str:
    """One regular expression for a list of globs, in which each `!glob` takes back what those before it took."""
    taken = ""
    for glob in globs:
        if not glob.startswith("!"):
            taken = f"{taken}|{_positive(glob)}" if taken else _positive(glob)
        elif taken:
            taken = f"(?!(?:{_positive(glob[1:])})$)(?:{taken})"
    return taken or "(?!)"


def _positive(glob: str) -> str:
    pieces: list[str] = []
    countable = False
    for escaped, folders, anything, segment, characters, count, plain in _TOKEN.findall(glob):
        if count and countable:
            pieces.append(count)
            countable = False
            continue
        wide = (folders and FOLDERS_PATTERN) or (anything and ".*") or (segment and "[^/]*")
        inside = characters and f"[{_CLASS_SPECIAL.sub(_BACKSLASH, characters)}]"
        pieces.append(wide or inside or _SPECIAL.sub(_BACKSLASH, escaped or count or plain))
        countable = not wide
    return "".join(pieces)


# Regular expressions to globs --------------------------------------------------------------------------


def regex_to_globs(pattern: str) -> tuple[str, ...] | None:
    """Globs that together take the same names as a regular expression; None where globs can't say it."""
    globs = [_glob(way) for found in ways(pattern) or () for way in _spelled(found, classes=False)]
    said = tuple(dict.fromkeys(glob for glob in globs if glob))
    return said if said and None not in globs else None


def _glob(way: Way) -> str | None:
    """The glob of one way; None where it has none."""
    way = _merged(way)
    if any(first.kind in _WIDE and then.kind in _WIDE for first, then in pairwise(way)):
        return None
    edge = Piece(TEXT, "/")
    texts = []
    for at, piece in enumerate(way):
        before, after = (way[at - 1] if at else edge), (way[at + 1] if at + 1 < len(way) else edge)
        text = _glob_piece(piece, bounded=before == edge == after)
        last = at + 1 == len(way)
        texts.append("*/**" if text == "**" and after == edge and not last else text)
    return None if None in texts else "".join(text for text in texts if text is not None)


def _glob_piece(piece: Piece, *, bounded: bool) -> str | None:
    """The glob of a piece; one that stands between slashes or ends is never empty."""
    mark = "+" if piece.many else ""
    match piece.kind:
        case "any" | "segment" if piece.many and piece.low <= bounded:
            return "**" if piece.kind == ANY else "*"
        case "folders":
            return "**/"
        case "text":
            return _GLOB_SPECIAL.sub(_BACKSLASH, piece.text) + mark
        case "class" if _ALPHANUMERIC.fullmatch(piece.text):
            return f"[{_ranges(piece.text)}]{mark}"
    return None


def _merged(way: Way) -> Way:
    """A way with neighbouring pieces for any text as one."""
    pieces: list[Piece] = []
    for piece in way:
        last = pieces[-1] if pieces else None
        if last and last.kind == piece.kind and piece.kind in (ANY, SEGMENT) and last.many and piece.many:
            pieces[-1] = Piece(piece.kind, low=last.low + piece.low, many=True)
        else:
            pieces.append(piece)
    return tuple(pieces)


def _ranges(characters: str) -> str:
    """`a-dx` for `abcdx`."""
    rows = groupby(enumerate(sorted(characters)), lambda pair: ord(pair[1]) - pair[0])
    return "".join(_range("".join(character for _, character in row)) for _, row in rows)


def _range(row: str) -> str:
    return f"{row[0]}-{row[-1]}" if len(row) > 2 else row  # noqa: PLR2004 - two are shorter as they are


# Regular expressions to conditions ---------------------------------------------------------------------


def regex_to_expression(subject: Expression, pattern: str) -> Expression | None:
    """A condition that holds for the same texts as a regular expression; None where comparisons can't say it."""
    found = [one for way in ways(pattern) or () for one in _spelled(way, classes=True)]
    conditions = [_comparison(subject, _runs(_merged(way))) for way in found]
    if not conditions or len(conditions) > MAX_COMPARISONS or None in conditions:
        return None
    return chained("||", [one for one in conditions if one is not None])


def regex_bounds(subject: Expression, pattern: str) -> Expression | None:
    """A condition that holds for all texts that a regular expression takes, and for some more.

    None where there is no beginning, end or part that all these texts have.
    """
    found = ways(pattern) or ()
    conditions = [_bounds(subject, _runs(_merged(way))) for way in found]
    if not conditions or len(conditions) > MAX_COMPARISONS or None in conditions:
        return None
    distinct = {str(one): one for one in conditions if one is not None}
    return chained("||", list(distinct.values()))


def _spelled(way: Way, *, classes: bool) -> Iterator[Way]:
    """A way with each class, or each one that no glob has, as one way for each of its characters, if these are few."""
    several = [
        [Piece(TEXT, one) for one in piece.text]
        if piece.kind == CLASS and not piece.many and (classes or not _ALPHANUMERIC.fullmatch(piece.text))
        else [piece]
        for piece in way
    ]
    return product(*several) if prod(map(len, several)) <= MAX_COMPARISONS else iter([way])


Run = str | Piece


def _runs(way: Way) -> tuple[Run, ...]:
    """A way with its certain characters put together."""
    runs: list[Run] = []
    for piece in way:
        if piece.plain and runs and isinstance(runs[-1], str):
            runs[-1] += piece.text
        else:
            runs.append(piece.text if piece.plain else piece)
    return tuple(runs)


def _comparison(subject: Expression, runs: tuple[Run, ...]) -> Expression | None:
    """What exactly one way says; `low` is 1 where a gap takes at least one character."""
    match runs:
        case ():
            return Binary("==", subject, Literal(""))
        case (str(text),):
            return Binary("==", subject, Literal(text))
        case (Piece(kind="any", many=True, low=low),) if low <= 1:
            return Binary("!=", subject, Literal("")) if low else Literal(value=True)
        case (str(text), Piece(kind="any", many=True, low=low)) if low <= 1:
            return _not_only(subject, text, low, Call("starts_with", (subject, Literal(text))))
        case (Piece(kind="any", many=True, low=low), str(text)) if low <= 1:
            return _not_only(subject, text, low, Call("ends_with", (subject, Literal(text))))
        case (Piece(kind="any", many=True, low=0), str(text), Piece(kind="any", many=True, low=0)):
            return Call("contains", (subject, Literal(text)))
        case (str(first), Piece(kind="any", many=True, low=0), str(last)) if not _overlap(first, last):
            return _around(subject, first, last)
    return None


def _not_only(subject: Expression, text: str, low: int, condition: Expression) -> Expression:
    """A condition that does not hold for the bare text where something must stand beside it."""
    bare = Binary("!=", subject, Literal(text))
    return Binary("&&", condition, bare) if low and not text.endswith("/") else condition


def _overlap(first: str, last: str) -> bool:
    """Whether a text shorter than both together can begin with the one and end with the other."""
    return any(first.endswith(last[:size]) for size in range(1, min(len(first), len(last)) + 1))


def _around(subject: Expression, first: str, last: str) -> Expression:
    return Binary(
        "&&", Call("starts_with", (subject, Literal(first))), Call("ends_with", (subject, Literal(last)))
    )


def _bounds(subject: Expression, runs: tuple[Run, ...]) -> Expression | None:
    texts = [run for run in runs if isinstance(run, str)]
    if not texts:
        return None
    if len(runs) == 1:
        return Binary("==", subject, Literal(texts[0]))
    found: list[Expression] = []
    for at, run in enumerate(runs):
        name = "starts_with" if at == 0 else "ends_with" if at + 1 == len(runs) else "contains"
        said = name == "contains" and isinstance(runs[0], str) and str(run) in runs[0]
        if isinstance(run, str) and not said:
            found.append(Call(name, (subject, Literal(run))))
    distinct = {str(one): one for one in found}
    return chained("&&", list(distinct.values())) if distinct else None
