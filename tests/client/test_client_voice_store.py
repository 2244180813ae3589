"""Stored voices: sealed, private, whole or absent; whatever is wrong with a file is said with its name."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import msgspec
import pytest

from antiphon.client import voice_store
from antiphon.client.voice_store import MAX_FILE_BYTES, StoredVoice, VoiceStore
from antiphon.errors import InputError, OutputError, StateError
from antiphon.services import Origin, VoiceProfile

VOICE = StoredVoice(
    profile=VoiceProfile(
        engine="mimic",
        language="en-us",
        reference=b"r" * 32,
        data=b"the secret of a voice",
        reference_voice=bytes(1024),
        reference_other=bytes(1024),
        own_voice=bytes(1024),
        own_other=bytes(1024),
        fingerprint=b"f" * 100,
        own_mos=4.1,
    ),
    consent=b"a signed consent",
    origin=Origin(task="0" * 32, index=0, salt=b"s" * 32),
    created_ms=1_700_000_000_000,
    report="9.1 s of 12.0 s used (good)",
)


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path)


def file_of(home: Path, name: str = "me") -> Path:
    return home / "voices" / f"{name}.voice"


def test_a_voice_comes_back_as_it_was_saved_also_for_another_process(store: VoiceStore, tmp_path: Path) -> None:
    assert store.names() == ()
    store.save("me", VOICE)
    store.save("ann-2", msgspec.structs.replace(VOICE, report="other"))
    assert VoiceStore(tmp_path).names() == ("ann-2", "me")
    assert VoiceStore(tmp_path).load("me") == VOICE


def test_the_file_is_sealed_and_for_its_owner_only(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    raw = file_of(tmp_path).read_bytes()
    for secret in (b"the secret of a voice", b"a signed consent", b"mimic", b"9.1 s of"):
        assert secret not in raw
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert file_of(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file_of(tmp_path).parent.iterdir()] == ["me.voice"]


def test_listing_neither_opens_nor_creates_anything(tmp_path: Path) -> None:
    assert VoiceStore(tmp_path / "nowhere").names() == ()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "name",
    ["", "..", "../me", "a/b", "/etc/passwd", "me.voice", "Me", "a b", "a+b", "a:1", "-x", "x" * 41, "é", "a\0b"],
)
def test_a_name_that_could_lead_elsewhere_is_none(store: VoiceStore, tmp_path: Path, name: str) -> None:
    for deed in (lambda: store.save(name, VOICE), lambda: store.load(name), lambda: store.delete(name)):
        with pytest.raises(InputError, match="no name for a voice"):
            deed()
    assert not (tmp_path / "voices").exists()


def test_an_unknown_voice_is_answered_with_the_nearest(store: VoiceStore) -> None:
    store.save("grandma", VOICE)
    for deed in (store.load, store.delete):
        with pytest.raises(InputError, match=r"no stored voice 'granma'\. Did you mean grandma"):
            deed("granma")


def test_a_voice_is_never_replaced(store: VoiceStore) -> None:
    store.save("me", VOICE)
    with pytest.raises(InputError, match="already"):
        store.save("me", msgspec.structs.replace(VOICE, report="other"))
    assert store.load("me") == VOICE


def test_of_two_that_save_at_once_one_wins_whole(store: VoiceStore) -> None:
    refused: list[InputError] = []

    def save(number: int) -> None:
        try:
            store.save("me", msgspec.structs.replace(VOICE, created_ms=number))
        except InputError as error:
            refused.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert store.load("me").created_ms in range(6)


def test_delete_removes_the_file(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    store.delete("me")
    assert list(file_of(tmp_path).parent.iterdir()) == []
    with pytest.raises(InputError, match=r"no stored voice 'me'\. Add one: antiphon voices add me --reference FILE"):
        store.load("me")


def test_every_damage_is_noticed_and_named(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    whole = file_of(tmp_path).read_bytes()
    broken = [b"", whole[:10], whole[:-1], whole + b"\0", b"x" * 300, bytes(MAX_FILE_BYTES + 10)]
    broken += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), len(whole) // 40)]
    for raw in broken:
        file_of(tmp_path).write_bytes(raw)
        with pytest.raises(StateError, match="me.voice") as refusal:  # noqa: RUF043
            store.load("me")
        assert "antiphon voices delete me" in refusal.value.hint
    store.delete("me")


def test_another_key_opens_nothing(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    thief = tmp_path / "thief"
    shutil.copytree(tmp_path / "voices", thief / "voices")
    with pytest.raises(StateError, match="another key"):
        VoiceStore(thief).load("me")


def test_a_renamed_voice_does_not_open(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    file_of(tmp_path).rename(file_of(tmp_path, "you"))
    with pytest.raises(StateError, match="renamed"):
        store.load("you")


def test_a_link_is_not_followed(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    moved = tmp_path / "elsewhere"
    file_of(tmp_path).rename(moved)
    file_of(tmp_path).symlink_to(moved)
    with pytest.raises(StateError, match="symbolic link"):
        store.load("me")
    store.delete("me")
    assert moved.exists()


def test_a_voice_that_cannot_be_written_leaves_nothing(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    store.save("first", VOICE)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        store.save("me", VOICE)
    assert [path.name for path in (tmp_path / "voices").iterdir()] == ["first.voice"]


def test_a_huge_voice_and_too_many_are_refused(store: VoiceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="more than"):
        store.save("me", msgspec.structs.replace(VOICE, report="x" * MAX_FILE_BYTES))
    monkeypatch.setattr(voice_store, "MAX_VOICES", 1)
    store.save("one", VOICE)
    with pytest.raises(InputError, match="stored already"):
        store.save("two", VOICE)


def test_a_voice_of_an_earlier_version_says_what_to_do(store: VoiceStore, tmp_path: Path) -> None:
    store.save("me", VOICE)
    file = file_of(tmp_path)
    file.write_bytes(b"antiphon voice 1\n" + file.read_bytes()[17:])
    with pytest.raises(StateError, match="earlier version, without the task that proves whose voice it is") as caught:
        store.load("me")
    assert "antiphon voices delete me, then antiphon voices add me" in caught.value.hint
