"""Settings: what a connection of an adapter is configured with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class AdapterSettings(BaseModel):
    """Base of an adapter's settings; fields become keys of the connection's `settings` table.

    Unknown keys are refused. A secret is a field of type `SecretRef` and holds a reference
    (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`, `cmd:COMMAND`), never the secret itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
