"""The CircleCI adapter: builds observed and controlled."""

from .adapter import CircleCIAdapter

__all__ = ["CircleCIAdapter"]
