"""The ledger: shared state that no role has to trust another for.

Writing is one method, `submit`, which takes a signed envelope (see `operations`). Reading is one method, `read`, which
takes a query (see `queries`) and returns frozen records. `antiphon.ledger.sql` is the default backend;
`tests/ledger/conformance.py` is the suite every backend must pass.
"""

from __future__ import annotations

from abc import abstractmethod

from antiphon.ledger.book import Head
from antiphon.ledger.queries import Reads


class Ledger(Reads):
    """All methods raise `AntiphonError` subclasses only; `submit` is atomic and idempotent per envelope nonce."""

    @abstractmethod
    async def identity(self) -> str:
        """The ledger's node id: the receiver of every operation's envelope."""

    @abstractmethod
    async def submit(self, envelope: bytes) -> None:
        """Apply one signed operation.

        Raises ProtocolError, InputError, FundsError, UnavailableError or ConflictError; then nothing has changed.
        """

    @property
    def head(self) -> Head | None:
        """The newest head of a relay's book that we were given; None: this is no relay, or it was not watched yet."""
        return None

    @abstractmethod
    async def expire(self) -> int:
        """Let passed deadlines take effect (of parts, of stake on its way back, of silent nodes); anybody may call it.

        Returns how many parts moved.
        """

    @abstractmethod
    async def close(self) -> None: ...
