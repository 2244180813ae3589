"""docs/protocol.md shows what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from antiphon.protocol import Envelope, Identity, canonical, envelope, replay, sealing

PAGE = Path(__file__).parents[2].joinpath("docs", "protocol.md").read_text()


def block(name: str) -> bytes:
    found = re.search(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    return bytes.fromhex(found[1])


def test_the_worked_example_is_what_the_code_makes() -> None:
    alice, bob = Identity.from_seed(b"a" * 32), Identity.from_seed(b"b" * 32)
    message = Envelope(
        kind="order",
        sender=alice.node_id,
        receiver=bob.node_id,
        task="0123456789abcdef" * 2,
        time_ms=1_700_000_000_000,
        nonce=bytes(range(16)),
        body=b"hello",
    )
    assert block("signed-bytes") == envelope.signed_bytes(message)
    signed = msgspec.structs.replace(message, signature=alice.sign(envelope.signed_bytes(message)))
    assert block("envelope") == canonical.pack(signed)
    assert envelope.verify_at(block("envelope"), bob.node_id) == signed


def test_the_frames_are_what_the_code_makes() -> None:
    from antiphon.transport.frames import DATA, END, write

    assert block("frames") == write((DATA, b"hello")) + write((END, b""))


def test_the_numbers_are_those_of_the_code() -> None:
    from antiphon.transport import DEFAULT_LIMITS

    assert (envelope.MAX_AGE_MS, envelope.MAX_AHEAD_MS, envelope.MAX_ENVELOPE_BYTES) == (60_000, 10_000, 8 << 20)
    assert (replay.DEFAULT_WINDOW_MS, replay.DEFAULT_CAPACITY) == (75_000, 200_000)
    assert (sealing.WRAPPED_BYTES, sealing.MAX_CHUNK_BYTES) == (80, 8 << 20)
    limits = DEFAULT_LIMITS
    assert (limits.message_bytes, limits.frame_bytes, limits.answer_bytes) == (8 << 20, 8 << 20, 256 << 20)
    assert (limits.concurrent, limits.connections, limits.frames_ahead) == (256, 1024, 4)
    assert limits.held_bytes == 256 << 20
    assert (limits.body_s, limits.connect_s) == (30, 5)


def test_the_limits_of_a_consent_are_those_of_the_code() -> None:
    from antiphon.ledger.limits import MAX_GRANTS, MAX_REVOCATIONS
    from antiphon.protocol import consent
    from antiphon.services import MAX_GRANT_BYTES

    section = PAGE.partition("## Consent")[2].partition("## ")[0]
    assert f"1-{consent.MAX_SUBJECT_CHARS} printable" in section
    assert f"1-{consent.MAX_REFERENCES} hashes of {consent.REFERENCE_BYTES} bytes" in section
    assert f"at most {MAX_GRANT_BYTES:,} bytes" in section
    assert f"(at most {MAX_GRANTS})" in section
    assert f"{MAX_REVOCATIONS:,} for each grantor" in PAGE
    assert all(f"`{use}`" in section for use in consent.Use)
    assert all(f"`{name}`" in section for name in consent.Grant.__struct_fields__)
