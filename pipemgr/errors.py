"""One tree of errors, sorted by what the caller can do about them."""

from __future__ import annotations


class PipemgrError(Exception):
    """Root of everything that pipemgr raises on purpose.

    `message` says what went wrong and names the thing; `where` is the place (`file:line:column`, a
    connection, an entry); `remedy` is what to do next. The CLI prints all three, REST sends them as fields
    of a problem document.
    """

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """`where: message`, the form compilers print."""
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigurationError(PipemgrError):
    """The workspace or its configuration is wrong: fix the file."""


class NoWorkspace(ConfigurationError):
    """There is no configuration file here or above."""


class UnknownAdapter(ConfigurationError):
    """No installed adapter has this name."""


class BadSettings(ConfigurationError):
    """A connection's settings do not fit its adapter."""


class SecretNotFound(ConfigurationError):
    """A secret reference leads nowhere."""


class MappingError(ConfigurationError):
    """A mapping table is not what its schema says."""


class DefinitionError(PipemgrError):
    """A pipeline definition is wrong: fix the pipeline."""


class ParseError(DefinitionError):
    """A document can't be read at all; `where` is `file:line:column`."""


class InvalidPipeline(DefinitionError):
    """A document is readable, but no pipeline; `problems` are (where, message) pairs."""

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        remedy: str | None = None,
        problems: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.problems = problems


class LanguageFault(DefinitionError):
    """A reader or a writer broke down over a definition: a fault of its adapter (or of pipemgr), not of the file."""


class TranslationRefused(PipemgrError):
    """The loss is greater than the strictness allows; `report` says what would be lost."""

    def __init__(self, message: str, *, report: object, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.report = report


class AdapterError(PipemgrError):
    """Something between an adapter and its vendor; `where` is the connection."""


class Retryable(AdapterError):
    """Try again later."""


class Unreachable(Retryable):
    """No answer, or one that says the server is not up."""


class RateLimited(Retryable):
    """The vendor asks for patience; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float, where: str | None = None) -> None:
        super().__init__(message, where=where, remedy=f"try again in {retry_after:.0f} s")
        self.retry_after = retry_after


class Storm(AdapterError):
    """More builds are new at once than are taken without asking: somebody decides."""


class Refused(AdapterError):
    """The vendor said no: stop and tell."""


class AuthenticationFailed(Refused):
    """The credential is missing, wrong or expired."""


class NotAllowed(Refused):
    """The credential is good, but not for this."""


class NotFound(Refused):
    """The vendor knows no such thing."""


class Conflict(AdapterError):
    """What is live changed since the plan was made: plan again."""


class UnsupportedCapability(AdapterError):
    """This adapter can't do that; its `adapter.yaml` says why."""


class LedgerError(PipemgrError):
    """The ledger can't be used as it is."""


class SealBroken(LedgerError):
    """The ledger is not what was sealed; `where` names the first bad entry."""


class SchemaTooOld(LedgerError):
    """The database has another schema than this version of pipemgr."""


class Busy(LedgerError):
    """Another process holds what this one needs; it will be free soon."""


class NoSuchObject(PipemgrError):
    """Nothing in the ledger has this name or id."""
