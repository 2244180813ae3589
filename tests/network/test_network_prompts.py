"""Where test prompts come from: a grammar that cannot repeat itself, and an API that may fail in every way."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import gcd, prod

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from antiphon.network import prompts
from antiphon.network.prompts import MAX_ANSWER_BYTES, MAX_PROMPT_CHARS, ApiPrompts, GrammarPrompts
from antiphon.protocol import Secret

KEY = "sk-very-secret"
SLOTS = tuple(len(slot) for slot in prompts._SLOTS)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def test_the_slots_have_distinct_prime_sizes_so_a_stride_is_coprime_when_it_divides_none() -> None:
    assert len(set(SLOTS)) == len(SLOTS)
    assert all(all(size % divisor for divisor in range(2, size)) for size in SLOTS)
    assert GrammarPrompts.period == prod(SLOTS) > 30_000_000


@given(st.text(max_size=40))
def test_every_seed_walks_through_the_whole_period(seed: str) -> None:
    assert gcd(GrammarPrompts(seed)._stride, GrammarPrompts.period) == 1


@given(st.integers(0, GrammarPrompts.period - 1), st.integers(0, GrammarPrompts.period - 1))
def test_different_numbers_are_different_sentences(one: int, other: int) -> None:
    assert (GrammarPrompts.sentence(one) == GrammarPrompts.sentence(other)) is (one == other)


async def test_many_prompts_in_a_row_are_all_new_and_short_enough() -> None:
    source = GrammarPrompts("seed")
    made = [await source.next() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert max(map(len, made)) <= MAX_PROMPT_CHARS
    assert all(len(sentence.split()) >= 8 for sentence in made)


async def test_a_source_goes_on_where_it_stopped() -> None:
    source = GrammarPrompts("seed")
    first = [await source.next() for _ in range(5)]
    assert [await GrammarPrompts("seed", start=3).next()] == first[3:4]


def saying(text: object) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": text}}]})

    return answer


async def failing(_: web.Request) -> web.Response:
    return web.Response(status=500, text=f"what is {KEY}?")


async def redirecting(_: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:1/elsewhere"})


async def garbage(_: web.Request) -> web.Response:
    return web.Response(text="not json", content_type="application/json")


async def other_json(_: web.Request) -> web.Response:
    return web.json_response(["choices"])


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(3 * MAX_ANSWER_BYTES // 8192):
        await response.write(b" " * 8192)
    return response


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.Response()


@asynccontextmanager
async def api(answer: Answer) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A real HTTP server on loopback with the one path of the chat API."""
    asked: list[web.Request] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        assert json.loads(await request.read())["model"] == "tiny"
        asked.append(request)
        return await answer(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/v1/", asked
    finally:
        await runner.cleanup()


def source_at(url: str) -> ApiPrompts:
    return ApiPrompts(url, Secret(KEY.encode()), "tiny", GrammarPrompts("seed"), timeout_s=0.3)


async def first_of_the_grammar() -> str:
    return await GrammarPrompts("seed").next()


async def test_a_good_answer_is_used_once_and_its_repetition_replaced() -> None:
    async with api(saying('  "The kettle  boiled over."\n')) as (url, asked):
        source = source_at(url)
        assert await source.next() == "The kettle boiled over."
        assert asked[0].headers["Authorization"] == f"Bearer {KEY}"
        assert await source.next() == await first_of_the_grammar()


@pytest.mark.parametrize(
    "answer",
    [
        failing,
        redirecting,
        garbage,
        other_json,
        endless,
        slow,
        saying(""),
        saying(None),
        saying(["a", "list"]),
        saying("x" * (MAX_PROMPT_CHARS + 1)),
        saying("bell\x07 and escape \x1b[31m"),
    ],
)
async def test_whatever_goes_wrong_the_grammar_takes_over_and_the_key_is_never_logged(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="antiphon"):
        async with api(answer) as (url, _):
            assert await source_at(url).next() == await first_of_the_grammar()
    assert caplog.records
    assert KEY not in caplog.text


async def test_nobody_there_means_the_grammar() -> None:
    assert await source_at("http://127.0.0.1:9/v1").next() == await first_of_the_grammar()


async def test_what_is_remembered_of_past_prompts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "REMEMBERED_PROMPTS", 3)
    source = source_at("http://unused")
    assert [source._is_new(text) for text in ("a", "b", "A", "c", "d", "a")] == [True, True, False, True, True, True]
    assert len(source._given) == 3
