"""The jenkins-job adapter: job configurations (`config.xml`) as a language, without a server."""

from .adapter import JenkinsJobAdapter
from .normal import normalise

__all__ = ["JenkinsJobAdapter", "normalise"]
