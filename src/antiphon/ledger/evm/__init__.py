"""The chain under the ledger: contracts as they are committed, transactions that arrive once, events that are final.

Needs the extra `antiphon[evm]` (web3.py). It is imported only when a chain is asked for.
"""

from __future__ import annotations

import contextlib
import sys


def _keep_recursion_limit() -> None:
    """py_ecc, below web3.py, raises Python's limit a hundredfold when it is imported, and does so once. Deeply nested
    JSON from a stranger would then end the process where it is an error now."""
    limit = sys.getrecursionlimit()
    with contextlib.suppress(ImportError):
        import py_ecc  # noqa: F401
    sys.setrecursionlimit(limit)


_keep_recursion_limit()
