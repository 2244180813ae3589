"""An engine's work in a thread: what is ready leaves together, and the end is told with the last of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import aclosing

import pytest

from antiphon.errors import InputError, UnavailableError
from antiphon.parties.messages import MAX_RESULT_BYTES
from antiphon.subnet.making import making


class Inline(Executor):
    """Works where it is asked."""

    def submit(self, work: Callable[..., object], /, *given: object, **named: object) -> Future[object]:
        work(*given, **named)
        return Future()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_what_is_ready_comes_at_once_with_its_end() -> None:
    async with aclosing(making(Inline(), lambda: iter((b"one", b"two")))) as made:
        assert [told async for told in made] == [(b"onetwo", True)]


async def test_a_chunk_does_not_wait_for_the_next(pool: ThreadPoolExecutor) -> None:
    go_on = threading.Event()

    def work() -> Iterator[bytes]:
        yield b"one"
        assert go_on.wait(10)
        yield b"two"

    heard: list[bytes] = []
    async with aclosing(making(pool, work)) as made:
        async for chunk, ended in made:
            assert not (ended and not heard)
            heard.append(chunk)
            go_on.set()
    assert heard[0] == b"one"
    assert b"".join(heard) == b"onetwo"


def _failing() -> Iterator[bytes]:
    yield b"one"
    raise ValueError("/home/somebody/secret")


def _refusing() -> Iterator[bytes]:
    yield from ()
    raise InputError("No such voice")


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("work", "kind", "words"),
    [
        (_failing, UnavailableError, "The engine failed: ValueError"),
        (_refusing, InputError, "No such voice"),
        (lambda: iter(()), UnavailableError, "made nothing"),
        (lambda: iter((b"", b"")), UnavailableError, "made nothing"),
        (lambda: iter((bytes(MAX_RESULT_BYTES), b"x")), UnavailableError, "more than can be judged"),
    ],
)
async def test_what_went_wrong_is_told_without_the_engines_own_words(
    pool: ThreadPoolExecutor, inline: bool, work: Callable[[], Iterator[bytes]], kind: type[Exception], words: str
) -> None:
    async def all_of_it() -> list[bool]:
        async with aclosing(making(Inline() if inline else pool, work)) as made:
            return [ended async for _, ended in made]

    with pytest.raises(kind, match=words) as told:
        await all_of_it()
    assert "secret" not in str(told.value)


async def test_who_leaves_ends_the_work_at_the_next_chunk(pool: ThreadPoolExecutor) -> None:
    begun, left = threading.Event(), threading.Event()
    made_of: list[int] = []

    def work() -> Iterator[bytes]:
        for number in range(1_000):
            made_of.append(number)
            yield b"x"
            begun.set()
            assert left.wait(10)

    async with aclosing(making(pool, work)) as made:
        assert await anext(made) == (b"x", False)
        assert begun.wait(10)
    left.set()
    pool.shutdown(wait=True)
    assert made_of == [0, 1]
