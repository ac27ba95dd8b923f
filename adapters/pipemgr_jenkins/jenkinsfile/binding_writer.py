"""Bindings out: environment variables as `environment` entries, `withEnv` and `withCredentials`.

Source: https://www.jenkins.io/doc/pipeline/steps/credentials-binding/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .call_writer import call
from .credentials import bound, variable_of
from .text_writer import Texts, secret_of, secrets_in


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
