"""A sketch finds the same recordings in two collections, tells nothing else, and does not believe what it reads."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.errors import InputError
from antiphon.genki.data import Collection, Sketch, add, declared, read_sketch, shared
from antiphon.genki.data.sketch import SLOTS, encode_sketch, near_pairs, slots_of


@pytest.fixture
def other(tmp_path, write, melody, collection, folder):
    """Two collections that share melodies 2 and 3, the second one's encoded and softer."""
    for seed in range(4):
        write(f"a/{seed}.wav", melody(seed, 5.0))
    for seed in range(2, 6):
        write(f"b/{seed}.mp3", Waveform(melody(seed, 5.0).samples * np.float32(0.6), 16_000))
    list(add(collection, folder / "a"))
    made = Collection(tmp_path / "home", "others")
    list(add(made, folder / "b"))
    return made


def test_two_collections_find_what_both_hold_and_nothing_more(collection, other):
    own, ids = declared(collection, "round 7")
    theirs, _ = declared(other, "round 7")
    assert {collection.load(ids[n]).title for n in shared(own, theirs)} == {"2", "3"}
    assert shared(own, own) == [0, 1, 2, 3]
    assert shared(own, Sketch(version=1, salt="round 7", clips=())) == []


def test_sketches_of_two_salts_have_nothing_in_common_and_are_not_compared(collection, other):
    one, two = (declared(collection, salt)[0] for salt in ("a", "b"))
    with pytest.raises(InputError, match="two salts"):
        shared(one, two)
    assert max(int((one.matrix() == row).sum(axis=1).max()) for row in two.matrix()) <= 1


def test_a_sketch_holds_two_bytes_a_slot_and_neither_names_nor_words(collection, other):
    own, ids = declared(collection)
    raw = encode_sketch(own)
    assert len(raw) < len(ids) * (2 * SLOTS + 3) + 64
    assert list(own.clips) == sorted(own.clips)
    for clip in ids:
        source = collection.load(clip).source
        assert source.sha256.encode() not in raw
        assert bytes.fromhex(source.sha256) not in raw
        assert b"wav" not in raw
        words = collection.fingerprint(clip)
        assert not any(words[n : n + 4] in raw for n in range(0, len(words), 4))


def test_equal_slots_are_in_proportion_to_the_words_that_two_share():
    generator = np.random.default_rng(1)
    words = generator.integers(0, 1 << 32, 6_000, dtype=np.uint32)
    for both in (0, 1_000, 2_000):
        one, two = words[:3_000], words[3_000 - both : 6_000 - both]
        equal = int((slots_of(one.tobytes()) == slots_of(two.tobytes())).sum())
        resemblance = both / (6_000 - both)
        assert abs(equal / SLOTS - resemblance) <= 3.5 * np.sqrt(max(resemblance, 1e-4) / SLOTS)


def test_near_pairs_are_those_that_share_slots():
    generator = np.random.default_rng(2)
    rows = [generator.integers(0, 1 << 32, SLOTS, dtype=np.uint32) for _ in range(5)]
    rows[4][:3] = rows[1][:3]
    assert list(near_pairs(rows)) == [(1, 4)]
    assert list(near_pairs([])) == []


@pytest.mark.parametrize("damage", [
    lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b"\x93" * 100_000,
    lambda raw: raw.replace(b"version\x01", b"version\x02"),
])  # fmt: skip
def test_a_damaged_sketch_is_refused(damage, collection, other, tmp_path):
    file = tmp_path / "a.sketch"
    raw = encode_sketch(declared(collection)[0])
    file.write_bytes(raw)
    assert read_sketch(file).clips
    file.write_bytes(damage(raw))
    with pytest.raises(InputError, match="sketch"):
        read_sketch(file)
