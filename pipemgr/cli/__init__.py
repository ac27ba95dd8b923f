"""The command line: a thin face over `pipemgr.service`."""
