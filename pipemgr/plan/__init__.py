"""Planning: what would change at a vendor, who moved, and making it so."""
