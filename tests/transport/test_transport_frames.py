from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon import errors
from antiphon.errors import AntiphonError, BusyError, ConflictError, ProtocolError, StateError
from antiphon.protocol import canonical
from antiphon.transport.frames import (
    DATA,
    END,
    ERROR,
    ErrorFrame,
    Frame,
    FrameReader,
    error_frame,
    error_of,
    write,
)

ALL_ERRORS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, AntiphonError)]


def reader(frame_bytes: int = 1000, answer_bytes: int = 10_000) -> FrameReader:
    return FrameReader(frame_bytes=frame_bytes, answer_bytes=answer_bytes)


@given(st.lists(st.binary(max_size=100), max_size=8), st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_frames_come_out_as_they_went_in_however_they_are_cut(payloads: list[bytes], cuts: list[int]) -> None:
    frames: list[Frame] = [*((DATA, payload) for payload in payloads), (END, b"")]
    wire = b"".join(write(frame) for frame in frames)
    frame_reader, out, i = reader(), [], 0
    while wire:
        size = cuts[i % len(cuts)]
        out += list(frame_reader.feed(wire[:size]))
        wire, i = wire[size:], i + 1
    frame_reader.finish()
    assert out == frames


@given(st.lists(st.binary(max_size=50), max_size=4), st.data())
def test_every_truncation_shows(payloads: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(write((DATA, payload)) for payload in payloads) + write((END, b""))
    frame_reader = reader()
    list(frame_reader.feed(wire[: data.draw(st.integers(0, len(wire) - 1))]))
    with pytest.raises(ProtocolError, match="truncated: it has no end frame"):
        frame_reader.finish()


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"\0\0\0\0\0", "unknown type 0"),
        (b"\4\0\0\0\0", "unknown type 4"),
        (b"\1\xff\xff\xff\xff", "frame is too large: 4294967295 bytes, the limit is 1000"),
        (b"\1\0\0\3\xe9", "frame is too large: 1001 bytes"),
        (b"\2\0\0\0\1", "frame is too large: 1 bytes, the limit is 0"),
        (b"\3\0\0\xff\xff", "frame is too large"),
        (b"\2\0\0\0\0\1", "goes on after its end"),
    ],
)
def test_a_bad_frame_is_refused_at_its_header(wire: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        list(reader().feed(wire))


def test_an_answer_over_its_limit_is_refused() -> None:
    frame_reader = reader(100, 150)
    assert len(list(frame_reader.feed(write((DATA, bytes(100)))))) == 1
    with pytest.raises(ProtocolError, match="answer is too large"):
        list(frame_reader.feed(write((DATA, bytes(51)))))


def test_an_answer_never_says_unreachable_for_the_asker_did_reach_the_node() -> None:
    _, payload = error_frame(errors.UnreachableError("My own ledger is away"))
    assert type(error_of(payload)) is errors.UnavailableError


@pytest.mark.parametrize("kind", [kind for kind in ALL_ERRORS if kind is not errors.UnreachableError])
def test_every_error_of_the_tree_arrives_as_itself(kind: type[AntiphonError]) -> None:
    frame_type, payload = error_frame(kind("It failed", "Do this."))
    error = error_of(payload)
    assert frame_type == ERROR
    assert type(error) is kind
    assert (error.what, error.hint) == ("It failed", "Do this.")


def test_a_busy_node_says_for_how_long() -> None:
    error = error_of(error_frame(BusyError("busy", retry_after_s=2.5))[1])
    assert isinstance(error, BusyError)
    assert error.retry_after_s == 2.5


@pytest.mark.parametrize(("sent", "heard"), [(-5.0, 0.0), (1e12, 3600.0)])
def test_an_absurd_estimate_is_bounded(sent: float, heard: float) -> None:
    error = error_of(error_frame(BusyError("busy", retry_after_s=sent))[1])
    assert isinstance(error, BusyError)
    assert error.retry_after_s == heard


def test_an_error_from_elsewhere_arrives_as_its_nearest_kin() -> None:
    class LateVoteError(ConflictError):
        pass

    error = error_of(error_frame(LateVoteError("late"))[1])
    assert type(error) is ConflictError
    assert isinstance(error, StateError)


def test_long_words_are_cut_and_control_characters_dropped() -> None:
    error = error_of(error_frame(ProtocolError("\x1b[2Jhidden\r\n" + "x" * 5000, "y" * 5000))[1])
    assert error.what.isprintable()
    assert len(error.what) <= 1000
    assert len(error.hint) <= 1000


def test_an_unknown_or_unreadable_error_is_a_protocol_error() -> None:
    for payload in (canonical.encode(ErrorFrame(error="SystemExit", what="", hint="")), b"", b"\xff" * 9000):
        with pytest.raises(ProtocolError):
            raise error_of(payload)
