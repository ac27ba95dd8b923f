"""Settings: what a GitOps connection can be told in `pipemgr.toml`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipemgr.adapter import AdapterSettings, SecretRef

CONTEXTS = (
    "kustomization/*",
    "helmrelease/*",
    "argocd/*",
    "continuous-delivery/*",
    "Pipelines as Code*",
    "*tekton*",
)
"""What controllers call their commit statuses and check runs, unless an environment names its own."""


class Part(BaseModel):
    """A table inside the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Environment(Part):
    """How one environment is told from the others; `{pipeline}` stands for the last part of a pipeline's name."""

    contexts: tuple[str, ...] = Field((), description="Globs of commit statuses and check runs about it.")
    deployments: tuple[str, ...] = Field(
        (), description="Globs of the forge's deployment environments; its own name else."
    )
    resources: tuple[str, ...] = Field((), description="Globs of resources, by NAME or NAMESPACE/NAME.")
    branch: str | None = Field(None, description="The branch that holds its hydrated manifests.")


class Forge(Part):
    """Where commit statuses, check runs and deployments are."""

    kind: Literal["github"] = Field("github", description="Which API it speaks.")
    url: str = Field("https://api.github.com", description="The address of the API.")
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="OWNER/NAME.")
    token: SecretRef | None = Field(
        None, description="A token that may read statuses, checks and deployments."
    )


class Kubernetes(Part):
    """The cluster whose controllers are asked; needs the extra `kubernetes`."""

    kubeconfig: str | None = Field(None, description="Path of a kubeconfig; none: the pod's own account.")
    context: str | None = Field(None, description="Its context; none: the current one.")
    namespaces: tuple[str, ...] = Field((), description="Which namespaces; none: all.")
    kinds: tuple[
        Literal[
            "Application", "Kustomization", "HelmRelease", "GitRepository", "PipelineRun", "TaskRun", "Workflow"
        ], ...
    ] = Field(
        ("Application", "Kustomization", "HelmRelease", "GitRepository", "PipelineRun", "TaskRun", "Workflow"),
        description="Which resources; one list request each in a poll.",
    )  # fmt: skip


class GitOpsSettings(AdapterSettings):
    """Every key of `[connections.NAME.settings]`."""

    repository: str = Field(
        description="The repository: https://, ssh://, user@host:path, or a folder's full path."
    )
    branch: str = Field("main", description="The branch that is deployed.")
    user: str = Field("git", description="The user that the credential belongs to, over https.")
    credential: SecretRef | None = Field(None, description="A token or password for reading over https.")
    ssh_key: str | None = Field(None, description="Path of a private key for ssh; none: the agent.")
    depth: int | None = Field(None, ge=1, description="Commits that the first fetch brings; none: all.")
    pipelines: dict[str, tuple[str, ...]] = Field(
        {}, description="Pipelines by name, with globs of their manifests; ** stands for any folders."
    )
    directories: tuple[str, ...] = Field(
        (), description="Globs of folders, each of which is a pipeline, such as apps/*."
    )
    environments: dict[str, Environment] = Field({}, description="Environments; none: there is only one.")
    status_path: str = Field("pipemgr/status", description="Where reports lie, in the repository.")
    forge: Forge | None = Field(None, description="Where commit statuses, checks and deployments are.")
    kubernetes: Kubernetes | None = Field(None, description="The cluster whose resources are read.")
    patience: int = Field(3600, ge=1, description="Seconds after which a commit nobody tells of is given up.")
