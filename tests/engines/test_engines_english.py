from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engines import english
from antiphon.engines.lazy import Lazy


@given(st.text("ab ,.;—", max_size=200), st.integers(1, 40))
def test_cutting_loses_only_spaces_and_keeps_the_limit(reading: str, limit: int) -> None:
    pieces = english.cut(reading, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(reading.split())


def test_cuts_fall_after_clauses_then_at_spaces() -> None:
    assert english.cut("one two, three four", 12) == ["one two,", "three four"]
    assert english.cut("one two three", 9) == ["one two", "three"]
    assert english.cut("abcdefgh", 3) == ["abc", "def", "gh"]


def test_a_lazy_value_is_built_once_by_many_threads_and_again_after_a_failure() -> None:
    built: list[int] = []

    def build() -> int:
        built.append(1)
        if len(built) == 1:
            raise OSError("first try")
        return 5

    lazy = Lazy(build)
    with pytest.raises(OSError, match="first try"):
        lazy()
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: lazy(), range(32))) == [5] * 32
    assert len(built) == 2


def _read(text: str, *, british: bool = False) -> str:
    return " ".join(reading for reading, _ in english.readings(text, british=british))


@pytest.mark.slow
def test_numbers_and_money_are_read_as_words() -> None:
    assert _read("It costs $5.") == _read("It costs five dollars.")
    assert _read("16 boats") == _read("sixteen boats")


@pytest.mark.slow
def test_accents_differ() -> None:
    assert _read("Go home.") == "ɡˌO hˈOm."  # noqa: RUF001
    assert "Q" in _read("Go home.", british=True)


@pytest.mark.slow
def test_the_fast_reader_reads_like_hibaris_own() -> None:
    from hibari.g2p import G2P

    own = G2P()
    for text in ("Hello there, Quincy.", "She reads; he read the zymurgy book.", "Don't go to St. Paul!", "NASA's"):
        assert english.warm()(text) == own(text)


@pytest.mark.slow
def test_letters_with_rare_marks_are_read_without_them() -> None:
    assert _read("Nguyễn") == _read("Nguyen")


@pytest.mark.slow
def test_pauses_follow_the_text() -> None:
    pauses = [
        pause
        for _, pause in english.readings(
            "The first sentence.\n\nThe second one is here. And a third sentence ends it.", british=False
        )
    ]
    assert pauses[0] == 0
    assert pauses[1] > pauses[2] > 0.1
