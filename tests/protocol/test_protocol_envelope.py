from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mallory import Mallory

from antiphon.clock import ManualClock
from antiphon.errors import BusyError, ProtocolError
from antiphon.protocol import Envelope, Identity, ReplayGuard, canonical, envelope

ALICE = Identity.from_seed(b"a" * 32)
BOB = Identity.from_seed(b"b" * 32)
MALLORY = Mallory()
TASK = "0123456789abcdef" * 2
KINDS = frozenset({"order", "result"})


def alices(clock: ManualClock, **changes: Any) -> bytes:
    fields: dict[str, Any] = {"kind": "order", "receiver": BOB.node_id, "task": TASK, "body": b"sealed words"}
    return envelope.sign(ALICE, clock=clock, **(fields | changes))


def bobs(raw: bytes, clock: ManualClock, guard: ReplayGuard | None = None, **changes: Any) -> Envelope:
    options: dict[str, Any] = {"receiver": BOB.node_id, "kinds": KINDS, "max_age_ms": 60_000}
    return envelope.open(raw, clock=clock, guard=guard, **(options | changes))


def test_what_alice_signs_for_bob_arrives_whole() -> None:
    clock = ManualClock()
    message = bobs(alices(clock), clock, ReplayGuard())
    assert (message.kind, message.sender, message.receiver) == ("order", ALICE.node_id, BOB.node_id)
    assert (message.task, message.time_ms, message.body) == (TASK, clock.now_ms(), b"sealed words")


@given(st.binary(max_size=2000), st.sampled_from(["", TASK]))
def test_any_body_arrives(body: bytes, task: str) -> None:
    clock = ManualClock()
    assert bobs(alices(clock, body=body, task=task), clock).body == body


def test_two_messages_of_the_same_words_differ() -> None:
    clock = ManualClock()
    assert alices(clock) != alices(clock)


def test_every_single_flipped_bit_is_refused() -> None:
    """Not a sample: all of them, through both doors."""
    clock = ManualClock()
    raw = alices(clock)
    for byte in range(len(raw)):
        for bit in range(8):
            changed = MALLORY.flip(raw, byte, bit)
            with pytest.raises(ProtocolError):
                bobs(changed, clock)
            with pytest.raises(ProtocolError):
                envelope.verify_at(changed, BOB.node_id)


@settings(max_examples=200)
@given(st.data())
def test_every_flipped_bit_of_any_message_is_refused(data: st.DataObject) -> None:
    clock = ManualClock()
    raw = alices(clock, body=data.draw(st.binary(max_size=300)))
    byte, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    with pytest.raises(ProtocolError):
        bobs(MALLORY.flip(raw, byte, bit), clock)


def test_every_truncation_is_refused() -> None:
    clock = ManualClock()
    raw = alices(clock)
    for size in range(len(raw)):
        with pytest.raises(ProtocolError, match="not a readable Envelope"):
            bobs(MALLORY.truncate(raw, size), clock)


@given(st.binary(max_size=300))
def test_garbage_is_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        bobs(raw, ManualClock())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "result"),
        ("sender", MALLORY.identity.node_id),
        ("task", "f" * 32),
        ("task", ""),
        ("time_ms", ManualClock().now_ms() + 1),
        ("nonce", bytes(16)),
        ("body", b"other words"),
        ("body", b""),
    ],
)
def test_every_field_is_signed(field: str, value: object) -> None:
    clock = ManualClock()
    raw = alices(clock)
    with pytest.raises(ProtocolError, match="Bad signature"):
        bobs(MALLORY.swap(raw, **{field: value}), clock)
    with pytest.raises(ProtocolError, match="Bad signature"):
        bobs(MALLORY.resign(raw, **({field: value} | {"sender": ALICE.node_id})), clock)


def test_the_receiver_is_signed() -> None:
    clock = ManualClock()
    for_mallory = MALLORY.swap(alices(clock), receiver=MALLORY.identity.node_id)
    with pytest.raises(ProtocolError, match="Bad signature"):
        envelope.open(for_mallory, receiver=MALLORY.identity.node_id, clock=clock, guard=None, kinds=KINDS)


def test_sender_and_receiver_cannot_be_swapped() -> None:
    clock = ManualClock()
    back = MALLORY.swap(alices(clock), sender=BOB.node_id, receiver=ALICE.node_id)
    with pytest.raises(ProtocolError, match="Bad signature"):
        envelope.open(back, receiver=ALICE.node_id, clock=clock, guard=None, kinds=KINDS)


def test_unsigned_is_refused_in_every_form() -> None:
    clock = ManualClock()
    raw = alices(clock)
    for form in (MALLORY.unsign(raw), MALLORY.swap(raw, signature=b"")):
        for opened in (lambda m: bobs(m, clock), envelope.verify_at):
            with pytest.raises(ProtocolError, match="unsigned"):
                opened(form)


@pytest.mark.parametrize("signature", [b"\0", bytes(63), bytes(65), bytes(64)])
def test_a_signature_that_is_none_is_bad(signature: bytes) -> None:
    clock = ManualClock()
    with pytest.raises(ProtocolError, match="Bad signature"):
        bobs(MALLORY.swap(alices(clock), signature=signature), clock)


def test_a_message_for_somebody_else_is_refused() -> None:
    clock = ManualClock()
    for_mallory = alices(clock, receiver=MALLORY.identity.node_id)
    with pytest.raises(ProtocolError, match="Wrong receiver"):
        bobs(for_mallory, clock)
    with pytest.raises(ProtocolError, match="Wrong receiver"):
        envelope.verify_at(for_mallory, BOB.node_id)


def test_a_stolen_body_arrives_as_the_thiefs_own() -> None:
    """Nothing stops Mallory from sending those bytes; nobody takes them for Alice's."""
    clock = ManualClock()
    assert bobs(MALLORY.steal(alices(clock)), clock).sender == MALLORY.identity.node_id


def test_an_unexpected_kind_is_refused() -> None:
    clock = ManualClock()
    with pytest.raises(ProtocolError, match=r"Unknown kind 'vote'\. Expected: order, result"):
        bobs(alices(clock, kind="vote"), clock)
    with pytest.raises(ProtocolError, match="Unknown kind"):
        bobs(alices(clock), clock, kinds=())


def test_a_message_lives_as_long_as_it_may() -> None:
    clock = ManualClock()
    raw = alices(clock)
    clock.advance(60)
    bobs(raw, clock)
    clock.advance(0.001)
    with pytest.raises(ProtocolError, match=r"stale: signed 60\.0 s ago"):
        bobs(raw, clock)
    assert envelope.verify_at(raw, BOB.node_id).body == b"sealed words"


def test_a_message_from_the_future_is_refused() -> None:
    clock = ManualClock()
    ahead = ManualClock(clock.now_ms() + envelope.MAX_AHEAD_MS)
    bobs(alices(ahead), clock)
    ahead.advance(0.001)
    with pytest.raises(ProtocolError, match="from the future"):
        bobs(alices(ahead), clock)


def test_a_replayed_message_is_refused_for_as_long_as_it_is_fresh() -> None:
    clock, guard = ManualClock(), ReplayGuard()
    ahead = ManualClock(clock.now_ms() + envelope.MAX_AHEAD_MS)
    wire = MALLORY.replay([alices(clock), alices(ahead)], 1)
    bobs(wire[0], clock, guard)
    bobs(wire[1], clock, guard)
    for _ in range(140):
        for raw in wire:
            with pytest.raises(ProtocolError, match=r"replayed|stale"):
                bobs(raw, clock, guard)
        clock.advance(1)


def test_a_dropped_or_reordered_message_harms_no_other() -> None:
    clock, guard = ManualClock(), ReplayGuard()
    wire = [alices(clock, body=bytes([n])) for n in range(4)]
    arrived = MALLORY.reorder(MALLORY.drop(wire, 1), 0, 2)
    assert [bobs(raw, clock, guard).body for raw in arrived] == [b"\3", b"\2", b"\0"]


def test_a_forged_message_takes_no_place_in_the_guard() -> None:
    clock, guard = ManualClock(), ReplayGuard(75_000, 1)
    raw = alices(clock)
    for _ in range(3):
        with pytest.raises(ProtocolError, match="Bad signature"):
            bobs(MALLORY.resign(raw), clock, guard)
    bobs(raw, clock, guard)
    with pytest.raises(BusyError):
        bobs(alices(clock), clock, guard)


def test_a_guard_with_too_short_a_memory_cannot_be_used() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="must cover"):
        bobs(alices(clock), clock, ReplayGuard(60_000, 10))


def test_a_signature_for_another_purpose_does_not_fit() -> None:
    """The digest signed without its label, or under another one, is not an envelope's signature."""
    clock = ManualClock()
    message = MALLORY.read(alices(clock))
    covered = envelope.signed_bytes(message)
    for other in (covered.removeprefix(envelope.DOMAIN), b"antiphon/1 consent\0" + covered[len(envelope.DOMAIN) :]):
        forged = msgspec.structs.replace(message, signature=ALICE.sign(other))
        with pytest.raises(ProtocolError, match="Bad signature"):
            bobs(MALLORY.write(forged), clock)


def test_another_encoding_of_a_signed_message_is_refused() -> None:
    clock = ManualClock()
    fields = msgspec.msgpack.decode(alices(clock))
    for form in (dict(reversed(fields.items())), fields | {"extra": 1}):
        with pytest.raises(ProtocolError, match=r"not canonical|not a readable"):
            bobs(msgspec.msgpack.encode(form), clock)
    with pytest.raises(ProtocolError, match="trailing"):
        bobs(alices(clock) + b"\0", clock)


def test_too_large_is_refused_before_it_is_read_and_before_it_is_sent() -> None:
    clock = ManualClock()
    with pytest.raises(ProtocolError, match="too large: 5000 bytes, the limit is 4999"):
        bobs(b"\xff" * 5000, clock, limit=4999)
    with pytest.raises(ProtocolError, match="too large"):
        alices(clock, body=bytes(envelope.MAX_ENVELOPE_BYTES))


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("kind", "", "no kind of message"),
        ("kind", "Order", "no kind of message"),
        ("kind", "x" * 65, "no kind of message"),
        ("task", "0" * 31, "not a task id"),
        ("task", "G" * 32, "not a task id"),
        ("task", "0" * 32 + "\n", "not a task id"),
        ("receiver", "bob", "not a node id"),
    ],
)
def test_a_malformed_field_is_refused_on_both_sides(field: str, value: str, why: str) -> None:
    clock = ManualClock()
    with pytest.raises(ProtocolError, match=why):
        alices(clock, **{field: value})
    with pytest.raises(ProtocolError, match=why):
        bobs(MALLORY.swap(alices(clock), **{field: value}), clock)


@pytest.mark.parametrize(("field", "value"), [("time_ms", -1), ("nonce", bytes(15)), ("sender", "00" * 32)])
def test_fields_that_the_sender_never_chooses_are_checked_too(field: str, value: object) -> None:
    clock = ManualClock()
    with pytest.raises(ProtocolError, match=r"negative|nonce has 15|weak key"):
        bobs(MALLORY.swap(alices(clock), **{field: value}), clock)


def test_the_signed_bytes_are_pinned() -> None:
    message = Envelope(
        kind="order",
        sender=ALICE.node_id,
        receiver=BOB.node_id,
        task=TASK,
        time_ms=1_700_000_000_000,
        nonce=bytes(range(16)),
        body=b"hello",
    )
    covered = envelope.signed_bytes(message)
    assert len(covered) == 52
    assert (
        covered.hex()
        == "616e746970686f6e2f3220656e76656c6f7065009faf1520dc74d97c356efa00606e6025d9cc1c7a8d674e11725558cbf914a450"
    )
    assert "hello" not in repr(message)
    assert len(canonical.pack(message)) < 300


def test_a_guard_remembers_at_least_as_long_as_a_message_may_come() -> None:
    clock = ManualClock()
    bobs(alices(clock), clock, ReplayGuard(window_ms=60_000 + envelope.MAX_AHEAD_MS))
    with pytest.raises(ValueError, match="must cover max_age_ms"):
        bobs(alices(clock), clock, ReplayGuard(window_ms=60_000 + envelope.MAX_AHEAD_MS - 1))


def test_an_envelope_may_be_as_long_as_the_limit_and_as_old_as_the_epoch() -> None:
    clock = ManualClock(0)
    assert bobs(alices(clock), clock).time_ms == 0
    empty = len(alices(clock, body=bytes(70_000))) - 70_000
    longest = alices(clock, body=bytes(envelope.MAX_ENVELOPE_BYTES - empty))
    assert len(longest) == envelope.MAX_ENVELOPE_BYTES
    assert bobs(longest, clock).time_ms == 0
    with pytest.raises(ProtocolError, match="too large"):
        alices(clock, body=bytes(envelope.MAX_ENVELOPE_BYTES - empty + 1))
