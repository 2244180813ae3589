"""The coordinator's side of an attempt at a sum: five steps, in each of which parties may be gone.

Offers (whoever has learnt), shares, masked updates, confirmations, openings. After the first, no step waits for who is
gone: with fewer than the threshold the attempt is over and nothing was opened. The sum is opened by the seeds of those
whose masked updates came, and by the keys of those whose shares came and whose updates did not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flwr.app import Message, RecordDict

from antiphon.errors import ProtocolError, UnavailableError
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.asking import Stage
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
    Share,
    Shares,
    Step,
)
from antiphon.genki.rounds.secagg.primitives import MAX_PARTIES, Words, agreed, joined, mask, threshold
from antiphon.genki.rounds.task import Task
from antiphon.protocol import canonical

T = TypeVar("T")
Collect = Callable[[Stage, bool], None]
"""Asks a stage; whether it is the first, in which parties learn and more may come."""


@dataclass(frozen=True)
class Total:
    """A sum that was opened. `words` are that of the parties' fixed-point updates."""

    words: Words
    parties: tuple[str, ...]
    refused: dict[str, str]
    lengths: dict[str, int]  # of each masked update, as it was sent


class _Asked(Generic[T]):
    """One step: a question for each party, and the answers that were signed and of the right kind."""

    def __init__(
        self,
        number: int,
        whom: Callable[[str], bool],
        content: Callable[[str], RecordDict],
        read: Callable[[str, bytes], T],
        least: int,
        refused: dict[str, str],
    ) -> None:
        self.found: dict[str, T] = {}
        self.raw: dict[str, bytes] = {}
        self._number, self._whom, self._content, self._read, self._least = number, whom, content, read, least
        self._refused, self._wrong = refused, set[str]()

    @property
    def enough(self) -> bool:
        return len(self.found) >= self._least

    def answered(self, contributor: str) -> bool:
        return contributor in self.found or contributor in self._wrong or not self._whom(contributor)

    def requests(self, nodes: dict[int, str], *, ttl_s: float) -> list[Message]:
        return [
            flower.request(node, self._content(one), round_=self._number, ttl_s=ttl_s) for node, one in nodes.items()
        ]

    def take(self, contributor: str, reply: Message) -> None:
        if contributor in self.found:
            return
        try:
            raw = flower.update_in(reply)
            self.found[contributor], self.raw[contributor] = self._read(contributor, raw), raw
            self._refused.pop(contributor, None)
        except ProtocolError as error:
            self._refused[contributor] = error.what
            self._wrong.add(contributor)


class Attempt:
    """One try. `first` gives a party's request of the first step: it learns, and offers its keys."""

    def __init__(
        self,
        task: Task,
        count: int,
        first: Callable[[str], RecordDict],
        collect: Collect,
        left_out: Container[str] = (),
    ) -> None:
        """`count` words are added, by any parties but those `left_out`."""
        self._task, self._count, self._first, self._collect, self._left_out = task, count, first, collect, left_out
        self._about = messages.context(task)
        self.refused: dict[str, str] = {}
        self.offered: tuple[str, ...] = ()
        self.there: Collection[str] = ()  # at the last step that was asked

    def run(self, opening: Callable[[], None]) -> Total:
        """The sum. `opening` is called before anybody is asked to open it.

        Raises `UnavailableError` when too few are left at a step.
        """
        least, name = self._task.plan.min_parties, self._task.attempt
        offers = self._offered(least)
        needed = max(threshold(len(offers.found)), least)
        share = Share(attempt=name, offers=tuple(offers.raw.values()))
        shares = self._step(lambda _: share, offers.found, Shares, _for_all(offers.found))
        self._left(shares.found, needed, "parties shared their keys")
        sealed = _delivered(shares.found)
        masked = self._step(lambda who: Mask(attempt=name, sealed=sealed[who]), shares.found, Masked, self._whole)
        self._left(masked.found, needed, "masked updates came")
        summed = tuple(sorted(masked.found))
        confirm = Confirm(attempt=name, summed=summed)
        confirmed = self._step(lambda _: confirm, summed, Confirmed, _same(summed))
        self._left(confirmed.found, needed, "parties confirmed the sum")
        opening()
        open_ = Open(attempt=name, confirmed=confirmed.raw)
        opened = self._step(lambda _: open_, confirmed.found, Opened)
        self._left(opened.found, threshold(len(offers.found)), "parties opened the sum")
        words = self._unmasked(offers.found, set(shares.found), masked.found, opened.found)
        return Total(words, summed, self.refused, {who: len(masked.raw[who]) for who in summed})

    def _offered(self, least: int) -> _Asked[Offer]:
        """Of all that have learnt by the deadline; ascending, as parties want them."""
        stage = _Asked(
            self._task.round,
            lambda who: who not in self._left_out,
            self._first,
            self._reader(Offer),
            least,
            self.refused,
        )
        self._collect(stage, True)
        self._left(stage.found, least, "parties offered their keys")
        drawn = sorted(stage.found, key=lambda who: blake3(f"{self._task.attempt} {who}".encode()).digest())
        self.refused |= dict.fromkeys(drawn[MAX_PARTIES:], f"more than {MAX_PARTIES} offered, and others were drawn")
        self.offered = tuple(sorted(drawn[:MAX_PARTIES]))
        stage.found = {who: stage.found[who] for who in self.offered}
        stage.raw = {who: stage.raw[who] for who in self.offered}
        return stage

    def _step(
        self,
        asked: Callable[[str], Step],
        whom: Collection[str],
        kind: type[T],
        check: Callable[[str, T], None] = lambda _, __: None,
    ) -> _Asked[T]:
        def content(who: str) -> RecordDict:
            return flower.step_of(canonical.pack(asked(who)))

        stage = _Asked(self._task.round, whom.__contains__, content, self._reader(kind, check), 0, self.refused)
        self._collect(stage, False)
        self.there = tuple(stage.found)
        return stage

    def _reader(self, kind: type[T], check: Callable[[str, T], None] = lambda _, __: None) -> Callable[[str, bytes], T]:
        def read(who: str, raw: bytes) -> T:
            found = messages.opened(kind, raw, self._about, who, limit=MAX_STEP_BYTES + 4 * self._count)[1]
            check(who, found)
            return found

        return read

    def _whole(self, _: str, masked: Masked) -> None:
        if len(masked.words) != 4 * self._count:
            raise ProtocolError(
                f"The masked update has {len(masked.words)} bytes, not {4 * self._count}", "Join with the plan's model."
            )

    def _left(self, found: Mapping[str, object], needed: int, what: str) -> None:
        if len(found) < needed:
            reasons = "".join(f"; {one[:12]}: {why}" for one, why in sorted(self.refused.items()))
            raise UnavailableError(
                f"{len(found)} of at least {needed} {what}{reasons}", "The round is tried again, with new masks."
            )

    def _unmasked(
        self,
        offers: Mapping[str, Offer],
        shared: set[str],
        masked: Mapping[str, Masked],
        opened: Mapping[str, Opened],
    ) -> Words:
        needed, total = threshold(len(offers)), np.zeros(self._count, np.uint32)
        for who, one in masked.items():
            total = total + np.frombuffer(one.words, "<u4")
            seed = _secret(
                {o: told.seeds.get(who) for o, told in opened.items()},
                needed,
                lambda made, who=who: blake3(made).digest() == offers[who].seed_hash,  # type: ignore[misc]
            )
            total = total - mask(seed, self._count)
        for gone in shared - set(masked):
            raw = _secret(
                {o: told.keys.get(gone) for o, told in opened.items()},
                needed,
                lambda made, gone=gone: _public(made) == offers[gone].mask,  # type: ignore[misc]
            )
            key = X25519PrivateKey.from_private_bytes(raw)
            for who in masked:
                pairwise = mask(agreed(key, offers[who].mask, self._about, b"mask"), self._count)
                total = total - pairwise if who < gone else total + pairwise
        return np.asarray(total, np.uint32)


def _for_all(offers: Collection[str]) -> Callable[[str, Shares], None]:
    """Whom a share is kept from could not take its mask away: that party would seem to be at fault, or all would."""

    def check(who: str, told: Shares) -> None:
        if set(told.sealed) != set(offers) - {who}:
            raise ProtocolError("It has not a share for each other party", "It is left out of this sum.")

    return check


def _same(summed: tuple[str, ...]) -> Callable[[str, Confirmed], None]:
    def check(_: str, told: Confirmed) -> None:
        if told.summed != summed:
            raise ProtocolError("It confirms another sum than the one it was asked about", "It counts for nothing.")

    return check


def _delivered(shares: Mapping[str, Shares]) -> dict[str, dict[str, bytes]]:
    """By receiver, the shares that each other sender has sealed for it."""
    return {
        receiver: {
            sender: told.sealed[receiver]
            for sender, told in sorted(shares.items())
            if sender != receiver and receiver in told.sealed
        }
        for receiver in shares
    }


def _secret(shares: Mapping[str, bytes | None], needed: int, right: Callable[[bytes], bool]) -> bytes:
    """What the shares give, told to be right; where they do not, without each one in turn: one may be false."""
    there = [share for share in shares.values() if share is not None]
    for leaving_out in (None, *range(len(there))):
        tried = [share for place, share in enumerate(there) if place != leaving_out]
        if len(tried) < needed:
            continue
        try:
            made = joined(tried[:needed] if leaving_out is None else tried[-needed:])
        except ProtocolError:
            continue
        if right(made):
            return made
    raise UnavailableError(
        f"{len(there)} shares do not open a mask: some are false, or {needed} are needed",
        "The round changes nothing, and the next one goes on.",
    )


def _public(raw: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw() if len(raw) == 32 else b""
