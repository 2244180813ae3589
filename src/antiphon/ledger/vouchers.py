"""What a listener signs while sound arrives: how far it heard a part, and what it owes for that. Pure.

1. A voucher is cumulative: the highest counts, and each replaces the one before. One that goes back is refused.
2. What is owed at a position follows from the part's terms alone (`owed_nano`), so both sides know it to the unit.
3. It names the running hash of the stream up to there (`parties.messages.ResultHash`): it is about this sound alone.
4. The envelope is signed by the client for this producer and task (Ed25519), which every ledger and audit can check.
   What the chain wants is inside: the same amount, signed by the session's chain key (`ledger.relay.vouchers`).
5. It pays only for a part that ends before it is delivered (`machine`, rule 19). What is delivered is judged.
"""

from __future__ import annotations

import msgspec

from antiphon.errors import ConflictError, ProtocolError
from antiphon.protocol import canonical, envelope
from antiphon.services import UNITS_PER_S

HEARD = "heard"
"""Kind of the envelope that carries a `Heard`: from the client to the producer, on the task."""
MAX_HEARD_BYTES = 1_024
SETTLE_S = 3_600
"""A session is spent no more so long before it expires: what was earned from it must be settled by then. In the second
half of that time the chain pays by voucher."""
SIGNATURE_BYTES = 64
ADDRESS_CHARS = 42
_HINT = "Send nothing more until the client signs what it owes."


class Funds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What on the chain stands behind one part: a part of its client's session."""

    session: int
    part: int
    payer: str  # address of the session's client
    part_nano: int  # the most that a part of this session gives
    due_s: int  # from then on the chain pays by voucher; until then a verdict goes before


class Heard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ "I have heard the part up to here, and owe so much for it." """

    index: int
    attempt: int
    position: int  # bytes of the stream
    stream: bytes  # 32 bytes: the running hash up to there
    amount_nano: int
    signature: bytes  # r and vs (EIP-2098) over the chain's voucher


def owed_nano(reward_nano: int, units: int, bytes_per_s: int, position: int, funds: Funds) -> int:
    """Rule 2: R*Q by the share of the part's expected length that was heard, rounded up; never more than R*Q.

    The expected length follows from the units alone (`services.UNITS_PER_S`), so nobody earns by speaking slowly.
    """
    share = -(-reward_nano * position * UNITS_PER_S // (units * bytes_per_s))
    return min(share, reward_nano, funds.part_nano)


def check_next(before: Heard | None, heard: Heard, *, owed: int) -> None:
    """Rules 1 and 2. Raises ConflictError."""
    if before is not None and (heard.position <= before.position or heard.amount_nano < before.amount_nano):
        raise ConflictError(
            f"The voucher goes back: {heard.amount_nano} nano at {heard.position}, after {before.amount_nano} nano at "
            f"{before.position}",
            "Vouchers are cumulative; sign the whole amount so far.",
        )
    if heard.amount_nano < owed:
        raise ConflictError(f"The voucher is over {heard.amount_nano} nano, {owed} are owed", _HINT)


def read(raw: bytes, *, client: str, producer: str, task: str) -> Heard:
    """The signed word of this client to this producer on this task (rule 4). Raises ProtocolError."""
    if len(raw) > MAX_HEARD_BYTES:
        raise ProtocolError(f"A voucher has at most {MAX_HEARD_BYTES} bytes", _HINT)
    signed = envelope.verify_at(raw, producer)
    if (signed.kind, signed.sender, signed.task) != (HEARD, client, task):
        raise ProtocolError("The voucher is not the client's word on this task", _HINT)
    heard: Heard = canonical.decode(Heard, signed.body)
    return heard
