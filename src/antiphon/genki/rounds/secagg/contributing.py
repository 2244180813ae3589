"""A contributor's side of an attempt.

1. Offers of this attempt alone, each signed, one of each, its own unchanged among them, as many as the plan asks for.
2. A masked update leaves once in an attempt. The same question has the same answer; another one at the same step none.
3. Its own shares go, sealed, to those parties; the pairwise masks are with those whose shares came.
4. It confirms one sum, which has it and as many as the threshold and the plan want.
5. It opens that sum only, when as many as the threshold have signed the same, and one sum in a round, whatever is
   asked: two sums of nearly the same parties would show the difference.
6. Of each party it opens the seed or the key, never both.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from antiphon.errors import ProtocolError
from antiphon.genki.rounds.secagg import messages
from antiphon.genki.rounds.secagg.messages import (
    MAX_STEP_BYTES,
    Confirm,
    Confirmed,
    Mask,
    Masked,
    Offer,
    Open,
    Opened,
    Pair,
    Share,
    Shares,
    Step,
)
from antiphon.genki.rounds.secagg.primitives import KEY_BYTES, MAX_PARTIES, Words, agreed, mask, split, threshold
from antiphon.genki.rounds.task import Task
from antiphon.protocol import canonical
from antiphon.protocol.identity import Identity

_NONCE = bytes(12)  # each key seals one message
_NEXT = "Take part in the next round."


class Attempt:
    """One try at the sum of `task`'s round. Its keys live as long as this object."""

    def __init__(self, identity: Identity, task: Task, words: Words, opening: Callable[[], None]) -> None:
        """`opening` is called before a sum is opened; it raises `ProtocolError` where one of the round was."""
        self._identity, self._words, self._opening = identity, words, opening
        self.id, self._least = task.attempt, task.plan.min_parties
        self._about = messages.context(task)
        self._cipher, self._mask = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self._seed = secrets.token_bytes(KEY_BYTES)
        self._offers: dict[str, Offer] = {}
        self._pairs: dict[str, Pair] = {}
        self._summed: tuple[str, ...] = ()
        self._answered: dict[type, tuple[Step, bytes]] = {}
        self.offer = self._signed(
            Offer(
                cipher=self._cipher.public_key().public_bytes_raw(),
                mask=self._mask.public_key().public_bytes_raw(),
                seed_hash=blake3(self._seed).digest(),
            )
        )

    def answer(self, raw: bytes) -> bytes:
        """The signed answer to a step of the coordinator's. Raises `ProtocolError` for one that breaks a rule."""
        step = canonical.decode(Step, raw, limit=MAX_STEP_BYTES)
        if step.attempt != self.id:
            raise ProtocolError("This is a step of another attempt", _NEXT)
        if type(step) in self._answered:  # 2
            asked, answer = self._answered[type(step)]
            if asked != step:
                raise ProtocolError("The coordinator asks for another answer at the same step", _NEXT)
            return answer
        match step:
            case Share():
                made = self._signed(self._shared(step))
            case Mask():
                made = self._signed(self._masked(step))
            case Confirm():
                made = self._signed(self._confirmed(step))
            case Open():
                made = self._signed(self._opened(step))
        self._answered[type(step)] = step, made
        return made

    def _shared(self, step: Share) -> Shares:
        found: dict[str, Offer] = {}
        for raw in step.offers[: MAX_PARTIES + 1]:
            who, offer = messages.opened(Offer, raw, self._about, limit=1_024)
            found[who] = offer
            if who == self._identity.node_id and raw != self.offer:
                raise ProtocolError("The coordinator shows another offer than this party's", _NEXT)
        if len(found) != len(step.offers) or self._identity.node_id not in found or list(found) != sorted(found):  # 1
            raise ProtocolError("The offers are not one of each party, with this one's, in order", _NEXT)
        if len(found) < self._least:
            raise ProtocolError(f"{len(found)} parties are fewer than the plan's {self._least}", _NEXT)
        self._offers = found
        needed, key = threshold(len(found)), self._mask.private_bytes_raw()
        pairs = zip(split(self._seed, needed, len(found)), split(key, needed, len(found)), strict=True)
        sealed = {}
        for who, (seed, part) in zip(found, pairs, strict=True):
            pair = Pair(seed=seed, key=part)
            if who == self._identity.node_id:
                self._pairs[who] = pair
            else:
                sealed[who] = self._sealing(self._identity.node_id, who).encrypt(_NONCE, canonical.pack(pair), b"")
        return Shares(sealed=sealed)

    def _masked(self, step: Mask) -> Masked:
        if not self._offers:
            raise ProtocolError("The coordinator leaves out a step", _NEXT)
        own = self._identity.node_id
        for who, raw in step.sealed.items():
            if who not in self._offers or who == own:
                raise ProtocolError(f"{who[:12]} is no other party of this attempt", _NEXT)
            try:
                clear = self._sealing(who, own).decrypt(_NONCE, raw, b"")
            except InvalidTag as error:
                raise ProtocolError(f"The shares of {who[:12]} do not open", _NEXT) from error
            self._pairs[who] = canonical.decode(Pair, clear, limit=1_024)
        if len(self._pairs) < max(threshold(len(self._offers)), self._least):
            raise ProtocolError(f"{len(self._pairs)} parties are too few to hide among", _NEXT)
        total = self._words + mask(self._seed, self._words.size)
        for who in self._pairs:
            if who != own:  # 3
                shared = mask(self._pairwise(who), self._words.size)
                total = total + shared if own < who else total - shared
        return Masked(words=total.astype("<u4").tobytes())

    def _confirmed(self, step: Confirm) -> Confirmed:
        if Mask not in self._answered:
            raise ProtocolError("The coordinator leaves out a step", _NEXT)
        summed = step.summed
        wanted = max(threshold(len(self._offers)), self._least)
        whole = set(summed) <= set(self._pairs) and list(summed) == sorted(set(summed))
        if not whole or self._identity.node_id not in summed or len(summed) < wanted:  # 4
            raise ProtocolError("The sum is not of enough parties, with this one, whose shares are here", _NEXT)
        self._summed = summed
        return Confirmed(summed=summed)

    def _opened(self, step: Open) -> Opened:
        if not self._summed:
            raise ProtocolError("The coordinator leaves out a step", _NEXT)
        alike = set()
        for who, raw in step.confirmed.items():
            _, told = messages.opened(Confirmed, raw, self._about, who, limit=MAX_STEP_BYTES)
            if who in self._summed and told.summed == self._summed:
                alike.add(who)
        if len(alike) < threshold(len(self._offers)):  # 5
            raise ProtocolError(f"{len(alike)} parties have confirmed this sum, too few to open it", _NEXT)
        self._opening()
        inside = set(self._summed)
        return Opened(  # 6
            seeds={who: pair.seed for who, pair in self._pairs.items() if who in inside},
            keys={who: pair.key for who, pair in self._pairs.items() if who not in inside},
        )

    def _pairwise(self, other: str) -> bytes:
        return agreed(self._mask, self._offers[other].mask, self._about, b"mask")

    def _sealing(self, sender: str, receiver: str) -> ChaCha20Poly1305:
        other = receiver if sender == self._identity.node_id else sender
        label = b"shares " + sender.encode() + b" " + receiver.encode()
        return ChaCha20Poly1305(agreed(self._cipher, self._offers[other].cipher, self._about, label))

    def _signed(self, answer: Offer | Shares | Masked | Confirmed | Opened) -> bytes:
        return messages.signed(answer, self._identity, self._about)
