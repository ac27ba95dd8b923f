"""Settings: what a local connection can be told in `pipemgr.toml`."""

from __future__ import annotations

from pydantic import Field

from pipemgr.adapter import AdapterSettings


class LocalSettings(AdapterSettings):
    """Every key of `[connections.NAME.settings]`; none is needed."""

    directory: str = Field(".", description="The project that builds work on; relative to pipemgr.toml.")
    timeout: int = Field(3600, ge=1, description="How long a build may take, in seconds.")
    environment: tuple[str, ...] = Field(
        (), description="Names of environment variables that builds may see, besides PATH and the language."
    )
