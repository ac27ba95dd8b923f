"""Settings: what a connection to GitHub can be told in `pipemgr.toml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from pipemgr.adapter import AdapterSettings, SecretRef

Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-_]*/[A-Za-z0-9._*?-]+$")]
"""`owner/name`; the name may be a glob, the owner may not."""


class GitHubActionsSettings(AdapterSettings):
    """Every key of `[connections.NAME.settings]`."""

    url: str = Field(
        "https://api.github.com",
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
        description="The address of the API; of a GitHub Enterprise Server https://HOST/api/v3.",
    )
    token: SecretRef | None = Field(
        None, description="A token; without one only what is public can be seen, 60 requests an hour."
    )
    repositories: tuple[Repository, ...] = Field(
        min_length=1, description="What to watch: owner/name, or owner/* and other globs of names."
    )
    webhook_secret: SecretRef | None = Field(
        None,
        description="The secret of the repository's or organisation's webhook; without it none is taken.",
    )
    test_artifacts: tuple[str, ...] = Field(
        (), description="Globs of the names of artifacts that hold JUnit reports; each costs a download."
    )
    ca_bundle: str | None = Field(
        None,
        description="A file of certificates to trust instead of the usual ones; relative to pipemgr.toml.",
    )
