"""Settings of a CircleCI connection."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from pipemgr.adapter import AdapterSettings, SecretRef

CLOUD = "https://circleci.com"
SHORT = {"github": "gh", "bitbucket": "bb"}
"""CircleCI's two spellings of a host: answers have the short one, webhooks the long one."""


def canonical(slug: str) -> str:
    """A project's slug as API v2 spells it: `gh/acme/shop`, or `circleci/<organisation>/<project>`."""
    host, *rest = slug.strip("/").split("/")
    if len(rest) != 2 or not all(rest):  # noqa: PLR2004 - the organisation and the repository
        raise ValueError("a project is written host/organisation/repository, such as gh/acme/shop")
    return "/".join((SHORT.get(host, host), *rest))


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.query:
        raise ValueError(
            "an address such as https://circleci.example.com is needed, without a user or a query"
        )
    return url.rstrip("/")


class CircleCISettings(AdapterSettings):
    """Where CircleCI is, as whom to speak to it, and what to watch."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        default=CLOUD, description="the address of CircleCI; of a CircleCI Server its own"
    )
    token: SecretRef = Field(
        description="a personal API token, as a reference to a secret; project tokens do not work on API v2"
    )
    projects: tuple[Annotated[str, AfterValidator(canonical)], ...] = Field(
        min_length=1,
        description="slugs of the projects to watch: gh/acme/shop, or circleci/<id>/<id> as the project settings show",
    )
    webhook_secret: SecretRef | None = Field(
        default=None, description="the secret of the webhooks; without it none is taken"
    )
    api: Literal["auto", "v3", "v2"] = Field(
        default="auto",
        description="v3 (live logs, one search over all projects), or v2 with v1.1; auto is v3 on circleci.com, else v2",
    )
    ca_bundle: str | None = Field(
        default=None, description="a file with the authorities to trust, relative to the workspace"
    )

    @property
    def modern(self) -> bool:
        """Whether to use API v3, which CircleCI Server does not have (docs: "CircleCI APIs overview")."""
        return self.api == "v3" or (self.api == "auto" and self.url == CLOUD)
