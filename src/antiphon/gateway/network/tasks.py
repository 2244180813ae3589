"""Tasks: each is an order that is carried out whether or not anybody looks, and written down from its beginning."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, TypeVarTuple

import msgspec

from antiphon import AsyncNetwork, Compose, Say
from antiphon.door.cloning import Learn
from antiphon.door.progress import PartProgress, TaskProgress, Watch
from antiphon.errors import AntiphonError, OutputError, StateError
from antiphon.gateway.database import AwayError, Storage
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.keys import Key
from antiphon.gateway.network.bodies import ENDED, Part, Problem, State, Task
from antiphon.gateway.network.following import Followed, Watched
from antiphon.gateway.network.keeping import Keeping
from antiphon.gateway.network.live import Live
from antiphon.gateway.network.recordings import Recording, Recordings
from antiphon.gateway.network.store import STOPPED, Stored, TaskStore
from antiphon.gateway.network.webhooks import Webhooks
from antiphon.gateway.orders import Orders

if TYPE_CHECKING:
    from antiphon.door.network import Stream

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)

MAX_OPEN, MAX_OPEN_OF_KEY = 64, 16
"""Tasks that have not ended: of all, and of one key."""
MAX_GROWING_BYTES = 4 << 30
"""Of sound of a key's tasks that have not ended: pauses cost nothing, and room on the disk does."""
FORGET_S = 3_600.0
"""How often old tasks are forgotten."""
LOOK_S = 5.0
"""How often it is looked for tasks of processes that were killed."""
QUEUE_S = 900.0
"""Longest that a task waits for its turn."""
SETTLE_S = 60.0
CLOSE_S = 5.0
CANCEL_S = 10.0
UPLOAD_S = 0.5
AGAIN_S = 1.0
SYNC_S, SYNC_SHARE, MAX_SYNC_S = 0.4, 10.0, 2.0
"""How often it is written down how tasks stand: so often, or so much longer than that takes, up to this."""
KEEPING = Keeping()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a task is for. `body_sha256` tells whether two requests ask for the same. `files` go when it has ended."""

    order: Say | Compose | Learn
    service: Literal["speech", "music", "voice"]
    scope: str
    title: str
    voice: str
    body_sha256: bytes
    sentences: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def sha256_of(body: msgspec.Struct) -> bytes:
    """Of what a request says, whatever spaces and order its JSON has."""
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).digest()


class Tasks:
    """The tasks of a server. Open it while the network is."""

    def __init__(
        self,
        network: AsyncNetwork,
        orders: Orders,
        store: TaskStore,
        pool: ThreadPoolExecutor,
        webhooks: Webhooks,
        keeping: Keeping,
    ) -> None:
        self._network, self._orders, self._store, self._pool = network, orders, store, pool
        self._webhooks, self._keeping = webhooks, keeping
        self.recordings = Recordings(network.home, keeping.sounds)
        self._live: dict[str, tuple[str, Live, asyncio.Task[None]]] = {}
        self._saving: set[asyncio.Task[None]] = set()
        self._begun: set[str] = set()  # with those that are not live yet
        self._synced: dict[str, int] = {}  # the version of each that is written down
        self._forgot_s = -FORGET_S

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, network: AsyncNetwork, orders: Orders, storage: Storage, webhooks: Webhooks, keeping: Keeping = KEEPING
    ) -> AsyncIterator[Tasks]:
        """Raises as `Storage.open`, and as `Recordings`."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="tasks") as pool:
            store = await loop.run_in_executor(pool, TaskStore, storage)
            try:
                tasks = cls(network, orders, store, pool, webhooks, keeping)
                await tasks._sweep()
                running = [
                    asyncio.create_task(tasks._keep_sweeping(), name="old tasks"),
                    asyncio.create_task(tasks._keep_synced(), name="tasks' state"),
                ]
                try:
                    yield tasks
                finally:
                    for one in running:
                        one.cancel()
                    await asyncio.gather(*running, return_exceptions=True)
                    await tasks.close()
            finally:
                pool.submit(store.close)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(AntiphonError):
                await self._sweep()

    async def _keep_synced(self) -> None:
        """Other processes know how the tasks of this one stand, and may end them."""
        while True:
            begun_s = time.monotonic()
            if self._live:
                with contextlib.suppress(AntiphonError):
                    await self._sync()
            await asyncio.sleep(min(MAX_SYNC_S, max(SYNC_S, SYNC_SHARE * (time.monotonic() - begun_s))))

    async def _sync(self) -> None:
        changed = [live for _, live, _ in self._live.values() if self._synced.get(live.task.id) != live.version]
        versions = {live.task.id: live.version for live in changed}
        snapshots = [(live.task, live.in_order()) for live in changed]
        for task in await self._do(self._store.sync, snapshots):
            self._end(task)
            if task in self._live:  # whoever asked for it sees it now: its end may take a while
                live = self._live[task][1]
                await self._do(self._store.sync, [(live.task, live.in_order())])
        self._synced = {task: version for task, version in (self._synced | versions).items() if task in self._live}

    async def _sweep(self) -> None:
        """Tasks of processes that were killed have failed; old ones are forgotten."""
        lost = await self._do(self._store.fail_lost, frozenset(self._begun))
        if lost:
            log.warning("%d tasks were cut off when their server was killed", len(lost))
        if time.monotonic() - self._forgot_s > FORGET_S:
            self._forgot_s = time.monotonic()
            await self._forget()

    async def _forget(self) -> None:
        """What is older than it is kept. A bucket that is away is asked again the next time."""
        for task in await self._do(self._store.sounding, min(self._keeping.sounds_s, self._keeping.tasks_s)):
            await self._silence(task)
        for task in await self._do(self._store.forget, self._keeping.tasks_s):
            await self._silence(task)
        await self._tidy()

    async def _silence(self, task: str) -> None:
        try:
            await asyncio.to_thread(self.recordings.delete, task)
        except OSError as error:
            raise OutputError(f"Sound cannot be removed: {error.strerror}", "Look at the folder's rights.") from error
        await self._do(self._store.silence, task)

    async def _tidy(self) -> None:
        try:
            await asyncio.to_thread(self.recordings.sweep, frozenset(self._live), self._keeping.sounds_s)
        except (AntiphonError, OSError) as error:
            log.warning("old sound is not removed yet: %s", error)

    async def delete(self, key: Key | None, task: str) -> None:
        """Text, sound and all else of a task that has ended; the ledger and its receipts keep what was paid. Raises
        `ApiError` 404, 409, and as `ObjectStore`: then it is not deleted."""
        await self.get(key, task)
        running, whose = self._live.get(task), key.id if key else ""
        if running is not None and running[1].over:
            await asyncio.wait({running[2]})  # the last of it
        stored = await self._do(self._store.find, whose, task)
        if task in self._live or (stored is not None and not stored.over):  # here, or in another process
            told = "This task is under way, or is being accounted for. Cancel it, and delete it when it has ended."
            raise ApiError(409, "task_under_way", told)
        await self._silence(task)
        await self._webhooks.withdraw(task)
        await self._do(self._store.delete, whose, task)

    async def close(self) -> None:
        """Every task ends, and what it has cost by now is written down."""
        running = []
        for _, live, task in self._live.values():
            running.append(task)
            if live.task.state not in ENDED:
                task.cancel()
        if running:
            _, late = await asyncio.wait(running, timeout=2 * CLOSE_S)
            for task in late:
                task.cancel()
        await asyncio.gather(*running, *self._saving, return_exceptions=True)

    async def create(self, wanted: Wanted, key: Key | None, idempotency: str | None) -> tuple[Task, bool]:
        """The new task, or the one that this idempotency key made before (then True). Raises `ApiError` for a key that
        was used for another body, and as `price_nano` for what nobody can make: then there is no task."""
        whose = key.id if key else ""
        if idempotency is not None:
            known = await self._do(self._store.repeated, whose, idempotency)
            if known is not None:
                return await self._same(known, wanted), True
        return await self._created(wanted, key, whose, idempotency)

    async def _created(self, wanted: Wanted, key: Key | None, whose: str, idempotency: str | None) -> tuple[Task, bool]:
        max_nano = await self._network.price_nano(wanted.order)
        live = Live(self._task(wanted, max_nano), wanted.sentences)
        stored = Stored(task=live.task, key=whose, body_sha256=wanted.body_sha256)
        self._begun.add(live.task.id)
        try:
            known = await self._do(self._store.add, stored, idempotency, _check_room)
        except BaseException:
            self._begun.discard(live.task.id)
            raise
        if known.task.id != live.task.id:
            self._begun.discard(live.task.id)
            return await self._same(known, wanted), True
        running = asyncio.create_task(self._run(live, wanted, key), name=f"task {live.task.id}")
        self._live[live.task.id] = (whose, live, running)
        running.add_done_callback(lambda _: self._gone(live.task.id))
        await asyncio.sleep(0)  # it has begun: who cancels it now finds it at work
        return live.task, False

    async def get(self, key: Key | None, task: str) -> tuple[Task, tuple[Part, ...]]:
        """Raises `ApiError` 404. What a task has cost that did not end well is looked up until it is final."""
        live = self.live(key, task)
        if live is not None:
            return live.task, live.in_order()
        stored = await self._do(self._store.find, key.id if key else "", task)
        if stored is None:
            raise ApiError(404, "task_not_found", f"There is no task {task[:64]!r}. GET /api/v1/tasks lists them.")
        found = stored.task
        if stored.ended and not found.paid_final:
            with contextlib.suppress(AntiphonError):
                paid_nano, final = await self._network.cost_nano(found.ledger_tasks)
                found = msgspec.structs.replace(found, paid_nano=paid_nano, paid_final=final)
                await self._do(lambda: self._store.save(found, stored.parts, ended=True, over=stored.over))
        return self._with_sound(found), stored.parts

    def _gone(self, task: str) -> None:
        self._live.pop(task, None)
        self._begun.discard(task)

    async def page(self, key: Key | None, before: str | None, limit: int) -> list[Task]:
        """The newest first."""
        found = await self._do(self._store.page, key.id if key else "", before, limit)
        return [live.task if (live := self.live(key, one.id)) else self._with_sound(one) for one in found]

    def live(self, key: Key | None, task: str) -> Live | None:
        """A task of that key's that is under way."""
        whose, live, _ = self._live.get(task, (None, None, None))
        return live if live is not None and whose == (key.id if key else "") else None

    async def watched(self, key: Key | None, task: str) -> Watched | None:
        """The same, wherever it is made."""
        live, whose = self.live(key, task), key.id if key else ""
        if live is not None:
            return live
        stored = await self._do(self._store.find, whose, task)
        found = Followed(stored, lambda: self._do(self._store.find, whose, task)) if stored is not None else None
        return None if found is None or found.over else found

    async def cancel(self, key: Key | None, task: str) -> Task:
        """End it here; one that has ended stays as it is. What it has cost is known a little later. Raises `ApiError`
        404."""
        if self.live(key, task) is not None:
            self._end(task)
        elif (await self.get(key, task))[0].state not in ENDED:
            await self._do(self._store.ask_to_cancel, key.id if key else "", task)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CANCEL_S):
                    while (await self.get(key, task))[0].state not in ENDED:  # noqa: ASYNC110 - elsewhere
                        await asyncio.sleep(SYNC_S)
        return (await self.get(key, task))[0]

    def _end(self, task: str) -> None:
        _, live, running = self._live.get(task, (None, None, None))
        if live is not None and running is not None and live.task.state not in ENDED:
            live.became("cancelled", ended_ms=_now_ms())
            running.cancel()

    def _with_sound(self, task: Task) -> Task:
        return msgspec.structs.replace(task, sound=bool(task.seconds) and self.recordings.keeps(task))

    async def _same(self, known: Stored, wanted: Wanted) -> Task:
        if known.deleted:
            told = "The task of this idempotency key was deleted. To order it again, send another key."
            raise ApiError(410, "task_deleted", told)
        if known.body_sha256 != wanted.body_sha256:
            told = "This idempotency key was used for another request. Send the same body, or another key."
            raise ApiError(409, "idempotency_key_reused", told)
        live = self._live.get(known.task.id)
        return live[1].task if live is not None else self._with_sound(known.task)

    def _check_growth(self, whose: str) -> None:
        if sum(live.bytes_ready for one, live, _ in self._live.values() if one == whose) > MAX_GROWING_BYTES:
            told = f"The tasks under way have more than {MAX_GROWING_BYTES >> 20} MiB of sound. Order less at once."
            raise ApiError(429, "sound_not_kept", told)

    def _task(self, wanted: Wanted, max_nano: int) -> Task:
        stream = self._network.stream(wanted.order)
        return Task(
            id=secrets.token_hex(16),
            service=wanted.service,
            state="queued",
            title=wanted.title,
            voice=wanted.voice,
            created_ms=_now_ms(),
            ended_ms=None,
            max_nano=max_nano,
            paid_nano=0,
            paid_final=False,
            seconds=0.0,
            rate_hz=stream.rate_hz,
            channels=stream.channels,
            sound=wanted.service != "voice",
            parts=len(wanted.sentences),
            parts_ended=0,
            ledger_tasks=(),
            score=None,
            figures={},
            seed=wanted.order.seed if not isinstance(wanted.order, Learn) else None,
            notes=(),
            error=None,
        )

    async def _run(self, live: Live, wanted: Wanted, key: Key | None) -> None:
        state: State = "failed"
        problem: Problem | None = STOPPED
        try:
            await self._make(live, wanted, key)
            state, problem = "completed", None
        except asyncio.CancelledError:
            pass  # the server stops, or the task was cancelled
        except ApiError as error:
            problem = Problem(code=error.code, message=str(error))
        except AntiphonError as error:
            told = api_error(error)
            problem = Problem(code=told.code, message=str(told))
        except OSError as error:
            problem = Problem(code="sound_not_kept", message=f"The sound cannot be written: {error.strerror}.")
        except Exception:
            log.exception("task %s failed", live.task.id)
            problem = Problem(code="internal", message="Something is wrong here. The log of the server says what.")
        if live.task.state not in ENDED:
            live.became(state, problem, ended_ms=_now_ms())
        if not live.bytes_ready:
            live.change(sound=False)
        await self._save_surely(live)
        for file in wanted.files:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        await self._account(live, SETTLE_S if problem is not STOPPED else CLOSE_S)
        with contextlib.suppress(
            AntiphonError
        ):  # before it is over: then it may be deleted, and what is not posted yet
            await self._webhooks.ended(key.id if key else "", live.task)
        await self._save_surely(live, over=True)
        live.over = True
        live.notify()
        await self._tidy()

    async def _make(self, live: Live, wanted: Wanted, key: Key | None) -> None:
        def told(event: PartProgress | TaskProgress) -> None:
            if live.told(event):
                saving = asyncio.create_task(self._save(live))
                self._saving.add(saving)
                saving.add_done_callback(self._saving.discard)

        file = await self._recording(live.task) if live.task.sound else None
        uploading = asyncio.create_task(_upload(file)) if file is not None and file.uploads else None
        try:
            async with self._ordered(wanted, key, told) as stream:
                live.became("running")
                async with aclosing(stream.encoded("pcm")) as pieces:
                    async for piece in pieces:
                        if file is not None:
                            await asyncio.to_thread(file.write, piece)
                            live.grew(len(piece))
                            self._check_growth(key.id if key else "")
                outcome = stream.outcome
                live.change(
                    score=outcome.score,
                    figures=outcome.figures,
                    notes=outcome.notes,
                    seed=outcome.seed,
                    paid_nano=outcome.paid_nano,
                )
        finally:
            if file is not None:
                file.close()
            if file is not None and uploading is not None:
                uploading.cancel()
                await asyncio.gather(uploading, return_exceptions=True)
                await _upload_rest(file)

    @contextlib.asynccontextmanager
    async def _ordered(self, wanted: Wanted, key: Key | None, told: Watch) -> AsyncIterator[Stream]:
        """In its turn. A store that is away before anything is ordered is asked again, as long as tasks may wait."""
        end_s = time.monotonic() + QUEUE_S
        async with contextlib.AsyncExitStack() as stack:
            while True:
                order = self._orders.stream(wanted.order, wanted.scope, key, wait_s=QUEUE_S, watch=told)
                try:
                    stream = await stack.enter_async_context(order)
                    break
                except AwayError:
                    if time.monotonic() > end_s:
                        raise
                await asyncio.sleep(AGAIN_S)
            yield stream

    async def _recording(self, task: Task) -> Recording:
        """Where nothing can be kept nothing is ordered."""
        try:
            return await asyncio.to_thread(self.recordings.create, task.id)
        except AntiphonError as error:
            log.warning("sound cannot be kept: %s", error)
            told = "The sound cannot be kept now, so nothing was ordered. Order it again in a minute."
            raise ApiError(503, "sound_not_kept", told) from error

    async def _save_surely(self, live: Live, *, over: bool = False) -> None:
        """However long the store is away: what was made was paid for."""
        while True:
            try:
                await self._save(live, over=over)
            except AntiphonError as error:
                log.warning("the end of task %s is not written down yet: %s", live.task.id, error)
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _save(self, live: Live, *, over: bool = False) -> None:
        await self._do(lambda: self._store.save(live.task, live.in_order(), ended=live.task.state in ENDED, over=over))

    async def _account(self, live: Live, patience_s: float) -> None:
        """What it has cost, once all of it is settled, or when the patience ends."""
        pause_s = 0.05
        try:
            async with asyncio.timeout(patience_s):
                while not live.task.paid_final:
                    with contextlib.suppress(AntiphonError):
                        paid_nano, final = await self._network.cost_nano(live.task.ledger_tasks)
                        live.change(paid_nano=paid_nano, paid_final=final)
                    if not live.task.paid_final:
                        await asyncio.sleep(pause_s)
                        pause_s = min(2.0, pause_s * 2)
        except (TimeoutError, asyncio.CancelledError, StateError):
            pass

    async def _do(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)


def _check_room(mine: int, all_: int) -> None:
    """For one more task. Raises `ApiError`."""
    if mine >= MAX_OPEN_OF_KEY:
        told = f"{mine} tasks of this key have not ended. Ask again when one has."
        raise ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error", headers={"retry-after": "2"})
    if all_ >= MAX_OPEN:
        told = "Too many tasks have not ended. Ask again in a few seconds."
        raise ApiError(503, "busy", told, kind="server_error", headers={"retry-after": "2"})


async def _upload(file: Recording) -> None:
    while True:
        await asyncio.sleep(UPLOAD_S)
        with contextlib.suppress(AntiphonError):  # the end tells, and tries once more
            await asyncio.to_thread(file.upload)


async def _upload_rest(file: Recording) -> None:
    try:
        await asyncio.to_thread(lambda: file.upload(all_of_it=True))
    except (AntiphonError, OSError) as error:
        log.warning("sound stays on this machine for now: %s", error)


def _now_ms() -> int:
    return int(time.time() * 1000)
