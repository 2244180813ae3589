"""The chain under the ledger: contracts as they are committed, transactions that arrive once, events that are final.

Needs the extra `antiphon[evm]` (web3.py). Nothing here is imported before a chain is asked for.
"""
