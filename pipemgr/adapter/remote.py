"""A remote Git repository: which addresses are taken, how git is hardened, and what its complaints mean."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pipemgr.errors import AdapterError, AuthenticationFailed, NotFound, Refused, Unreachable
from pipemgr.secrets import Secret, redacted

_SCP: Final = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^\s:-][^\s]*)")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_SLOW: Final = (("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", "30"))
_CLOSED: Final = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("gc.autoDetach", "false"),  # nothing may go on when a command is over
    ("maintenance.autoDetach", "false"),
    *_SLOW,
)
_COMPLAINTS: Final[tuple[tuple[type[AdapterError], str, str], ...]] = (
    (
        AuthenticationFailed,
        r"authentication failed|could not read (username|password)|permission denied|error: 40[13]|host key ver",
        "renew the connection's credential, or give it the right to read this repository",
    ),
    (
        NotFound,
        r"not found|does not (appear to be a git repository|exist)|returned error: 404",
        "check the address; a private repository looks so without a credential",
    ),
    (
        NotFound,
        r"bad (object|revision)|not a valid object name|unknown revision|not a tree object",
        "the history was rewritten, or is not fetched this far back",
    ),
)


@dataclass(frozen=True)
class Remote:
    """Where a repository is, and as whom to read it.

    `url` is https, ssh (also `user@host:path`), a folder of this machine, or http on this machine. `credential` is a
    token or a password for `user` over https; `key` a private key file for ssh.
    `depth` bounds how many commits the first fetch brings, of a repository whose history is huge.
    """

    url: str
    user: str = "git"
    credential: Secret | None = None
    key: str | None = None
    depth: int | None = None

    @property
    def scheme(self) -> str:
        """The one protocol that git may use. Raises `Refused` for an address that is not taken."""
        return _scheme(self.url)

    def environment(self, folder: Path, *, remote: bool = False) -> dict[str, str]:
        """What git's environment adds: the mirror and nothing else, no configuration of this machine, no prompts.

        With `remote`, the credential too, for this host only.
        """
        settings = [*_CLOSED, *(self._header() if remote else ())]
        config = {f"GIT_CONFIG_KEY_{at}": name for at, (name, _) in enumerate(settings)}
        values = {f"GIT_CONFIG_VALUE_{at}": value for at, (_, value) in enumerate(settings)}
        return {
            **config,
            **values,
            "GIT_CONFIG_COUNT": str(len(settings)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ALLOW_PROTOCOL": self.scheme,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": self._ssh(),
            "GIT_DIR": str(folder),  # pipemgr may itself run inside a hook, where git's own variables are set
            "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LITERAL_PATHSPECS": "1",
        }

    def _header(self) -> tuple[tuple[str, str], ...]:
        if self.credential is None or self.scheme not in {"https", "http"}:
            return ()
        parts = urlsplit(self.url)
        word = base64.b64encode(f"{self.user}:{self.credential}".encode()).decode()
        return ((f"http.{parts.scheme}://{parts.netloc}/.extraHeader", f"Authorization: Basic {word}"),)

    def _ssh(self) -> str:
        words = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=10"]
        words += ["-oIdentitiesOnly=yes", "-i", self.key] if self.key else []
        return shlex.join(words)


def _scheme(url: str) -> str:
    parts = urlsplit(url)
    if any(ord(char) < 32 for char in url) or url.startswith("-"):  # noqa: PLR2004 - control characters
        raise _refused(url)
    if parts.password is not None:
        raise Refused(
            "the address of the repository holds a password", remedy="give it as `credential`: env:NAME"
        )
    if parts.scheme in {"https", "ssh"} and parts.hostname and not parts.hostname.startswith("-"):
        return parts.scheme
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return "http"
    if url.startswith("/") or parts.scheme == "file":
        return "file"
    if _SCP.fullmatch(url) and "::" not in url:
        return "ssh"
    raise _refused(url)


def _refused(url: str) -> Refused:
    return Refused(
        f"{shown(url)!r} is no address of a repository here",
        remedy="write https://..., ssh://..., user@host:path or the full path of a folder",
    )


def shown(url: str) -> str:
    """An address as it may be printed: without a user's name or password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else url


def failed(error: str, command: str, url: str, where: str) -> AdapterError:
    """What git's complaint means, as an error to raise. Anything of the network that is not known can be tried again."""
    said = _said(error, url)
    message = f"git {command} of {shown(url)} failed: {said}"
    for kind, pattern, remedy in _COMPLAINTS:
        if re.search(pattern, error, re.IGNORECASE):
            return kind(message, where=where, remedy=remedy)
    return Unreachable(
        message, where=where, remedy="it is tried again by itself; check the address if it stays so"
    )


def _said(error: str, url: str) -> str:
    """The lines that tell why, on one line, without secrets."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("fatal", "error", "remote", "timeout"))]
    return redacted(" / ".join((telling or lines)[:3]).replace(url, shown(url)))[:300] or "no reason given"


def same(first: str, second: str) -> bool:
    """Whether two addresses name one repository: scheme, user, `.git` and a last slash make no difference."""
    return _plain(first) == _plain(second)


def _plain(url: str) -> tuple[str, str]:
    found: Mapping[str, str] | None = None
    if match := _SCP.fullmatch(url):
        found = match.groupdict()
    parts = urlsplit(url)
    host, path = (found["host"], found["path"]) if found else (parts.hostname or "", parts.path)
    return host.lower(), path.strip("/").removesuffix(".git").lower()
