"""Bindings out: environment variables as `environment` entries, `withEnv` and `withCredentials`.

Source: https://www.jenkins.io/doc/pipeline/steps/credentials-binding/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import call
from .text_writer import Texts, secret_of, secrets_in, variable_of

_SINGLE: Final = {"file": "file", "userpass": "usernameColonPassword", "": "string"}
"""The binding for each part of a credential that is bound by itself."""
_PAIRED: Final = {
    "username": ("usernamePassword", "usernameVariable"),
    "password": ("usernamePassword", "passwordVariable"),
    "key": ("sshUserPrivateKey", "keyFileVariable"),
    "passphrase": ("sshUserPrivateKey", "passphraseVariable"),
}
_WHOLE: Final = {
    "usernamePassword": ("usernameVariable", "passwordVariable"),
    "sshUserPrivateKey": ("keyFileVariable",),
}
"""What a binding of several parts can't do without."""


def bindings(
    variables: Mapping[str, str], texts: Texts, path: str, more: Iterable[str] = ()
) -> tuple[str, ...]:
    """The heads of blocks that give `variables` to steps, outermost first; `more` are secrets that a script needs besides."""
    credentials = {name: secret for name, value in variables.items() if (secret := secret_of(value))}
    plain = {name: value for name, value in variables.items() if name not in credentials}
    for value in plain.values():
        more = (*more, *secrets_in(value))
    for secret in more:
        credentials.setdefault(variable_of(secret), secret)
    heads = []
    if credentials:
        heads.append(call("withCredentials", f"[{', '.join(bound(credentials))}]"))
    if plain:
        given = (texts.assignment(name, value, f"{path}.{name}") for name, value in plain.items())
        heads.append(call("withEnv", f"[{', '.join(given)}]"))
    return tuple(heads)


def bound(credentials: Mapping[str, str]) -> list[str]:
    """The bindings that put credentials into variables; parts of one are bound together."""
    found: list[str] = []
    keys = {split(secret)[0] for secret in credentials.values() if split(secret)[1] == "key"}
    paired: dict[tuple[str, str], dict[str, str]] = {}
    for name, secret in credentials.items():
        identity, part = split(secret)
        if part in _PAIRED:
            kind, argument = _PAIRED[part]
            kind = "sshUserPrivateKey" if part == "username" and identity in keys else kind
            if (kind, identity) not in paired:
                paired[kind, identity] = {}
                found.append(f"{kind}\0{identity}")
            paired[kind, identity][argument] = name
        else:
            given = {"credentialsId": quoted(identity), "variable": quoted(name)}
            found.append(call(_SINGLE[part], None, given))
    return [_pair(one, paired) if "\0" in one else one for one in found]


def _pair(mark: str, paired: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    kind, _, identity = mark.partition("\0")
    given = paired[kind, identity]
    stem = variable_of(identity)
    needed = {
        one: f"{stem}_{one.removesuffix('Variable').upper()}" for one in _WHOLE[kind] if one not in given
    }
    variables = {name: quoted(value) for name, value in sorted({**given, **needed}.items(), reverse=True)}
    return call(kind, None, {"credentialsId": quoted(identity), **variables})


def split(secret: str) -> tuple[str, str]:
    """A secret's credential, and the part of it that it is."""
    identity, _, part = secret.rpartition(":")
    return (identity, part) if identity and (part in _PAIRED or part in _SINGLE) and part else (secret, "")
