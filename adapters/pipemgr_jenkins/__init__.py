"""The Jenkins adapter: builds observed and controlled."""

from .adapter import JenkinsAdapter

__all__ = ["JenkinsAdapter"]
