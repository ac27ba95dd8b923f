"""Events: from the outbox to whoever wants to know."""
