"""Operations: the only ways to change shared state. Each travels in a signed envelope addressed to the ledger.

`kind` of the envelope is "ledger", its sender the acting party, its body the canonical encoding of one operation.
A repeated envelope (same sender and nonce) returns the first answer again and changes nothing, so a caller that lost
an answer in a crash just sends it again.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import Mode, Part, Role, Vote
from antiphon.ledger.epochs import Weights

OPERATION_KIND = "ledger"
"""Kind of the envelope that carries an operation."""
VOUCHER_KIND = "ledger-voucher"


class _Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    pass


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an offer must match. Empty = any. Public: names of voice, engine and language; never text or audio."""

    service: str
    language: str = ""
    engine: str = ""
    voice: str = ""
    asset: str = ""  # content hash of the model that must be used (`ledger.assets`)
    node: str = ""  # one particular producer; only synthetic tasks may ask for one, so that every node gets scored


class ServiceOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node offers in one role. A validator lists the languages it can judge and leaves engine/voices empty."""

    service: str
    price_nano: int  # C, per unit
    languages: tuple[str, ...] = ()  # empty = any
    engine: str = ""
    voices: tuple[str, ...] = ()  # empty = any
    mixes_voices: bool = False  # serves `a:0.6+b:0.4` when it serves a and b
    asset: str = ""  # content hash of the model that the engine uses; its registry's royalty follows (`ledger.assets`)


class Register(_Operation, frozen=True, tag="register"):
    """Become (or update) a node in one role; it needs `rules.min_stake_nano` of stake already.

    The ledger keeps the signed envelope and hands it to everybody who asks for the node. One that was signed before
    the present one is refused.
    """

    role: Role
    offers: tuple[ServiceOffer, ...]
    seal_key: bytes  # X25519 public key, 32 bytes
    endpoint: str


class Retire(_Operation, frozen=True, tag="retire"):
    """Leave a role. Parts already assigned still count; score memory above a newcomer's is forgotten."""

    role: Role


class Heartbeat(_Operation, frozen=True, tag="heartbeat"):
    """ "I am here": offers of a role count only within `rules.live_s` of its last Register or Heartbeat.

    `live=False` is a clean goodbye: not offered from now on, score memory kept. A heartbeat from another endpoint than
    the registered one is refused: whoever moved registers anew.
    """

    role: Role
    endpoint: str
    live: bool = True


class Deposit(_Operation, frozen=True, tag="deposit"):
    """Credit an account from outside. Only the ledger's operator may sign it."""

    account: str  # node id
    amount_nano: int


class ClaimSession(_Operation, frozen=True, tag="claim-session"):
    """On a relay: spend a session of the chain's by this account. Both keys say so: this envelope is signed by the
    account, `signature` by the session's client (`ledger.relay.heads.claim`)."""

    session: int
    signature: bytes  # 65: r, s, v


class SignBatch(_Operation, frozen=True, tag="sign-batch"):
    """On a relay: what a batch changes is what the signer computed itself (`ledger.relay.netting`). Signed by the chain
    key of one of its parties; whoever sends it says nothing by that."""

    batch: int
    signature: bytes  # 64: r, vs (EIP-2098)


class Pay(_Operation, frozen=True, tag="pay"):
    """Give own balance to another account. Who paid whom is not public."""

    account: str  # node id
    amount_nano: int


class Stake(_Operation, frozen=True, tag="stake"):
    """Move own balance into own stake."""

    amount_nano: int


class Unstake(_Operation, frozen=True, tag="unstake"):
    """Begin to take back free (not locked) stake: it is the balance's after `rules.unbond_s`.

    Until then penalties can still take it. A further `Unstake` starts the time anew for all that is on its way.
    """

    amount_nano: int


class OpenTask(_Operation, frozen=True, tag="open-task"):
    """Quote, lock escrow, draw producers and validators: all in one step, or not at all."""

    task: str  # 32 hex digits, chosen by the client
    selector: Selector
    parts: tuple[Part, ...]
    mode: Mode  # in STREAM an invalid result has no failover: the client has already heard it
    request_hash: bytes  # SHA-256 over the sealed orders' plaintext, salted with the task key
    tips: tuple[bytes, ...]  # of the client's chains (`economy.beacon.Chain`), one per part: its side of all draws
    max_total_nano: int  # refuse rather than lock more than this
    synthetic: bool = False  # a validator's own prompt, hidden until the task is closed
    voucher: bytes = b""  # of a synthetic task: the validator's signed `Voucher`, if it orders under another identity
    grants: tuple[bytes, ...] = ()  # signed consents (`protocol.consent`) that the task relies on; public
    payer: str = ""  # address whose key signs vouchers while the client listens; in STREAM, over a relay


class Voucher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A validator says that this client asks for it: body of an envelope of VOUCHER_KIND to the ledger.

    So that a probe comes from a client that nobody knows, and looks like any other order.
    """

    client: str  # node id


class Deliver(_Operation, frozen=True, tag="deliver"):
    """A producer commits to its result before any validator has seen it."""

    task: str
    index: int
    attempt: int
    result_hash: bytes  # SHA-256 over (task key || form || result)
    size: int  # bytes
    rate_hz: int  # of interleaved 16-bit PCM; 0 = the result is no audio
    channels: int  # 0 = no audio
    trace_root: bytes = (
        b""  # 32 bytes: how it was made, salted with the key (`economy.audits`); empty = cannot be audited
    )

    @property
    def seconds(self) -> float:
        """Of audio; 0 for what is none."""
        return self.size / 2 / self.channels / self.rate_hz if self.rate_hz else 0.0


class Decline(_Operation, frozen=True, tag="decline"):
    """The assigned producer gives the part back (busy, cannot serve). The next producer takes over."""

    task: str
    index: int
    attempt: int
    reason: str


class Skip(_Operation, frozen=True, tag="skip"):
    """The client passes over a producer that did not answer. Allowed while nothing is delivered."""

    task: str
    index: int
    attempt: int
    reason: str


class Redeem(_Operation, frozen=True, tag="redeem"):
    """The producer of a part that ends undelivered is paid by the client's last voucher."""

    task: str
    index: int
    attempt: int
    heard: bytes  # envelope of the client's `ledger.vouchers.Heard`


class DrawSeats(_Operation, frozen=True, tag="draw-seats"):
    """The client opens its next link for a delivered part; the ledger adds its own, and the seats are drawn."""

    task: str
    index: int
    attempt: int
    round: int
    link: bytes  # 32 bytes
    pool_hash: bytes  # `ledger.panel.pool_hash`: who may be drawn, as the client saw it before it opened the link


class Commit(_Operation, frozen=True, tag="commit"):
    """A drawn validator commits: SHA-256 over canonical(vote) || salt || validator || task || index || round."""

    task: str
    index: int
    round: int
    commitment: bytes


class Endorse(_Operation, frozen=True, tag="endorse"):
    """Over a relay: who pays and who made it sign what the chain needs to settle this round without the relay
    (`ledger.relay.quorum`). The client names a part of its session; the producer signs the same. Nothing here depends
    on it."""

    task: str
    index: int
    attempt: int
    round: int
    session: int
    part: int
    due_s: int  # from then on, votes may be missing
    producer: str  # address
    seats: tuple[str, ...]  # addresses, in the order of the draw
    signature: bytes  # 64: r, vs (EIP-2098)


class Reveal(_Operation, frozen=True, tag="reveal", omit_defaults=True):
    """The same validator opens its commitment after the commit phase."""

    task: str
    index: int
    round: int
    vote: Vote
    salt: bytes  # 16 bytes
    ballot: bytes = b""  # over a relay: the vote, signed for the chain (`ledger.relay.quorum`), 64 bytes


class Expose(_Operation, frozen=True, tag="expose"):
    """A drawn validator publishes that the producer showed something else than it delivered: proof by itself."""

    task: str
    index: int
    round: int
    shown: bytes  # the producer's signed `ledger.showings.Shown`


class Appeal(_Operation, frozen=True, tag="appeal"):
    """Whoever a verdict fines asks for a jury of all others in the pool; whoever is wrong pays it."""

    task: str
    index: int
    round: int  # of the verdict


class Cancel(_Operation, frozen=True, tag="cancel"):
    """The client ends a task. Parts not yet delivered are refunded, less a fee for the producers that stood by, or
    less what was heard of them (`Redeem`). Of the others those whose seats are drawn are still judged and paid, and for
    those that wait for the draw the producer is paid unjudged."""

    task: str


class Revoke(_Operation, frozen=True, tag="revoke"):
    """The grantor takes a consent back, for ever; it need not have been used yet. Somebody else's word has no effect.

    Tasks that rely on it end as if their client had cancelled.
    """

    grant: str  # `protocol.consent.grant_id`


class CommitWeights(_Operation, frozen=True, tag="commit-weights"):
    """A validator commits to its weights of the open epoch: `ledger.epochs.commitment`."""

    epoch: int
    commitment: bytes


class RevealWeights(_Operation, frozen=True, tag="reveal-weights"):
    """The same validator opens its commitment once nobody can commit any more."""

    weights: Weights
    salt: bytes  # 16 bytes


class CallEpoch(_Operation, frozen=True, tag="call-epoch"):
    """The open epoch is due now. Only the ledger's operator may sign it; it pays for the time that passed, no more."""

    epoch: int


class SetEpochRules(_Operation, frozen=True, tag="set-epoch-rules"):
    """Epochs go by these from the next one on. Only the ledger's operator may sign it."""

    rules: EpochRules


class Contributor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who made an asset, and its share of what the asset earns."""

    node: str  # node id
    ppm: int


class CommitAsset(_Operation, frozen=True, tag="commit-asset"):
    """Have an asset, without saying which: `ledger.assets.commitment`. It counts from the first time."""

    commitment: bytes  # 32


class PublishAsset(_Operation, frozen=True, tag="publish-asset"):
    """Publish what was committed to. Nothing of it changes afterwards; who committed earlier takes it over."""

    asset: str  # content hash, 64 hex digits
    salt: bytes  # 16
    parents: tuple[str, ...] = ()  # assets that it was made from
    asked_ppm: int = 0  # what it asks of assets made from it
    contributors: tuple[Contributor, ...] = ()  # a million ppm together; the first gets what rounding leaves


class ClaimRoyalty(_Operation, frozen=True, tag="claim-royalty"):
    """Anybody: pay out to a contributor what its share of an asset has brought. Of a copy: move all that it has earned
    to the original."""

    asset: str
    place: int = 0  # of the contributor


class MarkCopy(_Operation, frozen=True, tag="mark-copy"):
    """A validator has found that an asset is a near copy of one that was committed to earlier. Once validators with
    most of the stake say so of the same original, it earns nothing."""

    asset: str
    original: str


AssetOperation: TypeAlias = CommitAsset | PublishAsset | ClaimRoyalty | MarkCopy

EpochOperation: TypeAlias = CommitWeights | RevealWeights | CallEpoch | SetEpochRules

Operation: TypeAlias = (
    Register
    | Retire
    | Heartbeat
    | Deposit
    | ClaimSession
    | SignBatch
    | Pay
    | Stake
    | Unstake
    | OpenTask
    | Deliver
    | Decline
    | Skip
    | Redeem
    | DrawSeats
    | Endorse
    | Commit
    | Reveal
    | Expose
    | Appeal
    | Cancel
    | Revoke
    | CommitAsset
    | PublishAsset
    | ClaimRoyalty
    | MarkCopy
    | CommitWeights
    | RevealWeights
    | CallEpoch
    | SetEpochRules
)
