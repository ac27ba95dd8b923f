"""Translation between documents and definitions: pure, and never silent about a loss."""
