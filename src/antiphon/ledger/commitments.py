"""What a validator commits to before it reveals its vote."""

from __future__ import annotations

from hashlib import sha256

from antiphon.economy.types import Vote
from antiphon.protocol import canonical

_COMMIT_DOMAIN = b"antiphon vote commitment 1\n"


def commitment(vote: Vote, salt: bytes, *, validator: str, task: str, index: int, round: int) -> bytes:  # noqa: A002
    """What a validator commits to before it reveals: SHA-256, 32 bytes. `salt` is 16 random bytes.

    Each field is preceded by its length, so that no two different votes share an encoding.
    """
    digest = sha256(_COMMIT_DOMAIN)
    for field in (canonical.encode(vote), salt, validator.encode(), task.encode(), b"%d" % index, b"%d" % round):
        digest.update(len(field).to_bytes(4, "big") + field)
    return digest.digest()
