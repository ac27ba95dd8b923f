"""The GitHub Actions adapter: workflows read and written."""

from .adapter import GitHubActionsAdapter
from .reader import GitHubActionsReader
from .writer import GitHubActionsWriter

__all__ = ["GitHubActionsAdapter", "GitHubActionsReader", "GitHubActionsWriter"]
