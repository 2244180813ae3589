"""A ledger without its powers: it orders signed operations and keeps them; money and stakes are the chain's.

`RelayLedger` runs one, `WatchedLedger` uses one and believes nothing of what can be checked.
"""
