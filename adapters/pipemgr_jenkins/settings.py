"""Settings of a Jenkins connection."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from pipemgr.adapter import AdapterSettings, SecretRef


class JenkinsSettings(AdapterSettings):
    """Every key of `[connections.NAME.settings]`; `url` is needed, and `user` and `token` nearly always."""

    url: str = Field(
        description="Where Jenkins is, with its prefix if it has one: https://ci.example/jenkins."
    )
    user: str = Field("", description="The user that the token belongs to; without one nobody is logged in.")
    token: SecretRef | None = Field(None, description="A reference to an API token of that user.")
    ca_bundle: str | None = Field(
        None,
        description="A file of certificates to trust instead of the usual ones; relative to pipemgr.toml.",
    )
    watch: tuple[str, ...] = Field(
        ("*",),
        description="Which jobs are polled: patterns of full names such as `team/*`; `*` spans folders.",
    )
    step_logs: bool = Field(
        default=True, description="Whether each step's log is kept beside the log of the whole build."
    )
    start_wait: float = Field(
        30.0,
        ge=0,
        le=120,
        description="How long a start may wait for the queue to give a number, in seconds.",
    )
    webhook_secret: SecretRef | None = Field(
        None, description="A reference to the secret that signs webhooks; without it none is taken."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address like https://ci.example/jenkins")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must hold no user and no password: set `user` and `token`")
        return url.rstrip("/")
