"""Compressed differences: small, exact in what they say, nothing lost over rounds, nothing malformed accepted."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from antiphon.errors import InputError, ProtocolError
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.compression import CHUNK, Compressed, compress, decompress


def noise(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)


@pytest.mark.parametrize("size", [1, 7, CHUNK, CHUNK + 1, 5 * CHUNK + 1_000])
@pytest.mark.parametrize("keep", [1, 64, 128])
def test_what_is_kept_and_what_is_left_add_up(size: int, keep: int) -> None:
    delta = noise(size)
    raw, left = compress(delta, np.zeros(size, np.float32), keep)
    got = decompress(raw, size, keep)
    np.testing.assert_allclose(got + left, delta, atol=1e-6)
    assert np.count_nonzero(got) <= keep * (size // CHUNK) + keep
    assert len(raw) <= compression.max_bytes(size, keep)


def test_the_largest_are_kept_with_their_sign_and_two_magnitudes() -> None:
    delta = np.zeros(CHUNK, np.float32)
    delta[[5, 100, 2_000, 4_095]] = [1, -1, 3, -5]
    delta[7] = 0.5
    raw, left = compress(delta, np.zeros(CHUNK, np.float32), 4)
    got = decompress(raw, CHUNK, 4)
    assert got[[5, 100, 2_000, 4_095]].tolist() == [1, -1, 4, -4]  # halves {1, 1} and {3, 5} by their means
    assert np.count_nonzero(got) == 4
    assert left[7] == 0.5


def test_an_update_has_less_than_one_and_a_half_percent_of_the_bytes_of_float32() -> None:
    for size in (200_000, 1_234_567):
        raw, _ = compress(noise(size), np.zeros(size, np.float32), 128)
        assert len(raw) <= 0.0145 * 4 * size


def test_over_rounds_the_sum_of_what_was_sent_follows_the_sum_of_what_was_meant() -> None:
    """A constant difference: each place gets its turn, and with decay d what stays back is bounded."""
    size = 2 * CHUNK
    delta, sent, left = noise(size), np.zeros(size, np.float32), np.zeros(size, np.float32)
    for _ in range(60):
        raw, left = compress(delta, left, 128)
        sent += decompress(raw, size, 128)
    meant = 60 * delta
    assert sent @ meant / np.linalg.norm(sent) / np.linalg.norm(meant) > 0.8
    once = decompress(compress(delta, np.zeros(size, np.float32), 128)[0], size, 128)
    assert once @ delta / np.linalg.norm(once) / np.linalg.norm(delta) < 0.5


def test_a_difference_that_is_not_finite_is_refused_before_it_poisons_the_residual() -> None:
    delta = noise(100)
    delta[3] = np.inf
    with pytest.raises(InputError, match="not finite"):
        compress(delta, np.zeros(100, np.float32), 8)


def damaged(**changes: object) -> bytes:
    raw, _ = compress(noise(CHUNK + 10), np.zeros(CHUNK + 10, np.float32), 16)
    made = msgspec.structs.replace(msgspec.msgpack.decode(raw, type=Compressed), **changes)
    return msgspec.msgpack.Encoder(order="deterministic").encode(made)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not a readable"),
        (bytes(5_000), "too large"),
        (damaged(keep=15), "another architecture or plan"),
        (damaged(index=b""), "another architecture or plan"),
        (damaged(index=bytes(26)), "places twice"),
        (damaged(index=b"\xff" * 26), "places twice"),
        (damaged(scales=np.full(4, np.nan, "<f4").tobytes()), "not finite"),
        (damaged(scales=np.full(4, -1, "<f4").tobytes()), "not finite"),
    ],
)
def test_malformed_bytes_are_refused_with_their_reason(raw: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        decompress(raw, CHUNK + 10, 16)


def test_flat_and_shaped_are_each_others_reverse() -> None:
    like = {"b": noise(6).reshape(2, 3), "a": noise(4, 1), "c": noise(1, 2).reshape(())}
    back = compression.shaped(compression.flat(like), like)
    assert all((back[name] == like[name]).all() and back[name].shape == like[name].shape for name in like)
