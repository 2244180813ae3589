"""A round's shares as work of the market: the service `contribution`, appraised by one node and by drawn validators.

Who appraises reads what was committed (`evidence`) and has no word of the coordinator's but that. A vote's readings are
shares; the majority's medians count (`outcome`).
"""
