"""Mapping tables as data: the neutral catalogue, and one folder a vendor. Read by `pipemgr.mapping`."""
