"""Settings: what a connection of an adapter is configured with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipemgr.secrets import SecretRef

__all__ = ["AdapterSettings", "SecretRef"]


class AdapterSettings(BaseModel):
    """Base of an adapter's settings; fields become keys of the connection's `settings` table.

    Unknown keys are refused. A secret is a field of type `SecretRef` and holds a reference
    (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`, `cmd:COMMAND`), never the secret itself;
    `field.resolve()` gives the secret at the moment it is needed. Each field needs a description:
    `pipemgr adapter show` prints it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # the input may be a secret that was written down in the wrong place
    )
