"""Stems, tracker modules and chord symbols: what game engines, trackers and notation programs read."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from antiphon.cli.notes import FILES, FOLDERS, write_notes
from antiphon.codecs.chip import ChipCodec
from antiphon.door.composing import Compose
from antiphon.music import Score, arrange, compose, layers, read, stems, to_musicxml, to_xm

PROMPTS = [
    "boss fight, 150 bpm, A minor",
    "jazz swing in Bb major",
    "jig in 6/8",
    "metal at 270 bpm",
    "no drums, waltz",
]


@pytest.fixture(params=PROMPTS)
def score(request: pytest.FixtureRequest) -> Score:
    return compose(read(request.param), 20.0, 6)


def test_parts_add_up_to_the_piece(score: Score) -> None:
    whole = ChipCodec().decode(arrange(score)).samples[:, : round(score.seconds * 44_100)]
    parts = dict(stems(score))
    assert set(parts) == {track.name for track in score.tracks}
    assert np.abs(sum(part.samples for part in parts.values()) - whole).max() < 1e-5
    assert all(np.abs(part.samples).max() > 0.01 for part in parts.values())


def test_layers_add_up_to_the_piece_and_no_first_few_of_them_clip(score: Score) -> None:
    whole = ChipCodec().decode(arrange(score)).samples[:, : round(score.seconds * 44_100)]
    found = list(layers(score))
    assert [name for name, _ in found] == [
        name for name in ("calm", "moving", "full") if name != "moving" or score.track("drums").notes
    ]
    heard = np.zeros_like(whole)
    for _, sound in found:
        assert sound.samples.shape == whole.shape
        heard = heard + sound.samples
        assert 0.01 < np.abs(heard).max() < 1
    assert np.abs(heard - whole).max() < 1e-5


def test_layers_of_a_loop_are_files_with_its_loop_points(tmp_path: Path) -> None:
    order = Compose(prompt="boss fight, 150 bpm, with a 4 bar intro", seconds=20.0, loop=True, seed=3)
    composition, _ = order.composition()
    write_notes(composition, {**dict.fromkeys((*FILES, *FOLDERS)), "layers": tmp_path / "layers"})
    files = sorted((tmp_path / "layers").glob("*.wav"))
    assert [path.stem for path in files] == ["calm", "full", "moving"]
    points = {struct.unpack_from("<2I", data, data.index(b"smpl") + 52) for data in (p.read_bytes() for p in files)}
    assert len(points) == 1, "the same loop in each"
    (begin, end) = points.pop()
    assert begin > 0
    assert abs(end + 1 - composition.seconds * 44_100) <= 2
    assert len({path.stat().st_size for path in files}) == 1


def _notes(data: bytes) -> tuple[dict[str, int], list[tuple[int, int, int]]]:
    """The head's numbers and, of pitched channels, (channel, tick of the player, note) as the module has them."""
    assert data[:17] == b"Extended Module: "
    length, _, channels, patterns, instruments, _, speed, bpm = struct.unpack_from("<8H", data, 64)
    at, row, found = 60 + struct.unpack_from("<I", data, 60)[0], 0, []
    for _ in range(patterns):
        head, _, rows, size = struct.unpack_from("<IBHH", data, at)
        cells, at = data[at + head : at + head + size], at + head + size
        place = 0
        for index in range(rows * channels):
            mask, place = cells[place], place + 1
            values = []
            for bit in range(5):
                values.append(cells[place] if mask >> bit & 1 else 0)
                place += mask >> bit & 1
            note, _, _, effect, parameter = values
            if 0 < note < 97 and index % channels < 3:
                late = parameter & 15 if effect == 14 else 0
                found.append((index % channels, (row + index // channels) * speed + late, note))
        row += rows
    numbers = {"length": length, "rows": row, "speed": speed, "bpm": bpm, "instruments": instruments, "at": at}
    return numbers, found


def test_a_module_has_every_note_at_its_tick(score: Score) -> None:
    head, found = _notes(to_xm(score))
    ticks = 2 if score.ticks_a_minute / 24 > 255 else 1
    wanted = {
        (channel, score.played(note.start) // ticks, note.pitch - 11)
        for channel, part in enumerate(("lead", "counter", "bass"))
        for note in score.track(part).notes
    }
    assert set(found) == wanted
    assert head["speed"] == 3
    assert head["bpm"] * ticks == pytest.approx(score.ticks_a_minute / 24, abs=ticks / 2)
    seconds = head["rows"] * 3 * 2.5 / head["bpm"]
    assert seconds == pytest.approx(score.seconds, abs=0.4)


def test_a_module_ends_where_its_last_sample_ends(score: Score) -> None:
    data = to_xm(score)
    head, _ = _notes(data)
    at = head["at"]
    for _ in range(head["instruments"]):
        size = struct.unpack_from("<I", data, at)[0]
        sample = struct.unpack_from("<I", data, at + size)[0]
        at += size + 40 + sample
    assert at == len(data)


def test_chords_and_dynamics_are_written(score: Score) -> None:
    root = ET.fromstring(to_musicxml(score))
    measures = root.findall("part")[0].findall("measure")
    found = sum(len(measure.findall("harmony")) for measure in measures)
    assert found == len([chord for chord in score.chords if chord.length > 0])
    assert all(harmony.findtext("kind") for harmony in root.iter("harmony"))
    assert len(root.findall("part")) <= len(list(root.iter("dynamics")))


def test_a_soft_piece_is_marked_softer_than_a_loud_one() -> None:
    order = ["pp", "p", "mp", "mf", "f", "ff"]

    def marks(prompt: str) -> list[int]:
        root = ET.fromstring(to_musicxml(compose(read(prompt), 20, 2)))
        return sorted(order.index(mark[0].tag) for mark in root.iter("dynamics"))

    soft, loud = marks("very soft adventure in C major"), marks("loud adventure in C major")
    assert all(a <= b for a, b in zip(soft, loud, strict=True))
    assert sum(soft) < sum(loud)


def test_a_long_fast_piece_fits_into_the_patterns_that_a_module_has() -> None:
    for prompt in ("techno at 250 bpm", "12/8 at 300 bpm", "60 bpm"):
        score = compose(read(prompt), 600.0, 1)
        head, found = _notes(to_xm(score))
        assert head["length"] <= 256
        assert head["rows"] * 3 * 2.5 / head["bpm"] == pytest.approx(600, rel=0.01)
        assert len(found) == sum(len(score.track(part).notes) for part in ("lead", "counter", "bass"))
