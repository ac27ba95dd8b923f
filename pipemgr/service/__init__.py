"""Use cases: what the command line and the web both call, one file a subject."""
