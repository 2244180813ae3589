"""Measures the figures that the documents promise, on this machine, now. Nothing here is a stored number."""
