"""One part in a producer's hands: the audio as it grows, and who is still interested in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from antiphon.economy.types import Mode
from antiphon.engines.auditing import Trace
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.ledger.records import PartRecord, TaskRecord
from antiphon.ledger.vouchers import Funds, Heard
from antiphon.parties.messages import FRAME_CHUNK, MAX_RESULT_BYTES, Done, Form, ResultHash, audio_context
from antiphon.parties.orders import OpenedOrder
from antiphon.protocol import StreamSealer

FRAME_BYTES = 96_000
"""Largest piece of a result in one frame: 2 s of audio at 24 kHz."""
VOUCHER_S = 10.0
"""Longest wait for the voucher of what was sent; whoever signs none is sent nothing more."""
HELD_S = 0.02
"""How long a fresh chunk is kept back to see whether it is the last one, which leaves only after delivery."""


@dataclass(slots=True)
class Production:
    """Made by one task (`Producer`), read by another (the client's answer); each lets go once, the last one cleans up.

    Making never waits for the reader: a client that stops reading blocks nobody else. With `funds` sending does wait:
    of what leaves before delivery, one frame at most is not vouched for.
    """

    task: TaskRecord
    record: PartRecord
    order: OpenedOrder
    client: str
    form: Form
    made_of: list[bytes] = field(default_factory=list)  # the result so far
    size: int = 0
    trace: Trace | None = None  # how it was made, where the engine can tell; kept until the part is final
    funds: Funds | None = None  # what stands behind the vouchers that the stream waits for
    withheld: bool = False  # a stream whose client signs no vouchers, though it could: it leaves when it is valid
    whole: bool = False  # all audio is there
    made: bool = False  # and vouched for, but the end; from here on it is delivered whether or not the client listens
    sent: tuple[int, bytes] = (0, b"")  # bytes that left before delivery, and the running hash up to there
    heard: Heard | None = None  # the client's last voucher
    heard_raw: bytes = b""
    vouched: asyncio.Event = field(default_factory=asyncio.Event)
    all_vouched: asyncio.Event = field(default_factory=asyncio.Event)
    done: Done | None = None  # delivered
    valid: bool = False
    error: AntiphonError | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    holders: int = 2

    @property
    def index(self) -> int:
        return self.record.part.index

    @property
    def attempt(self) -> int:
        return self.record.attempt

    @property
    def ticket(self) -> tuple[str, int, int]:
        return self.task.task, self.index, self.attempt

    @property
    def streams(self) -> bool:
        """Whether it leaves as it is made. Of sound an ear has what it heard; a voice, a key or an appraisal that has
        left is had whole, whatever the verdict."""
        return self.task.mode is Mode.STREAM and self.form.is_audio and not self.withheld

    def add(self, piece: bytes) -> None:
        """One more piece of the result. Raises `UnavailableError` beyond the size that can be judged."""
        self.size += len(piece)
        if self.size > MAX_RESULT_BYTES:
            raise UnavailableError(
                f"The engine made more than {MAX_RESULT_BYTES} bytes for one part", "Ask for less at once."
            )
        self.made_of += pieces(piece) if self.funds is not None else [piece]
        self.moved.set()

    def told(self, *, done: Done | None = None, valid: bool = False, error: AntiphonError | None = None) -> None:
        """Something the reader waits for has happened."""
        self.done = self.done or done
        self.valid = self.valid or valid
        self.error = self.error or error
        self.moved.set()
        self.vouched.set()

    def let_go(self) -> None:
        self.holders -= 1
        if self.holders == 0:
            self.order.key.destroy()
            self.made_of.clear()
            self.trace = None

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The client's copy, sealed: in stream mode as it is made, in verified mode once it is found valid.

        The last chunk leaves after delivery in any case, so nobody hears a whole part and cancels before it counts.
        """
        sealer = StreamSealer(self.order.key, audio_context(self.task.task, self.index, self.attempt, self.client))
        running = ResultHash(self.order.key.reveal(), self.form)
        sent = 0
        while not self._complete():
            if self.error is not None:
                raise self.error
            self.moved.clear()
            known = len(self.made_of)
            if self.streams and sent < known - 1:
                ready = known - 1
            elif self.streams and sent < known and not self.whole and not await self._moves(HELD_S):
                ready = known
            else:
                await self._all_but_last()
                await self._moves(None)
                continue
            for pcm in self.made_of[sent:ready]:
                for piece in pieces(pcm):
                    await self._paid_so_far()
                    running.update(piece)
                    self.sent = running.size, running.digest()
                    yield FRAME_CHUNK + sealer.chunk(piece)
            sent = ready
        for piece in pieces(b"".join(self.made_of[sent:])):
            yield FRAME_CHUNK + sealer.chunk(piece)
        yield FRAME_CHUNK + sealer.chunk(b"", final=True)

    async def _paid_so_far(self) -> None:
        """Wait for the voucher of the frame before. Raises UnavailableError when none comes."""
        if self.funds is None:
            return
        try:
            async with asyncio.timeout(VOUCHER_S):
                while self.sent[0] and (self.heard is None or self.heard.position < self.sent[0]):
                    if self.error is not None:
                        raise self.error
                    self.vouched.clear()
                    await self.vouched.wait()
        except TimeoutError:
            raise UnavailableError(
                "The client signs no voucher for what it was sent", "Nothing more is sent."
            ) from None

    async def _all_but_last(self) -> None:
        """All that leaves before delivery has left: once it is vouched for, the part may be delivered."""
        if self.whole and not self.all_vouched.is_set():
            await self._paid_so_far()
            self.all_vouched.set()

    def _complete(self) -> bool:
        return self.done is not None and (self.streams or self.valid)

    async def _moves(self, within_s: float | None) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self.moved.wait()
        except TimeoutError:
            return False
        return True


def pieces(pcm: bytes) -> list[bytes]:
    """PCM cut into frames."""
    return [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES)]
