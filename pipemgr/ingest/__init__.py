"""Ingest: from what vendors say about builds to what the ledger has of them."""
