"""Credentials: what Jenkins keeps becomes secrets of the model, by the credential's id and the part that is used.

`id` is a secret text; of other kinds `id:username`, `id:password`, `id:userpass` (both, with a colon), `id:file` (the
path of a file that holds it), `id:key`, `id:passphrase` are the parts.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipemgr.adapter import Node
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy.syntax import Call, Constant, Part

from .scope import Scope

_KINDS: Mapping[str, Mapping[str, str]] = {
    "string": {"variable": ""},
    "usernamePassword": {"usernameVariable": "username", "passwordVariable": "password"},
    "usernameColonPassword": {"variable": "userpass"},
    "file": {"variable": "file"},
    "zip": {"variable": "file"},
    "sshUserPrivateKey": {
        "keyFileVariable": "key",
        "usernameVariable": "username",
        "passphraseVariable": "passphrase",
    },
}


def secret(name: str, part: str = "") -> Expression:
    """The secret that is a credential, or a part of one."""
    return Access(Name("secrets"), Literal(f"{name}:{part}" if part else name))


def credential(part: Part) -> str | None:
    """The id in `credentials('id')`; None for anything else."""
    match part:
        case Call(name="credentials", target=None, arguments=(only,)) if isinstance(only.value, Constant):
            return str(only.value.value)
    return None


def bindings(node: Node, scope: Scope) -> Mapping[str, str] | None:
    """The variables of `withCredentials`; None where a binding is none that is known."""
    part = scope.syntax(node)
    items = getattr(part, "items", None)
    found: dict[str, str] = {}
    for one in items if items is not None else (part,):
        more = _bound(one)
        if more is None:
            return None
        found |= more
    return found


def _bound(part: Part | None) -> dict[str, str] | None:
    if not isinstance(part, Call) or part.target is not None or part.name not in _KINDS:
        return None
    given = {one.key: one.value.value for one in part.arguments if isinstance(one.value, Constant)}
    name = given.get("credentialsId")
    if not isinstance(name, str) or len(given) < len(part.arguments):
        return None
    rows = _KINDS[part.name].items()
    return {str(given[key]): untemplate((secret(name, what),)) for key, what in rows if given.get(key)}
