from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import InputError, ProtocolError
from antiphon.protocol import canonical
from antiphon.services import SpeechRequest


class Small(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    speed: float = 1.0
    options: dict[str, int] = {}


class One(msgspec.Struct, frozen=True, tag="one"):
    n: int


class Two(msgspec.Struct, frozen=True, tag="two"):
    n: int


@given(st.text(), st.floats(allow_nan=False), st.dictionaries(st.text(), st.integers(-(2**63), 2**64 - 1)))
def test_what_is_encoded_decodes_to_the_same(name: str, speed: float, options: dict[str, int]) -> None:
    value = Small(name=name, speed=speed, options=options)
    assert canonical.decode(Small, canonical.encode(value)) == value


@given(st.dictionaries(st.text(), st.integers(0, 9)), st.randoms())
def test_the_order_of_a_dict_does_not_matter(options: dict[str, int], random: object) -> None:
    items = list(options.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert canonical.encode(Small(name="", options=dict(items))) == canonical.encode(Small(name="", options=options))


@given(st.binary(max_size=200))
def test_any_bytes_decode_canonically_or_raise_protocol_error(data: bytes) -> None:
    try:
        value = canonical.decode(Small, data)
    except ProtocolError:
        return
    assert canonical.encode(value) == data


def test_an_int_in_a_float_field_is_sent_as_a_float() -> None:
    assert canonical.decode(Small, canonical.encode(Small(name="a", speed=2))).speed == 2.0


def test_a_union_of_tagged_structs_is_told_apart() -> None:
    assert canonical.decode(One | Two, canonical.encode(Two(3))) == Two(3)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (msgspec.msgpack.encode({"name": "a", "speed": 1.0, "options": {}, "extra": 1}), "not canonical"),
        (msgspec.msgpack.encode({"speed": 1.0, "name": "a", "options": {}}), "not canonical"),
        (msgspec.msgpack.encode({"name": "a"}), "not canonical"),
        (msgspec.msgpack.encode({"name": "a", "speed": 1, "options": {}}), "not canonical"),
        (msgspec.msgpack.encode({"name": "a", "speed": 1.0, "options": {"b": 1, "a": 1}}), "not canonical"),
        (b"\x83\xa4name\xa1a\xa5speed\xcb?\xf0\0\0\0\0\0\0\xa7options\x81\xa1b\xcd\0\1", "not canonical"),
        (canonical.encode(Small(name="a")) + b"\0", "not a readable"),
        (canonical.encode(Small(name="a"))[:-1], "not a readable"),
        (b"", "not a readable"),
        (b"\x91" * 100_000, "not a readable"),
        (b"\xdf\xff\xff\xff\xff", "not a readable"),
        (msgspec.msgpack.encode({"name": 1}), "not a readable"),
    ],
    ids=[
        "unknown-field",
        "order",
        "missing-default",
        "int-for-float",
        "dict-order",
        "long-int",
        "trailing",
        "cut",
        "empty",
        "nested",
        "huge",
        "type",
    ],
)
def test_every_other_form_of_a_message_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        canonical.decode(Small, data)


def test_a_repeated_key_is_refused() -> None:
    twice = b"\x84" + canonical.encode(Small(name="a"))[1:] + b"\xa4name\xa1b"
    with pytest.raises(ProtocolError, match="not canonical"):
        canonical.decode(Small, twice)


def test_more_bytes_than_the_limit_are_refused_before_they_are_read() -> None:
    with pytest.raises(ProtocolError, match="too large: 11 bytes, the limit is 10"):
        canonical.decode(Small, b"\xff" * 11, limit=10)


def test_a_value_that_does_not_fit_its_own_type_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="not a readable Small"):
        canonical.encode(Small(name=3))  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="cannot be encoded"):
        canonical.encode(Small(name="a", options={"n": 2**65}))


def test_a_requests_own_complaint_is_heard() -> None:
    raw = canonical.encode(SpeechRequest(text="hi", voice="a")).replace(b"\xcb?\xf0\0\0\0\0\0\0", b"\xcb@$\0\0\0\0\0\0")
    with pytest.raises(InputError, match=r"Speed 10 is outside 0.5-2.0"):
        canonical.decode(SpeechRequest, raw)
