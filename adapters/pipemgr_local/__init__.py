"""The local adapter: pipelines run on this machine, by `act`. Also the template for new adapters."""

from .adapter import LocalAdapter

__all__ = ["LocalAdapter"]
