"""Keys: the templates of cache keys, `{{ checksum "file" }}`, and ours, both ways.

Source: https://circleci.com/docs/reference/configuration-reference/#savecache
"""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.expressions import Access, Call, Expression, Literal, Name, Opaque, parse
from pipemgr.model.templates import Part, template, untemplate

from .words import VENDOR

VALUES: Final = {".Branch": "branch", ".BuildNum": "build.number", ".Revision": "commit"}
"""Templates and our contexts."""
ARCH: Final = "${{ runner.os }}-${{ runner.arch }}"
"""What `{{ arch }}` is in our words: the system and the processor."""
EPOCH: Final = "${{ build.id }}-${{ build.attempt }}"
"""What `{{ epoch }}`, the time, is good for: a key that no cache had before."""
WHOLE: Final = {ARCH: "{{ arch }}", EPOCH: "{{ epoch }}"}
"""Texts of ours that are one template."""
_WHOLE: Final[dict[str, tuple[Part, ...]]] = {"arch": template(ARCH), "epoch": template(EPOCH)}
_SPAN: Final = re.compile(r"\{\{((?:(?!\{\{).)*?)\}\}")
_CHECKSUM: Final = re.compile(r"""checksum\s*(?:"([^"]*)"|`([^`]*)`|'([^']*)')""")
_SUM_OF: Final = re.compile(r"""\{\{\s*checksum\s*["'`]([^"'`]*)$""")
_SUM_ENDS: Final = re.compile(r"""([^"'`]*)["'`]\s*\}\}""")
_VARIABLE: Final = re.compile(r"\.Environment\.(\w+)")
_ENVIRONMENT: Final = Name("variables")


def read_key(text: str, contexts: dict[str, Expression]) -> str:
    """A cache key with our templates; `contexts` are environment variables that CircleCI itself sets.

    Templates without a word of ours are kept for CircleCI.
    """
    parts: list[Part] = []
    for part in _with_sums(list(template(text))):
        parts += _key_parts(part, contexts) if isinstance(part, str) else [part]
    return untemplate(tuple(parts))


def _with_sums(parts: list[Part]) -> list[Part]:
    """The parts of a text, in which the checksum of a file whose name is (partly) a value is one part."""
    at = 0
    while at + 2 < len(parts):
        before, value, after = parts[at : at + 3]
        begins = _SUM_OF.search(before) if isinstance(before, str) else None
        ends = _SUM_ENDS.match(after) if isinstance(after, str) else None
        if (
            begins
            and ends
            and isinstance(before, str)
            and isinstance(after, str)
            and isinstance(value, Expression)
        ):
            name = f"{_braced(begins[1])}{{0}}{_braced(ends[1])}"
            file = value if name == "{0}" else Call("format", (Literal(name), value))
            parts[at : at + 3] = [before[: begins.start()], Call("hash_files", (file,)), after[ends.end() :]]
            at += 1
        at += 1
    return [part for part in parts if part != ""]


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _key_parts(text: str, contexts: dict[str, Expression]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for match in _SPAN.finditer(text):
        parts += [text[at : match.start()]] if match.start() > at else []
        body = match[1].strip()
        parts += _WHOLE.get(body) or [_value(body, contexts)]
        at = match.end()
    return [*parts, text[at:]] if at < len(text) else parts


def _value(body: str, contexts: dict[str, Expression]) -> Expression:
    if match := _CHECKSUM.fullmatch(body):
        return Call("hash_files", (Literal(next(one for one in match.groups() if one is not None)),))
    if match := _VARIABLE.fullmatch(body):
        return contexts.get(match[1]) or Access(_ENVIRONMENT, Literal(match[1]))
    if body in VALUES:
        return parse(VALUES[body])
    return Opaque(VENDOR, f"{{{{ {body} }}}}")
