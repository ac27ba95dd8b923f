"""Caches out: `restore_cache` and `save_cache`, with CircleCI's templates in their keys."""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, said
from pipemgr.model.definitions import Data, Step
from pipemgr.model.expressions import Call, Expression, Literal, Opaque

from .keys import WHOLE
from .phrases import Phrases, escaped, plain
from .shell import quoted
from .words import VENDOR

TEMPLATES: Final = {"branch": ".Branch", "commit": ".Revision", "build.number": ".BuildNum"}
"""What keys say for a value: https://circleci.com/docs/reference/configuration-reference/#savecache."""
FOLDER: Final = "/tmp"  # noqa: S108 - of the machine that the job runs on, which nobody else uses
_WILD: Final = frozenset("*?[!")
_PIECES: Final = re.compile(f"({'|'.join(map(re.escape, WHOLE))})")
_ENDS: Final = frozenset('"`{}\\\n')
"""What would end the name of a file in a template."""


class CacheWriter:
    """Writes the caches of one job."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self.saved: list[JsonValue] = []
        """What is to be saved at the end of the job."""
        self.place: JsonValue = None
        """The condition, decided before the job runs, on which the steps now written are executed."""
        self._files: dict[str, str] = {}
        """The file that each command writes what a key depends on into."""
        self._written: set[tuple[str, str]] = set()

    def cache(self, step: Step, path: str) -> list[JsonValue]:
        """Restore now and save at the end."""
        found = self.restore(step, path)
        self.saved += self.save(step, path)[-1:]
        return found

    def restore(self, step: Step, path: str) -> list[JsonValue]:
        """Restore the first entry that is there."""
        before, keys = self._keys(step, path)
        for name in ("lookup-only", "required"):
            if step.inputs.get(name):
                why = "CircleCI restores what is there, and goes on without"
                self.losses.add(Fidelity.DROPPED, f"{path}.inputs.{name}", f"input {name}", why)
        key = {"key": keys[0]} if len(keys) == 1 else {"keys": keys}
        name = self.phrases.field(step.name, f"{path}.name")
        return [*before, {"restore_cache": said({"name": name, **key})}]

    def save(self, step: Step, path: str) -> list[JsonValue]:
        """Save an entry."""
        before, keys = self._keys(step, path)
        name = self.phrases.field(step.name, f"{path}.name") if step.action == "cache.save" else None
        return [
            *before,
            {"save_cache": said({"name": name, "key": keys[0], "paths": self._paths(step, path)})},
        ]

    def _paths(self, step: Step, path: str) -> list[JsonValue]:
        found = [
            plain(self.phrases.field(one, f"{path}.inputs.path")) for one in lines(step.inputs.get("path"))
        ]
        kept = [one for one in found if not one.startswith("!") and not _WILD & set(one)]
        for one in found:
            if one not in kept:
                why = "save_cache takes folders and files by their names"
                self.losses.add(
                    Fidelity.DROPPED, f"{path}.inputs.path", f"path {one}", why, "name the folder around it"
                )
        return list(kept or ["."])

    def _keys(self, step: Step, path: str) -> tuple[list[JsonValue], list[JsonValue]]:
        """The steps that make a key possible, and the keys."""
        before: list[JsonValue] = []
        texts = [plain(step.inputs.get("key")), *lines(step.inputs.get("restore-keys"))]
        keys = [self._key(one, f"{path}.inputs.key", before) for one in dict.fromkeys(texts)]
        return before, list(keys)

    def _key(self, text: str, path: str, before: list[JsonValue]) -> str:
        return "".join(WHOLE.get(one) or self._part(one, path, before) for one in _PIECES.split(text))

    def _part(self, text: str, path: str, before: list[JsonValue]) -> str:
        parts = self.phrases.parts(text)
        return "".join(
            self._plain(part, path) if isinstance(part, str) else self._template(part, path, before)
            for part in parts
        )

    def _plain(self, text: str, path: str) -> str:
        """A text that is no template of CircleCI's, though it may look like one."""
        if "{{" in text:
            why = "CircleCI takes {{ in a key for a template of its own: written with a blank between"
            self.losses.add(Fidelity.APPROXIMATE, path, "{{ in a key", why, "name the entry without braces")
        return escaped(text.replace("{{", "{ {"))

    def _template(self, node: Expression, path: str, before: list[JsonValue]) -> str:
        if isinstance(node, Call) and node.name == "hash_files":
            return self._sum(node, path, before)
        if isinstance(node, Opaque) and node.vendor == VENDOR:
            return node.text
        if (word := TEMPLATES.get(str(node))) is not None:
            return f"{{{{ {word} }}}}"
        if (text := self.phrases.compiled(node)) is not None:
            return text
        if (name := self.phrases.scope.handed.get(str(node))) is not None:
            return self._checksum(f'printf %s "${name}"', before)
        if (name := self.phrases.variable(node)) is not None:
            return f"{{{{ .Environment.{name} }}}}"
        if str(node) in ("runner.os", "runner.arch"):
            return "{{ arch }}"
        why = "keys of CircleCI's caches have no template for it"
        self.losses.add(
            Fidelity.APPROXIMATE,
            path,
            f"${{{{ {node} }}}}",
            why,
            "make it part of a file, and take its checksum",
        )
        return "any"

    def _sum(self, node: Call, path: str, before: list[JsonValue]) -> str:
        files = [one for one in map(self._file, node.arguments) if one is not None]
        if len(files) == len(node.arguments):
            return "-".join(f'{{{{ checksum "{one}" }}}}' for one in files)
        names = " ".join(self._glob(one, path) for one in node.arguments)
        why = "CircleCI sums up one file: a step writes the sums of all tracked files that match into one"
        self.losses.add(Fidelity.EQUIVALENT, path, f"{node}", why)
        return self._checksum(f"git ls-files -z {names} | sort -z | xargs -0 sha256sum", before)

    def _file(self, node: Expression) -> str | None:
        """The name of one file, where it is known before anything runs; None for what may be several."""
        match node:
            case Literal(str(name)):
                return None if (_WILD | _ENDS) & set(name) else name
            case Call("format", (Literal(str(pattern)), value)) if not (_WILD | _ENDS) & set(
                pattern.replace("{0}", "")
            ):
                text = self.phrases.compiled(value)
                return text and pattern.replace("{0}", text).replace("{{", "{").replace("}}", "}")
        return self.phrases.compiled(node)

    def _glob(self, node: Expression, path: str) -> str:
        """A glob as git wants it; what only a run can tell comes from the environment."""
        if isinstance(node, Literal):
            return quoted(f":(glob){plain(node.value)}")
        return f"':(glob)'{self.phrases.assigned(f'${{{{ {node} }}}}', path)}"

    def _checksum(self, command: str, before: list[JsonValue]) -> str:
        """The sum of what a command prints; it writes that into a file, once for all keys of the job."""
        file = self._files.setdefault(command, f"{FOLDER}/cache-key-{len(self._files) + 1}")
        if not {(command, str(None)), (command, str(self.place))} & self._written:
            self._written.add((command, str(self.place)))
            step: Data = {"name": "Sum up what the cache depends on", "command": f"{command} > {file}"}
            before.append({"run": step})
        return f'{{{{ checksum "{file}" }}}}'


def lines(value: JsonValue) -> list[str]:
    """A text of lines, or a list, as a list."""
    texts = value if isinstance(value, list) else plain(value).splitlines()
    return [text for one in texts if (text := str(one).strip())]
