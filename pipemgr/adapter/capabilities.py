"""Capabilities: the questions that every `adapter.yaml` answers."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """Something an adapter may be able to do."""

    READ = "read"
    """Read the vendor's documents into a pipeline."""
    WRITE = "write"
    """Write a pipeline as the vendor's documents."""
    PROBE = "probe"
    """Check the connection."""
    LIST = "list"
    """List the vendor's pipelines."""
    FETCH = "fetch"
    """Fetch a live definition."""
    PUBLISH = "publish"
    """Publish a definition."""
    DELETE = "delete"
    """Delete a definition."""
    POLL = "poll"
    """Find new builds."""
    SNAPSHOT = "snapshot"
    """Look at one build."""
    HISTORY = "history"
    """Walk through past builds."""
    STAGES = "stages"
    """Tell the stages of a build."""
    STEPS = "steps"
    """Tell the steps of a stage."""
    ATTEMPTS = "attempts"
    """Tell the attempts of a build apart."""
    START = "start"
    """Start a build."""
    CANCEL = "cancel"
    """Cancel a build."""
    RERUN = "rerun"
    """Execute a build again."""
    APPROVE = "approve"
    """Answer an approval."""
    LOGS = "logs"
    """Read logs."""
    LIVE_LOGS = "live_logs"
    """Read logs while they are being written."""
    ARTIFACTS = "artifacts"
    """List artifacts with their digests."""
    DOWNLOAD = "download"
    """Read what is in an artifact."""
    TESTS = "tests"
    """Tell the test cases of a build."""
    WEBHOOKS = "webhooks"
    """Take hints from the vendor's webhooks."""

    @property
    def verb(self) -> str:
        """What a message says an adapter without it cannot do."""
        return _VERBS[self]


_VERBS = {
    Capability.READ: "read documents",
    Capability.WRITE: "write documents",
    Capability.PROBE: "check a connection",
    Capability.LIST: "list pipelines",
    Capability.FETCH: "fetch definitions",
    Capability.PUBLISH: "publish definitions",
    Capability.DELETE: "delete definitions",
    Capability.POLL: "find builds",
    Capability.SNAPSHOT: "look at a build",
    Capability.HISTORY: "walk through past builds",
    Capability.STAGES: "tell the stages of a build",
    Capability.STEPS: "tell the steps of a stage",
    Capability.ATTEMPTS: "tell attempts apart",
    Capability.START: "start builds",
    Capability.CANCEL: "cancel builds",
    Capability.RERUN: "execute builds again",
    Capability.APPROVE: "answer approvals",
    Capability.LOGS: "read logs",
    Capability.LIVE_LOGS: "read logs that are being written",
    Capability.ARTIFACTS: "list artifacts",
    Capability.DOWNLOAD: "read artifacts",
    Capability.TESTS: "tell test cases",
    Capability.WEBHOOKS: "take webhooks",
}
