"""Fakes: vendors that run on this machine, made from recordings and the vendors' own API descriptions.

The only place of the hub that names vendors: one file a vendor, each serving the same `World`. They are strict about
what they are asked, count it, and misbehave on demand.
"""
