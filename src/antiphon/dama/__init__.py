"""Model assets: what they are, where they lie, whose they are, and what they earn."""
