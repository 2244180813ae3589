"""What a picture shows is what is in the sound."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import MUSIC_LUFS, Joiner, Normaliser, Waveform, resample
from antiphon.bench.music_cheats import perform
from antiphon.errors import InputError
from antiphon.pictures import folding
from antiphon.pictures.folding import Folder
from antiphon.pictures.kind import MUSIC, SPEECH, held_share, kind_of
from antiphon.pictures.measuring import inspect
from antiphon.pictures.naming import key_name, names_in, pitch_class
from antiphon.pictures.numbers import as_numbers
from antiphon.pictures.outline import Outliner
from antiphon.pictures.registers import registers_of
from antiphon.pictures.spectrogram import BANDS, Spectrograph, mel
from antiphon.pictures.tune import tune_of

RATE_HZ = 22_050


def save(path, samples, rate_hz=RATE_HZ):
    soundfile.write(path, np.atleast_2d(samples).T, rate_hz, subtype="FLOAT")
    return path


def song(seconds=16, bpm=120):
    """A plain progression in C major, C Am F G, struck on every beat."""
    line = np.zeros(int(seconds * RATE_HZ))
    beat_s = 60 / bpm
    ring = int(beat_s * RATE_HZ)
    decay = np.exp(-np.arange(ring) / RATE_HZ / 0.2)
    for number in range(int(seconds / beat_s)):
        notes = ((60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62))[number // 4 % 4]
        tone = sum(
            np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * np.arange(ring) / RATE_HZ * harmonic) / harmonic
            for note in notes
            for harmonic in (1, 2, 3)
        )
        first = int(number * beat_s * RATE_HZ)
        line[first : first + ring] += 0.05 * (tone * decay)[: line.size - first]
    return line.astype(np.float32)


def glide(seconds=4):
    """A voice-like tone whose pitch never stands still, in syllables."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    hertz = 150 + 40 * np.sin(2 * np.pi * 0.7 * time) + 12 * np.sin(2 * np.pi * 2.3 * time)
    phase = 2 * np.pi * np.cumsum(hertz) / 16_000
    line = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 12))
    return (0.1 * line * (np.sin(2 * np.pi * 2 * time) > -0.6)).astype(np.float32)


@settings(max_examples=60)
@given(st.integers(1, 300), st.lists(st.integers(0, 300), max_size=8), st.integers(2, 16))
def test_folding_keeps_every_unit_once_for_any_chunking(count, cuts, most):
    values = np.arange(1.0, count + 1)
    before, folding.MAX_COLUMNS = folding.MAX_COLUMNS, most
    try:
        folders = [Folder(lambda part: part.sum(axis=-1)) for _ in range(2)]
        folders[0].push(values)
        for start, end in pairwise(sorted({0, count, *(cut for cut in cuts if cut < count)})):
            folders[1].push(values[start:end])
        (whole, counts), (pieces, others) = (folder.finish() for folder in folders)
    finally:
        folding.MAX_COLUMNS = before
    assert np.array_equal(whole, pieces)
    assert np.array_equal(counts, others)
    assert counts.sum() == count
    assert whole.size <= most + 1
    edges = np.concatenate([[0], np.cumsum(counts)])
    assert np.array_equal(whole, [values[a:b].sum() for a, b in pairwise(edges)])


def test_an_outline_has_the_extremes_of_each_span():
    line = np.random.default_rng(0).standard_normal((2, 50_000)).astype(np.float32)
    outliner = Outliner(RATE_HZ)
    for start in range(0, 50_000, 7_000):
        outliner.push(Waveform(line[:, start : start + 7_000], RATE_HZ))
    outline = outliner.finish()
    span = round(outline.span_s * RATE_HZ)
    assert outline.low.shape[1] == -(-50_000 // span) <= 4_096
    assert outline.high[1, 3] == line[1, 3 * span : 4 * span].max()
    assert outline.low[0, 3] == line[0, 3 * span : 4 * span].min()
    assert outline.rms[:, :-1].mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("hertz", [120.0, 1_000.0, 6_000.0])
def test_a_full_scale_sine_is_a_line_of_0_db_at_its_frequency(hertz):
    graph = Spectrograph(RATE_HZ, 1, 3.0)
    line = np.sin(2 * np.pi * hertz * np.arange(3 * RATE_HZ) / RATE_HZ).astype(np.float32)
    for start in range(0, line.size, 5_000):
        graph.push(Waveform(line[None, start : start + 5_000], RATE_HZ))
    seen = graph.finish()
    middle = seen.decibels[:, seen.decibels.shape[1] // 2]
    assert (int(middle.argmax()) + 1) / (BANDS + 1) == pytest.approx(float(mel(hertz) / mel(seen.top_hz)), abs=0.01)
    assert -7.0 < middle.max() < 0.1
    assert seen.decibels.shape[1] * seen.span_s == pytest.approx(3.0, abs=0.05)


def test_a_held_pitch_is_music_and_a_gliding_one_is_speech():
    assert kind_of(glide(), 16_000) == SPEECH
    held = resample(Waveform(song(8)[None], RATE_HZ), 16_000).samples[0]
    assert kind_of(held, 16_000) == MUSIC
    assert kind_of(np.zeros(16_000, dtype=np.float32), 16_000) == SPEECH
    assert held_share(np.zeros(100, dtype=np.float32)) is None


def test_a_tune_has_its_tempo_beats_key_and_chords():
    tune = tune_of(song())
    assert tune.tempo_bpm == pytest.approx(120.0, rel=0.02)
    assert tune.key == "C major"
    beats = np.array(tune.beats_s)
    assert np.median(np.diff(beats)) == pytest.approx(0.5, abs=0.02)
    assert np.median(np.abs((beats + 0.25) % 0.5 - 0.25)) < 0.05
    assert [chord.name for chord in tune.chords][:4] == ["C", "Am", "F", "G"]
    assert [chord.start_s for chord in tune.chords][1:4] == pytest.approx([2.0, 4.0, 6.0], abs=0.3)


def test_what_is_too_short_or_silent_for_a_tune_has_none():
    for line in (np.zeros(0), np.zeros(10), np.zeros(RATE_HZ * 6), 0.1 * np.ones(500)):
        tune = tune_of(line.astype(np.float32))
        assert (tune.tempo_bpm, tune.chords) == (None, ())


def test_notes_are_spelled_as_their_key_asks():
    assert names_in(None)[3] == "Eb"
    assert (key_name(3), key_name(4), key_name(21), key_name(13)) == ("Eb major", "E major", "A minor", "C# minor")
    assert names_in(11)[8] == "G#"  # B major
    assert names_in(8)[1] == "Db"  # Ab major
    assert pitch_class("G#") == pitch_class("Ab") == 8


@pytest.mark.parametrize("samples", [1, 2, 399, 4_410])
def test_the_shortest_files_are_measured(tmp_path, samples):
    seen = inspect(save(tmp_path / "x.wav", 0.1 * np.ones(samples)), words_s=0)
    assert seen.duration_s == pytest.approx(samples / RATE_HZ)
    numbers = as_numbers(seen)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_speech_and_music_each_have_their_own_figures(tmp_path):
    speech = as_numbers(inspect(save(tmp_path / "s.wav", glide(), 16_000), words_s=0))
    assert speech["kind"] == "speech"
    assert speech["pitch"]["median_hz"] == pytest.approx(150, abs=12)
    assert "music" not in speech
    told: list[str] = []
    music = as_numbers(inspect(save(tmp_path / "m.wav", np.stack([song(14)] * 2)), tell=told.append))
    assert "registers" in " ".join(told), "what takes long is told before"
    assert (music["kind"], music["channels"], music["music"]["key"]) == ("music", 2, "C major")
    assert "words" not in music
    forced = inspect(tmp_path / "m.wav", kind="speech", words_s=0)
    assert forced.pitch_hz is not None
    assert forced.tune is None


def test_long_speech_says_why_it_has_no_words(tmp_path):
    seen = inspect(save(tmp_path / "s.wav", glide(6), 16_000), words_s=5.0)
    assert seen.words is None
    assert "longer than 5 s" in seen.notes[0]


def test_what_is_no_audio_is_an_error(tmp_path):
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(InputError, match="not audio"):
        inspect(tmp_path / "x.wav")


@pytest.mark.slow
def test_the_chips_own_sound_shows_the_registers_that_made_it(tmp_path):
    from antiphon.codecs.chip import ChipCodec, Registers

    grid = Registers.silent(120).pulse(0, 0, midi=[69.0] * 60, volume=12, duty=0.25).drum(0, "kick").grid()
    save(tmp_path / "chip.wav", ChipCodec().decode(grid).samples, 44_100)
    seen = inspect(tmp_path / "chip.wav", kind="music")
    assert seen.registers is not None
    assert seen.registers.exact
    assert np.array_equal(seen.registers.grid.tokens, grid.tokens)
    assert not inspect(save(tmp_path / "song.wav", song(2)), kind="music").registers.exact


@pytest.mark.slow
def test_words_stand_where_they_are_said(tmp_path):
    from antiphon.engines import registry
    from antiphon.services import SpeechRequest

    engine, joiner, parts, edges = registry.load("hibari"), Joiner(24_000), [], []
    for text in ("The ship left the harbour.", "Nobody asked where it was going."):
        before = sum(part.shape[1] for part in parts)
        chunks = engine.generate(SpeechRequest(text=text, voice="hibari", language="en-us"), 1)
        parts += [joiner.push(resample(chunk, 24_000)).samples for chunk in chunks]
        parts.append(joiner.end_sentence(0.6).samples)
        edges.append((before / 24_000, sum(part.shape[1] for part in parts) / 24_000))
    seen = inspect(save(tmp_path / "s.wav", np.concatenate(parts, axis=1), 24_000))
    assert seen.words is not None
    assert [word.text for word in seen.words][:3] == ["The", "ship", "left"]
    assert len(seen.words) == 11
    ends = [word.end_s for word in seen.words]
    starts = [word.start_s for word in seen.words]
    assert all(a <= b for a, b in zip(starts, ends, strict=True))
    assert all(a <= b + 0.02 for a, b in pairwise(starts))
    assert ends[4] == pytest.approx(edges[0][1], abs=0.15)
    assert starts[5] == pytest.approx(edges[1][0] + 0.6, abs=0.15)
    assert ends[-1] == pytest.approx(edges[1][1], abs=0.15)


@pytest.mark.parametrize("prompt", ["techno, 170 bpm", "rock, 184 bpm", "boss, 130 bpm", "ballad, 72 bpm"])
def test_the_tempo_is_counted_as_the_composer_counts_it(prompt: str) -> None:
    audio = perform(prompt, 2, 15).audio
    mono = resample(audio.mono(), RATE_HZ).samples[0]
    found = tune_of(mono).tempo_bpm
    assert found is not None
    assert found == pytest.approx(float(prompt.split()[1]), rel=0.02)


@pytest.mark.parametrize("prompt", ["horror", "metal"])
def test_registers_of_a_piece_at_the_default_loudness_are_exact(prompt: str) -> None:
    whole = Normaliser(MUSIC_LUFS).whole(perform(prompt, 3, 12).audio)
    start = Waveform.from_pcm16(whole.to_pcm16(), whole.rate_hz, 2).samples[:, :44_100]
    found = registers_of(Waveform(start, whole.rate_hz))
    assert found is not None
    assert found.exact
