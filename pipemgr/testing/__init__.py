"""What tests of adapters import: ways to make every pipeline there can be."""
