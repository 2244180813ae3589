from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from mallory import Mallory

from antiphon.errors import ProtocolError
from antiphon.protocol import Identity, StreamOpener, StreamSealer, TaskKey, sealing

BOB = Identity.from_seed(b"b" * 32)
MALLORY = Mallory()
KEY = TaskKey(b"k" * 32)
chunk_lists = st.lists(st.binary(max_size=100), min_size=1, max_size=8)


def sealed_stream(chunks: list[bytes], context: bytes = b"c", key: TaskKey = KEY) -> list[bytes]:
    sealer = StreamSealer(key, context)
    return [sealer.chunk(data, final=i == len(chunks) - 1) for i, data in enumerate(chunks)]


def opened_stream(sealed: list[bytes], context: bytes = b"c", key: TaskKey = KEY) -> list[bytes]:
    """As a careful reader does: all chunks, then `finished`."""
    opener = StreamOpener(key, context)
    opened = [opener.open(chunk)[0] for chunk in sealed]
    if not opener.finished:
        raise ProtocolError("truncated")
    return opened


class TestWrapping:
    def test_the_node_it_is_for_unwraps_the_key(self) -> None:
        wrapped = sealing.wrap(KEY, BOB.seal_public, b"task 1")
        assert len(wrapped) == sealing.WRAPPED_BYTES
        assert sealing.unwrap(BOB, wrapped, b"task 1") == KEY

    def test_two_wraps_of_one_key_differ(self) -> None:
        assert sealing.wrap(KEY, BOB.seal_public, b"") != sealing.wrap(KEY, BOB.seal_public, b"")

    def test_nobody_else_and_no_other_task_unwraps_it(self) -> None:
        wrapped = sealing.wrap(KEY, BOB.seal_public, b"task 1")
        for identity, info in ((MALLORY.identity, b"task 1"), (BOB, b"task 2"), (BOB, b"")):
            with pytest.raises(ProtocolError, match="does not open"):
                sealing.unwrap(identity, wrapped, info)

    def test_every_flipped_bit_is_refused(self) -> None:
        wrapped = sealing.wrap(KEY, BOB.seal_public, b"task 1")
        for byte in range(len(wrapped)):
            # X25519 ignores the top bit of a public key, HPKE does not: it binds the bytes as sent.
            for bit in range(8):
                with pytest.raises(ProtocolError, match="does not open"):
                    sealing.unwrap(BOB, MALLORY.flip(wrapped, byte, bit), b"task 1")

    @pytest.mark.parametrize("size", [0, 31, 79, 81])
    def test_another_length_is_refused(self, size: int) -> None:
        with pytest.raises(ProtocolError, match="80 bytes"):
            sealing.unwrap(BOB, bytes(size), b"")

    @pytest.mark.parametrize("public", [b"", bytes(31), bytes(32), (1).to_bytes(32, "little")])
    def test_a_key_that_gives_away_the_secret_is_refused(self, public: bytes) -> None:
        with pytest.raises(ProtocolError, match="not a usable X25519 key"):
            sealing.wrap(KEY, public, b"")


class TestTaskKey:
    def test_a_destroyed_key_does_nothing_more(self) -> None:
        key = TaskKey.generate()
        sealed = sealing.seal(key, b"words", b"c")
        sealer, opener = StreamSealer(key, b"c"), StreamOpener(key, b"c")
        first = sealer.chunk(b"a")
        opener.open(first)
        key.destroy()
        assert repr(key) == "TaskKey(destroyed)"
        uses = [
            key.reveal,
            lambda: sealing.seal(key, b"", b""),
            lambda: sealing.unseal(key, sealed, b"c"),
            lambda: sealing.wrap(key, BOB.seal_public, b""),
            lambda: sealer.chunk(b"b"),
            lambda: opener.open(first),
        ]
        for use in uses:
            with pytest.raises(ProtocolError, match="destroyed"):
                use()

    def test_a_key_dies_with_its_block_even_if_that_fails(self) -> None:
        with pytest.raises(RuntimeError), TaskKey.generate() as key:
            raise RuntimeError
        assert key.destroyed

    @pytest.mark.parametrize("size", [0, 16, 31, 33])
    def test_a_key_of_another_length_is_refused(self, size: int) -> None:
        with pytest.raises(ProtocolError, match="32 bytes"):
            TaskKey(bytes(size))

    def test_generated_keys_differ(self) -> None:
        assert TaskKey.generate() != TaskKey.generate()


class TestSealing:
    @given(st.binary(max_size=1000), st.binary(max_size=50))
    def test_what_is_sealed_opens(self, plaintext: bytes, context: bytes) -> None:
        sealed = sealing.seal(KEY, plaintext, context)
        assert len(sealed) == len(plaintext) + 49
        assert sealing.unseal(KEY, sealed, context) == plaintext

    def test_the_same_words_never_look_the_same(self) -> None:
        assert sealing.seal(KEY, b"words", b"c") != sealing.seal(KEY, b"words", b"c")

    @given(st.binary(max_size=20), st.binary(max_size=20))
    def test_another_context_does_not_open_it(self, context: bytes, other: bytes) -> None:
        if context == other:
            return
        with pytest.raises(ProtocolError, match="does not open"):
            sealing.unseal(KEY, sealing.seal(KEY, b"words", context), other)

    def test_another_key_does_not_open_it(self) -> None:
        with pytest.raises(ProtocolError, match="does not open"):
            sealing.unseal(TaskKey.generate(), sealing.seal(KEY, b"words", b"c"), b"c")

    def test_every_flipped_bit_and_every_truncation_is_refused(self) -> None:
        sealed = sealing.seal(KEY, b"some words", b"c")
        for byte in range(len(sealed)):
            for bit in range(8):
                with pytest.raises(ProtocolError, match="does not open"):
                    sealing.unseal(KEY, MALLORY.flip(sealed, byte, bit), b"c")
        for size in range(len(sealed)):
            with pytest.raises(ProtocolError, match=r"does not open|cannot have"):
                sealing.unseal(KEY, MALLORY.truncate(sealed, size), b"c")

    def test_a_first_chunk_of_a_stream_is_no_whole(self) -> None:
        with pytest.raises(ProtocolError, match="truncated"):
            sealing.unseal(KEY, StreamSealer(KEY, b"c").chunk(b"words"), b"c")

    def test_too_large_a_chunk_is_refused_on_both_sides(self) -> None:
        with pytest.raises(ProtocolError, match="too large"):
            sealing.seal(KEY, bytes(sealing.MAX_CHUNK_BYTES + 1), b"c")
        with pytest.raises(ProtocolError, match="cannot have"):
            sealing.unseal(KEY, bytes(sealing.MAX_CHUNK_BYTES + 50), b"c")


class TestStreams:
    @given(chunk_lists)
    def test_a_stream_opens_chunk_by_chunk(self, chunks: list[bytes]) -> None:
        assert opened_stream(sealed_stream(chunks)) == chunks

    @given(chunk_lists, st.data())
    def test_truncation_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        sealed = sealed_stream(chunks)
        with pytest.raises(ProtocolError):
            opened_stream(sealed[: data.draw(st.integers(0, len(sealed) - 1))])

    @given(chunk_lists, st.data())
    def test_a_dropped_chunk_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        sealed = sealed_stream(chunks)
        with pytest.raises(ProtocolError):
            opened_stream(MALLORY.drop(sealed, data.draw(st.integers(0, len(sealed) - 1))))

    @given(chunk_lists, st.data())
    def test_a_repeated_chunk_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        sealed = sealed_stream(chunks)
        with pytest.raises(ProtocolError):
            opened_stream(MALLORY.replay(sealed, data.draw(st.integers(0, len(sealed) - 1))))

    @given(st.lists(st.binary(max_size=100), min_size=2, max_size=8), st.data())
    def test_reordering_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        sealed = sealed_stream(chunks)
        pair = st.lists(st.integers(0, len(sealed) - 1), min_size=2, max_size=2, unique=True)
        with pytest.raises(ProtocolError):
            opened_stream(MALLORY.reorder(sealed, *data.draw(pair)))

    @settings(max_examples=200)
    @given(chunk_lists, st.data())
    def test_a_flipped_bit_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        sealed = sealed_stream(chunks)
        index = data.draw(st.integers(0, len(sealed) - 1))
        byte, bit = data.draw(st.integers(0, len(sealed[index]) - 1)), data.draw(st.integers(0, 7))
        sealed[index] = MALLORY.flip(sealed[index], byte, bit)
        with pytest.raises(ProtocolError):
            opened_stream(sealed)

    @given(st.lists(st.binary(max_size=100), min_size=2, max_size=5), st.data())
    def test_a_chunk_of_another_stream_shows(self, chunks: list[bytes], data: st.DataObject) -> None:
        """Same key, context, place and words: still another stream."""
        sealed, other = sealed_stream(chunks), sealed_stream(chunks)
        index = data.draw(st.integers(0, len(sealed) - 1))
        with pytest.raises(ProtocolError):
            opened_stream(sealed[:index] + other[index : index + 1] + sealed[index + 1 :])

    @pytest.mark.parametrize("context", [b"", b"d", b"cc", b"c\0"])
    def test_a_stream_of_another_context_does_not_open(self, context: bytes) -> None:
        with pytest.raises(ProtocolError, match="does not open"):
            opened_stream(sealed_stream([b"words", b"more"]), context)

    def test_nothing_follows_the_end(self) -> None:
        sealer, opener = StreamSealer(KEY, b"c"), StreamOpener(KEY, b"c")
        last = sealer.chunk(b"a", final=True)
        assert opener.open(last) == (b"a", True)
        assert opener.finished
        with pytest.raises(ProtocolError, match="finished"):
            sealer.chunk(b"b")
        with pytest.raises(ProtocolError, match="finished"):
            opener.open(last)

    def test_a_broken_stream_stays_broken(self) -> None:
        sealed = sealed_stream([b"a", b"b"])
        opener = StreamOpener(KEY, b"c")
        opener.open(sealed[0])
        with pytest.raises(ProtocolError, match="does not open"):
            opener.open(sealed[0][32:])
        with pytest.raises(ProtocolError, match="broken"):
            opener.open(sealed[1])
        assert not opener.finished

    def test_the_last_counter_is_used_and_not_passed(self) -> None:
        sealer = StreamSealer(KEY, b"c")
        sealer._count = sealing.MAX_CHUNKS - 1
        sealer.chunk(b"a")
        with pytest.raises(ProtocolError, match="too many chunks"):
            sealer.chunk(b"b")


def test_a_stream_opens_with_nothing_but_what_the_protocol_page_says() -> None:
    sealer = StreamSealer(KEY, b"context")
    first, second, last = sealer.chunk(b"one"), sealer.chunk(b"two"), sealer.chunk(b"three", final=True)
    salt, first = first[:32], first[32:]
    info = b"antiphon/1 stream\0context"
    subkey = hmac.digest(hmac.digest(salt, b"k" * 32, "sha256"), info + b"\1", "sha256")  # RFC 5869, one block
    cipher = ChaCha20Poly1305(subkey)
    for number, (chunk, plain) in enumerate(((first, b"one"), (second, b"two"), (last, b"three"))):
        flag = b"\1" if number == 2 else b"\0"
        assert chunk[:1] == flag
        nonce = bytes(7) + number.to_bytes(4, "big") + flag
        assert cipher.decrypt(nonce, chunk[1:], None) == plain


def test_a_chunk_may_be_as_large_and_as_small_as_the_limits() -> None:
    for size in (0, sealing.MAX_CHUNK_BYTES):
        sealed = sealing.seal(KEY, bytes(size), b"c")
        assert len(sealed) == size + 49
        assert sealing.unseal(KEY, sealed, b"c") == bytes(size)
    with pytest.raises(ProtocolError, match="cannot have 48 bytes"):
        sealing.unseal(KEY, sealing.seal(KEY, b"", b"c")[:-1], b"c")


def test_a_chunk_of_an_impossible_size_breaks_the_stream() -> None:
    sealer, opener = StreamSealer(KEY, b"c"), StreamOpener(KEY, b"c")
    good = sealer.chunk(b"words")
    with pytest.raises(ProtocolError, match="cannot have 48 bytes"):
        opener.open(good[:48])
    with pytest.raises(ProtocolError, match="The stream is broken"):
        opener.open(good)


def test_what_stands_before_a_chunk_is_in_the_open_and_the_chunk_opens_without_it() -> None:
    key = TaskKey.generate()
    sealer, opener = StreamSealer(key, b"c"), StreamOpener(key, b"c")
    for data, final in ((b"one", False), (b"two", True)):
        sealed = sealer.chunk(data, final, before=b"\x07head")
        assert sealed[:5] == b"\x07head"
        assert opener.open(memoryview(sealed)[5:]) == (data, final)
