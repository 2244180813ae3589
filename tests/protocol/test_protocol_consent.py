"""A consent allows exactly what its grantor signed. Whatever Mallory makes of it allows nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mallory import Mallory

from antiphon.clock import ManualClock
from antiphon.errors import AntiphonError, InputError, ProtocolError
from antiphon.protocol import Identity, canonical, envelope
from antiphon.protocol.consent import (
    ANYBODY,
    CONSENT_KIND,
    MAX_REFERENCES,
    MAX_SUBJECT_CHARS,
    MAX_TERM_MS,
    Grant,
    Use,
    grant_id,
    open_grant,
    require,
    require_for,
    sign_grant,
)
from antiphon.services import MAX_GRANT_BYTES, Clip, CloneRequest, EnrolRequest, SpeechRequest, VoiceProfile

ADA, BOB, CLIENT = (Identity.from_seed(letter * 32) for letter in (b"a", b"b", b"c"))
MALLORY = Mallory()
CLOCK = ManualClock()
NOW_MS = CLOCK.now_ms()
DAY_MS = 86_400_000
CLIP = Clip(pcm=bytes(4_800), rate_hz=24_000)
GRANT = Grant(
    subject="Ada Lovelace",
    references=(CLIP.sha256, b"s" * 32),
    uses=(Use.ENROL, Use.SPEAK),
    grantee=CLIENT.node_id,
    not_before_ms=NOW_MS,
    until_ms=NOW_MS + DAY_MS,
)
RAW = sign_grant(ADA, GRANT, CLOCK)


def granted(**changes: object) -> Grant:
    return Grant(**(msgspec.structs.asdict(GRANT) | changes))  # type: ignore[arg-type]


def asked(raw: bytes = RAW, **changes: object) -> None:
    question = {"reference": CLIP.sha256, "use": Use.SPEAK, "at_ms": NOW_MS, "grantee": CLIENT.node_id} | changes
    require(raw, **question)  # type: ignore[arg-type]


def test_a_valid_consent_is_read_as_it_was_signed() -> None:
    consent = open_grant(RAW)
    assert (consent.grantor, consent.grant, consent.id) == (ADA.node_id, GRANT, grant_id(RAW))
    assert (consent.ref.grantor, consent.ref.id) == (ADA.node_id, consent.id)
    assert len(consent.id) == 32
    assert require(RAW, reference=b"s" * 32, use=Use.ENROL, at_ms=NOW_MS, grantee=CLIENT.node_id) == consent


def test_two_grants_of_the_same_words_have_different_names() -> None:
    assert grant_id(sign_grant(ADA, GRANT, CLOCK)) != grant_id(RAW)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reference": b"x" * 32}, "does not cover this recording"),
        ({"use": Use.CONVERT}, "does not allow to convert, only: enrol, speak"),
        ({"at_ms": NOW_MS - 1}, "not valid before 2023-11-14"),
        ({"at_ms": NOW_MS + DAY_MS}, "expired on 2023-11-15"),
        ({"grantee": BOB.node_id}, f"--to {BOB.node_id}"),
        ({"raw": b""}, "There is no consent"),
    ],
)
def test_what_was_not_granted_is_refused_with_a_next_step(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        asked(**changes)  # type: ignore[arg-type]
    assert refusal.value.hint


def test_a_consent_for_anybody_serves_everybody_and_one_for_somebody_only_him() -> None:
    public = sign_grant(ADA, granted(grantee=ANYBODY), CLOCK)
    for who in (CLIENT, BOB):
        asked(public, grantee=who.node_id)
    asked(grantee=ANYBODY)  # whoever cannot know the client (an engine) leaves the client out
    with pytest.raises(InputError, match="was given to"):
        asked(grantee=BOB.node_id)


def test_the_last_moment_counts_and_the_next_does_not() -> None:
    asked(at_ms=NOW_MS + DAY_MS - 1)
    with pytest.raises(InputError, match="expired"):
        asked(at_ms=NOW_MS + DAY_MS)


ATTACKS: dict[str, Callable[[], bytes]] = {
    "signed by Mallory in Ada's name": lambda: MALLORY.resign(RAW),
    "prolonged": lambda: MALLORY.swap(RAW, body=canonical.encode(granted(until_ms=NOW_MS + 9 * DAY_MS))),
    "unsigned": lambda: MALLORY.unsign(RAW),
    "another grantor": lambda: MALLORY.swap(RAW, sender=BOB.node_id),
    "truncated": lambda: RAW[:-10],
    "followed by bytes": lambda: RAW + b"\0",
    "twice": lambda: RAW + RAW,
    "an unknown field": lambda: msgspec.msgpack.encode({**msgspec.msgpack.decode(RAW), "more": 1}),
    "fields in another order": lambda: msgspec.msgpack.encode(dict(reversed(msgspec.msgpack.decode(RAW).items()))),
    "noise": lambda: b"\xc1" * 100,
    "a body that is no grant": lambda: signed(body=b"\x80"),
    "a body with trailing bytes": lambda: signed(body=canonical.encode(GRANT) + b"\0"),
    "to somebody else": lambda: signed(receiver=BOB.node_id),
    "bound to a task": lambda: signed(task="0" * 32),
    "the order of a client": lambda: signed(kind="order"),
    "an operation": lambda: signed(kind="ledger"),
    "a huge one": lambda: signed(body=canonical.encode(GRANT) + bytes(MAX_GRANT_BYTES)),
}


def signed(
    kind: str = CONSENT_KIND, receiver: str = ADA.node_id, task: str = "", body: bytes = canonical.encode(GRANT)
) -> bytes:
    return envelope.sign(ADA, kind=kind, receiver=receiver, task=task, body=body, clock=CLOCK)


@pytest.mark.parametrize("name", ATTACKS)
def test_mallory_gets_nothing(name: str) -> None:
    with pytest.raises((InputError, ProtocolError)) as refusal:
        asked(ATTACKS[name]())
    assert refusal.value.hint


def test_mallorys_own_grant_is_hers_whatever_it_calls_itself() -> None:
    """Nobody can keep her from claiming to be Ada. The receipt says who claimed it."""
    stolen = open_grant(MALLORY.steal(MALLORY.swap(RAW, receiver=MALLORY.identity.node_id)))
    assert stolen.grant.subject == "Ada Lovelace"
    assert stolen.grantor == MALLORY.identity.node_id


@given(byte=st.integers(0, len(RAW) - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_consent_can_be_changed(byte: int, bit: int) -> None:
    with pytest.raises(AntiphonError):
        open_grant(MALLORY.flip(RAW, byte, bit))


@given(length=st.integers(0, len(RAW) - 1))
def test_no_beginning_of_a_consent_is_one(length: int) -> None:
    with pytest.raises(AntiphonError):
        open_grant(RAW[:length])


@given(raw=st.binary(max_size=600))
def test_bytes_at_random_are_refused(raw: bytes) -> None:
    with pytest.raises((InputError, ProtocolError)):
        open_grant(raw)


grants = st.builds(
    lambda subject, references, uses, begin, term: Grant(
        subject=subject, references=references, uses=uses, grantee=ANYBODY, not_before_ms=begin, until_ms=begin + term
    ),
    subject=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=MAX_SUBJECT_CHARS),
    references=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=6, unique=True).map(tuple),
    uses=st.lists(st.sampled_from(Use), min_size=1, unique=True).map(tuple),
    begin=st.integers(0, 2 * NOW_MS),
    term=st.integers(1, MAX_TERM_MS),
)


@given(grant=grants, data=st.data())
def test_exactly_the_named_recordings_uses_and_times_are_allowed(grant: Grant, data: st.DataObject) -> None:
    raw = sign_grant(ADA, grant, CLOCK)
    reference = data.draw(st.sampled_from([*grant.references, bytes(32)]))
    use = data.draw(st.sampled_from(Use))
    at_ms = data.draw(
        st.integers(grant.not_before_ms, grant.until_ms) | st.integers(0, 4 * NOW_MS) | st.just(grant.until_ms - 1)
    )
    allowed = reference in grant.references and use in grant.uses and grant.not_before_ms <= at_ms < grant.until_ms
    try:
        consent = require(raw, reference=reference, use=use, at_ms=at_ms)
    except InputError:
        assert not allowed
    else:
        assert allowed
        assert consent.grant == grant


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ""}, "whose voice"),
        ({"subject": "  "}, "whose voice"),
        ({"subject": "A" * (MAX_SUBJECT_CHARS + 1)}, "whose voice"),
        ({"subject": "Ada\x1b[2J"}, "whose voice"),
        ({"references": ()}, "1-64 different recordings"),
        ({"references": (b"r" * 32,) * 2}, "1-64 different recordings"),
        ({"references": tuple(n.to_bytes(32, "big") for n in range(MAX_REFERENCES + 1))}, "1-64 different"),
        ({"references": (b"r" * 31,)}, "32 bytes"),
        ({"uses": ()}, "at least one use"),
        ({"uses": (Use.SPEAK, Use.SPEAK)}, "each once"),
        ({"not_before_ms": -1}, "begins before"),
        ({"until_ms": NOW_MS}, "begins before"),
        ({"until_ms": 10**18}, "begins before"),
        ({"until_ms": NOW_MS + MAX_TERM_MS + 1}, "ten years"),
        ({"grantee": "somebody"}, "not a node id"),
    ],
)
def test_a_grant_outside_its_limits_can_neither_be_made_nor_read(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        granted(**changes)
    assert refusal.value.hint
    fields = msgspec.to_builtins(GRANT, builtin_types=(bytes,)) | changes
    with pytest.raises(InputError, match=said):
        open_grant(signed(body=msgspec.msgpack.encode(fields)))


def test_the_largest_grant_fits() -> None:
    references = tuple(n.to_bytes(32, "big") for n in range(MAX_REFERENCES))
    raw = sign_grant(ADA, granted(subject="\N{EARTH GLOBE AMERICAS}" * MAX_SUBJECT_CHARS, references=references), CLOCK)
    assert len(raw) <= MAX_GRANT_BYTES
    assert open_grant(raw).grant.references == references


def test_a_request_asks_for_its_own_use_and_recording() -> None:
    profile = VoiceProfile(
        engine="x",
        language="en",
        reference=CLIP.sha256,
        data=b"",
        reference_voice=b"",
        reference_other=b"",
        own_voice=b"",
        own_other=b"",
        fingerprint=b"",
        own_mos=4.0,
    )
    raw = sign_grant(ADA, granted(uses=(Use.SPEAK,)), CLOCK)
    speak = CloneRequest(profile=profile, consent=raw, text="Hello.")
    assert require_for(speak, at_ms=NOW_MS) == open_grant(raw)
    with pytest.raises(InputError, match="allow to convert"):
        require_for(CloneRequest(profile=profile, consent=raw, speech=CLIP), at_ms=NOW_MS)
    with pytest.raises(InputError, match="allow to enrol"):
        require_for(EnrolRequest(reference=CLIP, consent=raw), at_ms=NOW_MS)
    other = msgspec.structs.replace(speak, profile=msgspec.structs.replace(profile, reference=b"o" * 32))
    with pytest.raises(InputError, match="does not cover"):
        require_for(other, at_ms=NOW_MS)
    assert require_for(SpeechRequest(text="Hello.", voice="hibari"), at_ms=NOW_MS) is None


def test_the_largest_consent_is_looked_into_and_a_larger_one_is_not() -> None:
    empty = len(signed(body=bytes(1_000)))
    body = bytes(1_000 + MAX_GRANT_BYTES - empty)
    assert len(signed(body=body)) == MAX_GRANT_BYTES
    with pytest.raises(ProtocolError, match="not a readable Grant"):
        open_grant(signed(body=body))
    with pytest.raises(InputError, match=f"at most {MAX_GRANT_BYTES}"):
        open_grant(signed(body=body + b"\0"))


def test_a_refusal_names_the_consent_and_its_times_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    with pytest.raises(InputError, match=r"^The consent of 'Ada Lovelace' expired on 2023-11-15 22:13 UTC"):
        asked(at_ms=NOW_MS + DAY_MS)
    with pytest.raises(InputError, match=r"^The consent of 'Ada Lovelace' does not cover this recording"):
        asked(reference=b"o" * 32)
    monkeypatch.undo()
    time.tzset()


def test_a_request_asks_for_its_own_client() -> None:
    enrol = EnrolRequest(reference=CLIP, consent=RAW)
    assert require_for(enrol, at_ms=NOW_MS, grantee=CLIENT.node_id) == open_grant(RAW)
    with pytest.raises(InputError, match="was given to"):
        require_for(enrol, at_ms=NOW_MS, grantee=BOB.node_id)


def test_a_consent_may_last_to_the_end_of_the_year_9999_and_be_as_long_as_the_limit() -> None:
    end_ms = 253_402_300_799_999
    assert granted(not_before_ms=end_ms - 1, until_ms=end_ms).until_ms == end_ms
    with pytest.raises(InputError, match="begins before it ends"):
        granted(not_before_ms=end_ms, until_ms=end_ms + 1)
