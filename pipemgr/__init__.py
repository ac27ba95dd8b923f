"""Pipemgr: one model for pipelines and builds, whichever service runs them.

This package is the hub. Importing it loads neither an adapter nor the database nor the model:
every part is imported where it is used. See `pipemgr/README.md` for the floors of the house.
"""

__version__ = "0.1.0"
