"""The GitOps adapter: builds observed and controlled."""

from .adapter import GitOpsAdapter

__all__ = ["GitOpsAdapter"]
