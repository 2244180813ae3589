"""What a sidecar says of speech and of music, against what was asked for when they were made."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from antiphon.audio import Tags, Waveform, encoder_for, format_named
from antiphon.engines import registry
from antiphon.genki.data import measuring
from antiphon.services import MusicRequest, SpeechRequest


def whole(chunks):
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def file_of(sound, name, tmp_path, **options):
    encoder = encoder_for(format_named(name), sound.rate_hz, sound.channels, **options)
    file = tmp_path / f"sound.{name}"
    file.write_bytes(encoder.encode(sound) + encoder.finish())
    return file.open("rb")


def test_music_has_the_tempo_and_key_it_was_made_in_and_the_tags_it_carries(tmp_path):
    piece = MusicRequest(prompt="waltz in C major at 100 bpm", seconds=15, seed=1, start_s=0, stop_s=15)
    made = whole(list(registry.load("chiptune").generate(piece, 1)))
    with file_of(made, "mp3", tmp_path, tags=Tags(title="Round and round")) as stream:
        found = measuring.measure(stream)
    assert found.measured.kind == "music"
    assert min(abs(found.bpm / 100 - factor) for factor in (0.5, 1, 2)) < 0.02
    assert found.key == "C major"
    assert found.duration_s == pytest.approx(made.duration_s, abs=0.1)
    assert found.tags == {"title": "Round and round"}
    assert len(found.fingerprint) > 2_000


def test_speech_is_told_from_music_and_has_neither_key_nor_tempo(tmp_path):
    text = "The old lighthouse stood at the end of the pier, and every evening somebody lit its lamp."
    made = whole(list(registry.load("hibari").generate(SpeechRequest(text=text, voice="hibari"), 1)))
    with file_of(made, "flac", tmp_path) as stream:
        found = measuring.measure(stream)
    assert (found.measured.kind, found.bpm, found.key) == ("speech", None, None)
    assert -40 < found.measured.loudness_lufs < -5
    assert found.measured.clipped == 0


def test_clipping_is_a_flat_top_and_a_loud_wave_has_none(tmp_path, melody):
    loud = melody(1).samples / np.abs(melody(1).samples).max()
    with file_of(Waveform(loud, 16_000), "wav", tmp_path) as stream:
        assert measuring.measure(stream).measured.clipped == 0
    with file_of(Waveform(np.clip(loud * 3, -1, 1), 16_000), "wav", tmp_path) as stream:
        assert measuring.measure(stream).measured.clipped > 0.02


def test_silence_has_no_loudness_key_tempo_or_fingerprint(tmp_path):
    with file_of(Waveform(np.zeros((2, 16_000), np.float32), 8_000), "wav", tmp_path) as stream:
        found = measuring.measure(stream, kind="music")
    assert (found.measured.loudness_lufs, found.bpm, found.key, found.fingerprint) == (None, None, None, b"")


def test_a_long_file_is_measured_without_being_in_memory(tmp_path, melody, monkeypatch):
    monkeypatch.setattr(measuring, "LISTEN_S", 2.0)
    minute = Waveform(np.tile(melody(1, 6.0).samples, (1, 10)), 16_000)
    encoder = encoder_for(format_named("flac"), 16_000, 1)
    file = tmp_path / "long.flac"
    with file.open("wb") as out:
        for _ in range(8):
            out.write(encoder.encode(minute))
        out.write(encoder.finish())
    del minute
    with file.open("rb") as stream:
        tracemalloc.start()
        found = measuring.measure(stream)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.duration_s == pytest.approx(480)
    assert most < 480 * 16_000 * 4 / 2  # half of its samples
