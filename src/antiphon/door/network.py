"""A network for programs: open it, order sound, have it whole or as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, Unpack

from antiphon.audio import NormalisedStream, Waveform, encoder_for, format_named
from antiphon.client import composing, speech
from antiphon.client.budget import Budget
from antiphon.client.cloning import ClonedVoice
from antiphon.client.events import Closed, Opened
from antiphon.client.events import Sound as SoundEvent
from antiphon.client.job_policy import JobPolicy
from antiphon.client.pace import Pace
from antiphon.door.cloning import (
    Clone,
    CloneFields,
    Enrolling,
    Learn,
    VoiceFields,
    check_new_name,
    recording_of,
    units_of_recording,
)
from antiphon.door.composing import Compose, ComposeFields, composed
from antiphon.door.connecting import Session, connect
from antiphon.door.figures import EndedTask, ended, measured, paid_for
from antiphon.door.ordering import SoundOrder, cost, estimate, left_behind, settle
from antiphon.door.place import Place
from antiphon.door.progress import Watch, Watching
from antiphon.door.receipts import receipt_path, save_receipt
from antiphon.door.reference import Reference, reference_of, stored_voice
from antiphon.door.settings import Settings
from antiphon.door.sound import Loudness as LoudnessTarget
from antiphon.door.sound import Outcome, Sound, joined, normaliser
from antiphon.door.speaking import Say, SayFields
from antiphon.door.word_times import WordTimes, following
from antiphon.errors import AntiphonError, ConflictError, InputError, StateError
from antiphon.ledger import receipts
from antiphon.text.subtitles import TimedWord

SETTLE_S = 30.0
"""After a failure, or when a stream is left: how long our own validators may judge what was delivered."""
ACCOUNT_S = 5.0
"""So much of that, so that `outcome` tells what was paid."""
LEAVE_S = 0.5
"""The same after a cancel: whoever asked to leave wants to leave."""

Wanted: TypeAlias = Say | Clone | Compose | Learn


@dataclass(slots=True)
class _Job:
    """An order that is about to be carried out, what has to be told of it, and what became of it so far."""

    order: SoundOrder
    notes: tuple[str, ...] = ()
    seed: int | None = None
    times: WordTimes = field(default_factory=WordTimes)
    spent_nano: int = 0  # by what was done before, for it
    keep: Callable[[], None] | None = None  # what was made, once all of it is there
    watch: Watch | None = None
    kind: str = ""
    opened: list[str] = field(default_factory=list)
    closed: list[EndedTask] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)

    def outcome(self) -> Outcome:
        parts = [part for one in self.closed for part in one.parts]
        scores = [part.score for part in parts if part.state == "valid" and part.score is not None]
        return Outcome(
            figures=measured(parts),
            score=sum(scores) / len(scores) if scores else None,
            paid_nano=paid_for(self.closed) + self.spent_nano,
            tasks=tuple(self.opened),
            receipts=tuple(self.receipts),
            notes=self.notes,
            seed=self.seed,
        )


class AsyncNetwork(Place):
    """A client of a network. Use it as `async with antiphon.AsyncNetwork() as network`.

    The arguments say which network, as which client: see `Place`.

    Orders may run at the same time. Leaving ends what is still running and takes back its money.
    """

    _entered: AbstractAsyncContextManager[Session] | None = None
    _session: Session | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    _streams: dict[AsyncGenerator[Waveform, None], asyncio.Task[Any] | None]
    """Begun and not ended, each with who is reading it now; held, so that nothing but us ends them."""
    _leaving: dict[AsyncGenerator[Waveform, None], asyncio.Future[None]]
    _ending: set[asyncio.Future[None]]

    @classmethod
    def of(cls, settings: Settings) -> AsyncNetwork:
        """The same with the settings of a command."""
        network = cls(settings.home)
        network._settings = settings
        return network

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> Self:
        """What `async with` does at its beginning; `close` it again."""
        if self._session is not None:
            raise StateError("The network is open already", "Open another AsyncNetwork.")
        self._entered = connect(self._settings, warm=True)
        self._session = await self._entered.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._streams, self._leaving, self._ending = {}, {}, set()
        return self

    async def close(self) -> None:
        """Leave the network: streams that were not read to their end are closed, and their money comes back."""
        if self._session is not None:
            await asyncio.gather(*(self._leave(pieces) for pieces in tuple(self._streams)))
        entered, self._entered, self._session = self._entered, None, None
        if entered is not None:
            await entered.__aexit__(None, None, None)

    async def _pieces(self, wanted: Wanted, begun: list[_Job], watch: Watch | None) -> AsyncGenerator[Waveform, None]:
        """What a stream brings. It knows nothing of the stream, so that a stream nobody holds any more is noticed."""
        job = await self._job(wanted, begun)
        job.watch, job.kind = watch, self.kind(wanted)
        begun.append(job)
        async with aclosing(self._carried_out(job)) as pieces:
            async for piece in pieces:
                yield piece
        if job.keep is not None:
            await asyncio.to_thread(job.keep)

    async def _next(self, pieces: AsyncGenerator[Waveform, None]) -> Waveform:
        self._open()
        if self._streams.get(pieces) is not None:
            raise StateError("This stream is being read already", "Read a stream in one place, and pass its pieces on.")
        self._streams[pieces] = asyncio.current_task()
        try:
            piece = await anext(pieces)
        except BaseException:
            self._streams.pop(pieces, None)  # it has ended
            raise
        self._streams[pieces] = None
        return piece

    async def _leave(self, pieces: AsyncGenerator[Waveform, None]) -> None:
        """Close a stream, whoever else is closing it. Its reader, if there is one at work, is cancelled first."""
        reader = self._streams.get(pieces)
        if reader is not None and reader is not asyncio.current_task():
            reader.cancel()
            await asyncio.wait({reader}, timeout=SETTLE_S)
        if pieces in self._leaving:
            await asyncio.wait({self._leaving[pieces]})
            return
        task = self._leaving[pieces] = asyncio.ensure_future(pieces.aclose())
        try:
            await asyncio.shield(task)
        finally:
            self._streams.pop(pieces, None)
            self._leaving.pop(pieces, None)

    def _left(self, pieces: AsyncGenerator[Waveform, None]) -> None:
        """A stream was dropped by its reader, in whatever thread."""
        if self._loop is not None and not self._loop.is_closed() and pieces in self._streams:  # begun, and not ended
            self._loop.call_soon_threadsafe(self._end, pieces)

    def _end(self, pieces: AsyncGenerator[Waveform, None]) -> None:
        ending = asyncio.ensure_future(self._leave(pieces))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def say(self, text: str, **fields: Unpack[SayFields]) -> Sound:
        """Speech; `fields` are the fields of `Say`. Raises `AntiphonError`: nothing is paid for what is not heard."""
        return await self.make(Say(text=text, **fields))

    async def clone(self, text: str = "", **fields: Unpack[CloneFields]) -> Sound:
        """A text, or the words of a recording, in a cloned voice; `fields` are the fields of `Clone`."""
        return await self.make(Clone(text=text, **fields))

    async def compose(self, prompt: str, **fields: Unpack[ComposeFields]) -> Sound:
        """Music; `fields` are the fields of `Compose`."""
        return await self.make(Compose(prompt=prompt, **fields))

    async def make(self, wanted: Wanted) -> Sound:
        """The whole of what `stream` would bring."""
        stream = self.stream(wanted)
        pieces = [piece async for piece in stream]
        audio = await asyncio.to_thread(joined, pieces, stream.rate_hz, stream.channels)
        return Sound(audio, stream.outcome, stream.loudness_lufs, tuple(stream.words))

    def stream(self, wanted: Wanted, *, watch: Watch | None = None) -> Stream:
        """Sound as it comes: iterate over it. Nothing is ordered before the first piece is asked for. `watch` is told
        how its parts stand; it must not wait."""
        if not isinstance(wanted, Say | Clone | Compose | Learn):
            raise InputError(f"{type(wanted).__name__} is no order", "Give a Say, a Clone or a Compose.")
        return Stream(self, wanted, watch)

    async def add_voice(self, name: str, reference: str | Path, **fields: Unpack[VoiceFields]) -> Outcome:
        """Have a voice learnt from a recording, judged, and kept under `name`: then say it with `voice=name`."""
        stream = self.stream(Learn(name=name, reference=reference, **fields))
        async for _ in stream:
            pass
        return stream.outcome

    async def price_nano(self, wanted: Wanted) -> int:
        """The most that an order can cost by today's prices; nothing is bought."""
        if isinstance(wanted, Clone) and wanted.reference is not None:
            wanted.check()
            order = (await self._enrolling(wanted, await self._units(wanted))).order
            return await estimate(self._open(), replace(order, charges=order.charges + order.then, then=()))
        return await estimate(self._open(), (await self._job(wanted, [])).order)

    @property
    def pace(self) -> Pace:
        """How much sound this network makes at once."""
        return self._open().client.pace

    def kind(self, wanted: Wanted) -> str:
        """What an order costs is measured with others of this kind: of one engine, where it says which."""
        if isinstance(wanted, Say):
            return wanted.made_by(self._settings)
        return wanted.engine or ("music" if isinstance(wanted, Compose) else "clone")

    async def cost_nano(self, tasks: Iterable[str]) -> tuple[int, bool]:
        """What tasks of this client (`Outcome.tasks`) have cost, in nano, and whether that is final. Until then it is
        the most that they can cost."""
        return await cost(self._open(), tasks)

    async def receipt(self, task: str) -> Path | None:
        """Where the receipt of a task of this client (`Outcome.tasks`) lies; it is fetched where it does not yet. None:
        the task is still open."""
        session, path = self._open(), receipt_path(self.home, task)
        if path.exists():
            return path
        try:
            done = await receipts.build(session.ledger, task)
        except ConflictError:
            return None
        return await asyncio.to_thread(save_receipt, self.home, done)

    async def balance_nano(self) -> int:
        """What this client could spend now."""
        session = self._open()
        return (await session.ledger.account(session.client.node_id)).balance_nano

    def _open(self) -> Session:
        if self._session is None:
            raise StateError("The network is not open", "Write: async with antiphon.AsyncNetwork() as network:")
        return self._session

    async def _reference(self, path: Path, *, own_voice: bool, consent: str | Path | None) -> Reference:
        given = None if consent is None else Path(consent)
        return await asyncio.to_thread(reference_of, self._settings, path, own_voice=own_voice, consent=given)

    async def _job(self, wanted: Wanted, begun: list[_Job]) -> _Job:
        """Everything that can be checked is, and a voice is learnt where that comes first: a job of its own, which is
        added to those that have `begun`."""
        if isinstance(wanted, Say):
            order, times = await asyncio.to_thread(wanted.order, self._settings), WordTimes()
            return _Job(following(order, times) if wanted.word_times else order, seed=wanted.seed, times=times)
        if isinstance(wanted, Compose):
            composition, notes = await asyncio.to_thread(wanted.composition)
            return _Job(composed(composition), notes, composition.seed)
        return await (self._learning(wanted) if isinstance(wanted, Learn) else self._cloning(wanted, begun))

    async def _learning(self, wanted: Learn) -> _Job:
        wanted.check()
        await asyncio.to_thread(check_new_name, self._settings, wanted.name)
        heard = await self._reference(Path(wanted.reference), own_voice=wanted.own_voice, consent=wanted.consent)
        enrolling = Enrolling(heard, wanted.language, wanted.engine, wanted.max_cost_nano)
        return _Job(enrolling.order, (heard.report,), keep=lambda: enrolling.keep(self._settings, wanted.name))

    async def _units(self, wanted: Clone) -> int | None:
        if wanted.speech is not None:
            return units_of_recording(await asyncio.to_thread(recording_of, wanted.speech))
        return len(wanted.text) if isinstance(wanted.text, str) else None

    async def _enrolling(self, wanted: Clone, units: int | None) -> Enrolling:
        assert wanted.reference is not None
        heard = await self._reference(Path(wanted.reference), own_voice=wanted.own_voice, consent=wanted.consent)
        return wanted.enrolling(heard, wanted.charges(units))

    async def _cloning(self, wanted: Clone, begun: list[_Job]) -> _Job:
        wanted.check()
        units = await self._units(wanted)
        if wanted.reference is None:
            voice: ClonedVoice = await asyncio.to_thread(stored_voice, self._settings, wanted.voice)
            return _Job(wanted.order(voice, units=units, left_nano=wanted.max_cost_nano), seed=wanted.seed)
        enrolling = await self._enrolling(wanted, units)
        first = _Job(enrolling.order)
        begun.append(first)
        async with aclosing(self._carried_out(first)) as pieces:
            async for _ in pieces:
                pass
        paid_nano = paid_for(first.closed)
        left_nano = None if wanted.max_cost_nano is None else wanted.max_cost_nano - paid_nano
        order = wanted.order(enrolling.voice, units=units, left_nano=left_nano)
        return _Job(
            order,
            (enrolling.reference.report,),
            wanted.seed,
            spent_nano=paid_nano,
            receipts=first.receipts,
            opened=first.opened,
        )

    async def _carried_out(self, job: _Job) -> AsyncGenerator[Waveform, None]:
        """The sound of an order, piece by piece; receipts are kept, and no money stays behind when it fails."""
        session, order = self._open(), job.order
        await estimate(session, order)
        policy = JobPolicy(Budget(order.max_total_nano), kind=job.kind)
        async with Watching(session, job.watch) as watching:
            try:
                async with aclosing(order.produce(session, policy)) as events:
                    async for event in events:
                        if isinstance(event, SoundEvent):
                            yield event.audio
                        elif isinstance(event, Opened):
                            job.opened.append(event.task)
                            watching.opened(event)
                        elif isinstance(event, Closed):
                            job.closed.append(ended(event))
                            job.receipts.append(await asyncio.to_thread(save_receipt, self.home, event.receipt))
                            watching.closed(event)
            except BaseException as error:
                patience_s = LEAVE_S if isinstance(error, asyncio.CancelledError) else SETTLE_S
                await settle(session, job.opened, patience_s)
                await self._account_for(session, job, min(patience_s, ACCOUNT_S))
                raise

    async def _account_for(self, session: Session, job: _Job, patience_s: float) -> None:
        """What was paid for though the order did not come to its end."""
        told = {one.task for one in job.closed}
        closed, paid_nano = await left_behind(session, [task for task in job.opened if task not in told], patience_s)
        job.closed += map(ended, closed)
        job.spent_nano += paid_nano
        for one in closed:
            with contextlib.suppress(AntiphonError):  # the error that ended the order is the one to tell
                job.receipts.append(await asyncio.to_thread(save_receipt, self.home, one.receipt))


class Stream:
    """Sound as it comes: pieces of `rate_hz` and `channels`. Who leaves early, by `aclose`, the end of an `async with`,
    or by dropping it, does not pay for what was not made.

    A piece is a `Waveform`: `samples` is float32 [channels, samples], `to_pcm16()` its bytes.
    """

    def __init__(self, network: AsyncNetwork, wanted: Wanted, watch: Watch | None = None) -> None:
        self._network = network
        self._begun_jobs: list[_Job] = []  # one, once it has begun; before a clone's own, that of learning its voice
        self._pieces = network._pieces(wanted, self._begun_jobs, watch)
        music = isinstance(wanted, Compose)
        self.rate_hz = composing.OUTPUT_RATE_HZ if music else speech.OUTPUT_RATE_HZ
        self.channels = composing.OUTPUT_CHANNELS if music else 1

    def __aiter__(self) -> AsyncIterator[Waveform]:
        return self

    async def __anext__(self) -> Waveform:
        return await self._network._next(self._pieces)

    async def aclose(self) -> None:
        """End it here."""
        await self._network._leave(self._pieces)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._network._left(self._pieces)

    async def encoded(
        self, format_name: str = "wav", *, loudness: LoudnessTarget = None
    ) -> AsyncGenerator[bytes, None]:
        """The same as the bytes of a file that grows and plays meanwhile; none is empty. Raises `InputError` for an
        unknown format. `loudness` as for `Sound.save`."""
        encoder = encoder_for(format_named(format_name), self.rate_hz, self.channels)
        level: NormalisedStream | None = None
        began = False
        async for piece in self:
            if not began:
                began, level = True, self._level(loudness)
            data = await asyncio.to_thread(lambda: encoder.encode(level.push(piece) if level else piece))  # noqa: B023
            if data:
                yield data
        rest = await asyncio.to_thread(lambda: (encoder.encode(level.finish()) if level else b"") + encoder.finish())
        if rest:
            yield rest

    def _level(self, loudness: LoudnessTarget) -> NormalisedStream | None:
        target = self.loudness_lufs if loudness is None else loudness
        if target is None or isinstance(target, str):
            return None
        return normaliser(target).stream(self.rate_hz, self.channels, expected_lufs=self._begun.order.expected_lufs)

    @property
    def outcome(self) -> Outcome:
        """What became of it so far; of all of it, once it has ended. Raises `StateError` before it has begun."""
        return self._begun.outcome()

    @property
    def words(self) -> Sequence[TimedWord]:
        """When each word of what came so far is heard, where that was asked for; those of a sentence come together, a
        moment after its sound, all before the end."""
        return self._begun.times.words if self._begun_jobs else ()

    @property
    def loudness_lufs(self) -> float | None:
        """What a file of it is brought to by default."""
        return self._begun.order.loudness_lufs

    @property
    def _begun(self) -> _Job:
        if not self._begun_jobs:
            raise StateError("The stream has not begun", "Ask for its first piece.")
        return self._begun_jobs[-1]
