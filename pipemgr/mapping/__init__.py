"""Mapping: how the tables of `mappings/` are read, checked, laid over one another and looked up both ways."""
