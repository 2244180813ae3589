"""The queue for places: bounded, fair between keys, and nobody who left keeps a place."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.gateway.errors import ApiError
from antiphon.gateway.turns import Turns


async def test_keys_take_turns_whatever_one_of_them_asks_for() -> None:
    turns, order = Turns(1, waiting=40), list[str]()

    async def ask(whose: str) -> None:
        async with turns.turn(whose):
            order.append(whose)
            await asyncio.sleep(0)

    async with turns.turn("first"):
        asking = [asyncio.create_task(ask("greedy")) for _ in range(6)]
        await asyncio.sleep(0)
        asking += [asyncio.create_task(ask("modest")) for _ in range(2)]
        await asyncio.sleep(0)
    await asyncio.gather(*asking)
    assert order[:4] == ["greedy", "modest", "greedy", "modest"]
    assert len(order) == 8


async def test_a_key_has_its_share_of_the_queue_and_the_queue_an_end() -> None:
    turns = Turns(1, waiting=8)

    async def ask(whose: str) -> None:
        async with turns.turn(whose):
            pass

    async with turns.turn():
        asking = [asyncio.create_task(ask(whose)) for whose in "aabbccdd"]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as share:
            await ask("a")
        assert (share.value.status, share.value.code) == (429, "rate_limit_exceeded")
        with pytest.raises(ApiError) as full:
            await ask("e")
        assert (full.value.status, full.value.code) == (503, "busy")
        assert share.value.headers["retry-after"] == full.value.headers["retry-after"] == "1"
    await asyncio.gather(*asking)


async def test_who_waits_too_long_or_leaves_takes_no_place() -> None:
    turns = Turns(1, wait_s=0.02)

    async def ask(whose: str) -> None:
        async with turns.turn(whose):
            pass

    async with turns.turn():
        with pytest.raises(ApiError) as late:
            await ask("a")
        assert late.value.code == "busy"
        leaving = asyncio.create_task(ask("b"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    given = asyncio.create_task(ask("c"))
    await given
    async with turns.turn():
        last = asyncio.create_task(ask("d"))
        await asyncio.sleep(0)
    last.cancel()  # its place came in the same moment
    await asyncio.gather(last, return_exceptions=True)
    async with asyncio.timeout(15), turns.turn():
        pass


async def test_no_more_are_let_in_than_are_made_while_they_are_heard() -> None:
    room = 2
    turns, inside = Turns(waiting=8, keeps=lambda kinds: len(kinds) <= room), list[str]()
    leave = {name: asyncio.Event() for name in ("a", "b", "c", "d", "goes on")}

    async def ask(name: str, *, begun: bool = False) -> None:
        async with turns.turn(kind="hibari", begun=begun):
            inside.append(name)
            await leave[name].wait()

    async with asyncio.TaskGroup() as asking:
        for name in ("a", "b", "c", "d"):
            asking.create_task(ask(name))
        await asyncio.sleep(0)
        assert inside == ["a", "b"]
        asking.create_task(ask("goes on", begun=True))
        await asyncio.sleep(0)
        assert inside[2:] == ["goes on"], "who is being listened to passes those who have not begun"
        leave["a"].set()
        await _settled()
        assert len(inside) == 3, "two are still at work"
        leave["b"].set()
        await _settled()
        assert inside[3:] == ["c"]
        room = 4
        turns.look()
        await _settled()
        assert inside[4:] == ["d"], "as soon as more turned out to fit"
        for one in leave.values():
            one.set()


async def test_an_order_that_does_not_fit_is_told_to_come_again_and_shuts_nobody_out() -> None:
    turns = Turns(wait_s=0.02, keeps=lambda kinds: "slow" not in kinds or len(kinds) == 1)
    async with turns.turn(kind="fast"):
        with pytest.raises(ApiError) as late:
            async with turns.turn(kind="slow"):
                pass
        assert (late.value.status, late.value.headers["retry-after"]) == (503, "1")
        async with turns.turn(kind="fast"):
            pass
    async with turns.turn(kind="slow"):
        pass


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
