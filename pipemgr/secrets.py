"""Secrets: references that are resolved late, and texts that are cleaned of them.

A configuration names where a secret is, never what it is:

- `env:NAME`: an environment variable
- `file:PATH`: the first line of a file that not everybody may read (mode 0600 or 0640); `~` is the home folder
- `keyring:SERVICE/NAME`: the system's keyring (extra `keyring`)
- `cmd:COMMAND`: the first line that a command prints; run without a shell, for at most 20 seconds

No error of this module, and no representation of its values, ever holds a secret.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NoReturn, Self
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pipemgr.errors import SecretNotFound

MASK: Final = "***"
"""What is shown in the place of a secret."""
COMMAND_TIMEOUT: Final = 20.0
"""How long a `cmd:` reference may take, in seconds."""
SHORTEST: Final = 4
"""Secrets below this many characters are not redacted: they would blank out ordinary words."""
PATTERN: Final = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keyring:[^/]+/.+|cmd:.*\S.*)$"
"""What a reference looks like."""
_RESOLVED: Final[set[str]] = set()
FORMS: Final = "env:NAME, file:PATH, keyring:SERVICE/NAME or cmd:COMMAND"


class Secret(str):
    """A secret in memory: usable as a string, masked wherever it is represented."""

    __slots__ = ()

    def __repr__(self) -> str:
        """The mask."""
        return f"Secret({MASK!r})"


class SecretRef(str):
    """A reference to a secret; safe to print and to store.

    As a field of a pydantic model it refuses what is no reference, without repeating it: the text might be a
    secret that somebody wrote down in the wrong place.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The reference in `text`; raises `SecretNotFound` for anything else."""
        if not re.fullmatch(PATTERN, text):
            raise SecretNotFound("this is not a reference to a secret", remedy=_how(text))
        return super().__new__(cls, text)

    @property
    def scheme(self) -> str:
        """Where the secret is kept: `env`, `file`, `keyring` or `cmd`."""
        return self.partition(":")[0]

    @property
    def target(self) -> str:
        """What it is called there."""
        return self.partition(":")[2]

    def resolve(self, folder: Path | None = None) -> Secret:
        """The secret itself; relative paths start at `folder`.

        Raises `SecretNotFound` with the reference and the remedy when there is none, or an empty one.
        """
        secret = _SOURCES[self.scheme](self, folder or Path())
        if not secret:
            _missing(self, "leads to an empty value", "put the secret there")
        _RESOLVED.update((secret, quote(secret, safe="")))
        return Secret(secret)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate a string into a reference; serialise it as it is."""
        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A string of one of the four forms."""
        return {"type": "string", "pattern": PATTERN, "description": f"a reference to a secret: {FORMS}"}


def resolve(reference: str, folder: Path | None = None) -> Secret:
    """The secret that a reference leads to; raises `SecretNotFound`."""
    return SecretRef(reference).resolve(folder)


def redacted(text: str) -> str:
    """`text` with every secret masked that this process has resolved so far, also as it stands in an address."""
    return redact(text, _RESOLVED)


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret masked, longest first so that no rest of one stays behind."""
    for secret in sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _how(text: str) -> str:
    scheme = text.partition(":")[0]
    if scheme in _SOURCES:
        return f"write {scheme}: references as one of {FORMS}"
    return f"keep the secret elsewhere and name the place: {FORMS}; if it has been committed, replace it"


def _validate(value: Any) -> SecretRef:
    if isinstance(value, str) and re.fullmatch(PATTERN, value):
        return SecretRef(value)
    remedy = _how(value) if isinstance(value, str) else f"write one of {FORMS}"
    raise PydanticCustomError(
        "secret_reference",
        "must be a reference to a secret, not a secret itself: {remedy}",
        {"remedy": remedy},
    )


def _missing(reference: SecretRef, why: str, remedy: str) -> NoReturn:
    raise SecretNotFound(f"the secret {str(reference)!r} {why}", remedy=remedy) from None


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip("\r")


def _from_environment(reference: SecretRef, _folder: Path) -> str:
    name = reference.target
    if name not in os.environ:
        _missing(reference, "does not exist", f"set it before you start pipemgr: export {name}=...")
    return os.environ[name]


def _from_file(reference: SecretRef, folder: Path) -> str:
    path = folder / Path(reference.target).expanduser()
    try:
        if os.name == "posix" and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            _missing(reference, "is open to everybody on this machine", f"chmod 600 {shlex.quote(str(path))}")
        return _first_line(path.read_text(encoding="utf-8"))
    except OSError as error:
        _missing(reference, f"can't be read: {error.strerror}", f"put the secret into {path}")
    except UnicodeDecodeError:
        _missing(reference, "is no text", f"put the secret into {path} as UTF-8 text")


def _from_keyring(reference: SecretRef, _folder: Path) -> str:
    service, _, name = reference.target.partition("/")
    try:
        import keyring
        import keyring.errors
    except ImportError:
        _missing(reference, "needs the keyring package", "pip install 'pipemgr[keyring]'")
    try:
        secret = keyring.get_password(service, name)
    except keyring.errors.KeyringError:
        _missing(reference, "can't be read: this system has no open keyring", "use env: or file: instead")
    if secret is None:
        _missing(reference, "does not exist", f"keyring set {shlex.quote(service)} {shlex.quote(name)}")
    return str(secret)


def _from_command(reference: SecretRef, folder: Path) -> str:
    try:
        done = subprocess.run(
            shlex.split(reference.target), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=COMMAND_TIMEOUT, check=False,
        )  # fmt: skip
    except ValueError:
        _missing(reference, "has an open quotation", "close it")
    except OSError as error:
        _missing(reference, f"can't be run: {error.strerror}", "check the command's name")
    except subprocess.TimeoutExpired:
        _missing(reference, f"took more than {COMMAND_TIMEOUT:g} s", "run the command by hand and see why")
    if done.returncode:
        _missing(reference, f"ended with exit code {done.returncode}", "run the command by hand and see why")
    return _first_line(done.stdout.decode("utf-8", "replace"))


_SOURCES: Final[dict[str, Callable[[SecretRef, Path], str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
    "cmd": _from_command,
}
