"""The area `doors`: what a client of the HTTP API waits for, hears, and costs the server; `antiphon up` as a process of
its own, asked as any program asks it.

Each step is taken whatever became of the others: one that fails says why, and what it should have measured is
inconclusive.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from itertools import count
from pathlib import Path
from statistics import median

import numpy as np

from antiphon.bench import cheats
from antiphon.bench.asking import Heard, Up, ask, serving
from antiphon.bench.figure import Figure, Step, figure
from antiphon.bench.latency import VOICE
from antiphon.bench.pool import pool_figures
from antiphon.bench.sentences import HELD_OUT
from antiphon.bench.word_timing import word_time_figures
from antiphon.engines import registry
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.services import SpeechRequest

CLIENTS = 8
REQUESTS_A_TRY = 2
"""So that `--tries 1000` asks the 2,000 requests that flat memory is promised for."""
SETTLED = 0.1
"""Memory grows from what it is after this part of the requests, when everything is loaded, to what it is in the end."""
LONG_VOICE, LONG_SENTENCES, LONG_ROUNDS = "af_heart", 4, 3
"""Of an engine that most people's sound comes from; its generation takes seconds."""
REST_S = 0.5
"""A stream's last moment, which is the quiet room after it and comes with the last verdict."""
PATIENCE = 8
"""A step that takes so many times as long as it should has failed."""


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("first audio byte of a warm streamed sentence over HTTP", 20),
        Step(f"{CLIENTS} clients at once", 30),
        Step(f"memory over {REQUESTS_A_TRY * tries} requests", 0.25 * REQUESTS_A_TRY * tries),
        Step("HTTP beside the engine alone", 60),
        Step("two workers on NATS beside one", 60),
        Step("word times", 20),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - the signature of all areas
    """Each step before its figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            up = await stack.enter_async_context(serving(Path(folder) / "up", profile))
            of_server = (_first_bytes(up), _together(up), _memory(up, REQUESTS_A_TRY * tries), _beside(up))
            for step, taken in zip(steps(tries), of_server, strict=False):
                yield step
                async for found in guarded(step, taken):
                    yield found
        for step, taken in zip(steps(tries)[4:], (pool_figures(Path(folder)), word_time_figures()), strict=True):
            yield step
            async for found in guarded(step, taken):
                yield found


async def guarded(step: Step, taken: AsyncIterator[Figure]) -> AsyncIterator[Figure]:
    """The figures of a step; where it fails, or takes too long, one that says why."""
    try:
        async with asyncio.timeout(max(60.0, PATIENCE * step.about_s)), aclosing(taken) as found:  # type: ignore[type-var]
            async for one in found:
                yield one
    except TimeoutError:
        yield figure(step.name, None, "", "", f"it took longer than {PATIENCE * step.about_s:.0f} s")
    except AntiphonError as error:
        yield figure(step.name, None, "", "", str(error))
    except Exception as error:  # noqa: BLE001 - of a server, a client, a system: what cannot be measured is told as that
        yield figure(step.name, None, "", "", f"{type(error).__name__}: {error}")


async def _first_bytes(up: Up) -> AsyncIterator[Figure]:
    for text in HELD_OUT[:3]:
        await ask(up, text, VOICE)
    engine_s, firsts_s = [], []
    for text in HELD_OUT:
        said = f"Well, {text}"
        engine_s.append(await asyncio.to_thread(_engine_first_s, said))
        firsts_s.append((await ask(up, said, VOICE)).first_s)
    p50, p95 = (float(np.percentile(firsts_s, share)) for share in (50, 95))
    note = f"{len(firsts_s)} sentences of {VOICE}"
    yield figure("first audio byte of a warm streamed sentence, p50", 1000 * p50, "ms", "<= 150", note)
    yield figure("first audio byte of a warm streamed sentence, p95", 1000 * p95, "ms", "<= 300", note)
    beyond_ms = 1000 * (p50 - median(engine_s))
    note = f"the engine's own takes {1000 * median(engine_s):.0f} ms"
    yield figure("first audio byte beyond the engine's own first chunk", beyond_ms, "ms", "<= 60", note)


async def _together(up: Up) -> AsyncIterator[Figure]:
    """Each has eight sentences of its own said."""
    texts = [" ".join(HELD_OUT[n:] + HELD_OUT[:n])[:480] for n in range(CLIENTS)]
    heard = await asyncio.gather(*(ask(up, text, VOICE) for text in texts))
    for found in together_figures(heard):
        yield found


def together_figures(heard: list[Heard]) -> list[Figure]:
    """Of clients who asked at once."""
    played = [one for one in heard if one.pieces]
    refused = sum(one.status == 503 for one in heard)
    longest_s = max((one.gap_s for one in played), default=None)
    note = f"{len(played)} heard, {refused} refused with 503"
    if other := Counter(one.status for one in heard if not one.pieces and one.status != 503):
        note += f", answered otherwise: {dict(other)}"
    whole = sum(not one.cut for one in played)
    return [
        figure(f"longest gap of {len(heard)} clients at once", longest_s, "s", "<= 0.5", note),
        figure("of them heard to the end, or refused", whole + refused, "clients", f">= {len(heard)}"),
        figure("of them heard", len(played), "clients", ">= 1"),
    ]


async def _memory(up: Up, requests: int) -> AsyncIterator[Figure]:
    texts, before, settled, failed = count(), up.memory_mb, 0, 0
    for done in range(0, requests, 4):
        if not settled and done >= SETTLED * requests:
            before, settled = up.memory_mb, done
        heard = await asyncio.gather(*(ask(up, f"Number {next(texts)}.", VOICE) for _ in range(4)))
        failed += sum(not one.pieces or one.cut for one in heard)
    after = up.memory_mb
    note = f"{before:.0f} MB at {settled}, {after:.0f} MB at {requests}; {failed} requests were refused or failed"
    yield figure(f"memory growth of the server over {requests} requests", after - before, "MB", "< 20", note)


async def _beside(up: Up) -> AsyncIterator[Figure]:
    """In turn, so that a busy machine disturbs both; to the last word."""
    texts = [HELD_OUT[n : n + LONG_SENTENCES] for n in range(0, LONG_SENTENCES * LONG_ROUNDS, LONG_SENTENCES)]
    added, engine_s = list[float](), list[float]()
    for number, sentences in enumerate((texts[0], *texts)):
        began_s = time.perf_counter()
        for text in sentences:
            await asyncio.to_thread(cheats.synthesise, text, LONG_VOICE, 0)
        made_s = time.perf_counter() - began_s
        heard = await ask(up, " ".join(sentences), LONG_VOICE)
        if number:  # the first are for warming up
            engine_s.append(made_s)
            added.append(100 * (heard.all_but_s(REST_S) - made_s) / made_s)
    note = f"{LONG_SENTENCES} sentences of {LONG_VOICE}, which the engine alone makes in {median(engine_s):.1f} s"
    yield figure("HTTP to the last word beyond the engine alone, of generation", median(added), "%", "< 5", note)


def _engine_first_s(text: str) -> float:
    """Until the first chunk of the engine alone."""
    engine = registry.load(registry.engine_for(VOICE))
    began_s = time.perf_counter()
    first = next(iter(engine.generate(SpeechRequest(text=text, voice=VOICE), 0)), None)
    if first is None:
        raise UnavailableError("The engine made nothing")
    return time.perf_counter() - began_s
