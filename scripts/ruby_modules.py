"""A tracker's module as notes: the patterns as libopenmpt plays them, row by row (no sound is made)."""

from __future__ import annotations

import ctypes
import re
from collections import Counter, defaultdict
from pathlib import Path

from antiphon.errors import InputError
from antiphon.music.meter import METERS, SIXTEENTH
from antiphon.ruby.arranging import Played, Reading

_RATE, _CHUNK, _LONGEST_S = 8_000, 40, 600
_NOTE, _INSTRUMENT, _VOLUME_EFFECT, _VOLUME = 0, 1, 2, 4
_OFF = 250  # note values from here on end a note
_DRUM_WORDS = (
    ("kick", r"kick|bass ?dr|\bbd\b|bdrum"),
    ("snare", r"snare|\bsd\b|snr|rim"),
    ("clap", r"clap"),
    ("open hat", r"open ?h|ohat|\boh\b"),
    ("hat", r"hat|\bhh\b|shak|hihat|tamb|cymb.*cl"),
    ("cymbal", r"crash|cymb|ride|splash"),
    ("tom", r"\btom|conga|bongo|drum|perc|timp"),
)


def library() -> ctypes.CDLL:
    lib = ctypes.CDLL("libopenmpt.so.0")
    lib.openmpt_module_create_from_memory2.restype = ctypes.c_void_p
    lib.openmpt_module_get_instrument_name.restype = ctypes.c_void_p
    lib.openmpt_module_get_sample_name.restype = ctypes.c_void_p
    lib.openmpt_module_get_pattern_row_channel_command.restype = ctypes.c_uint8
    lib.openmpt_module_read_mono.restype = ctypes.c_size_t
    lib.openmpt_module_read_mono.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t, ctypes.c_void_p]
    return lib


def read_module(path: Path) -> Reading:
    """Raises `InputError` for what libopenmpt cannot read."""
    lib, data = library(), path.read_bytes()
    module = lib.openmpt_module_create_from_memory2(
        data, ctypes.c_size_t(len(data)), None, None, None, None, None, None, None
    )
    if not module:
        raise InputError(f"{path.name} is no module")
    handle = ctypes.c_void_p(module)
    rows, seconds = _played(lib, handle)
    row_s = seconds / max(1, len(rows))
    per_sixteenth = 2 if row_s < 0.075 else 1
    row_ticks = SIXTEENTH / per_sixteenth
    bpm = 60 / (row_s * 4 * per_sixteenth)
    lengths = Counter(lib.openmpt_module_get_pattern_num_rows(handle, pattern) for pattern, _ in rows)
    usual = lengths.most_common(1)[0][0]
    triple = usual % (12 * per_sixteenth) == 0 and usual % (16 * per_sixteenth) != 0
    channels = lib.openmpt_module_get_num_channels(handle)
    names = _names(lib, handle)
    found: list[Played] = []
    sounding: dict[int, tuple[int, int, int, int]] = {}
    last: dict[int, int] = defaultdict(int)

    def end(channel: int, row: int) -> None:
        start, pitch, instrument, velocity = sounding.pop(channel)
        found.append(Played(start * row_ticks, max(1, row - start) * row_ticks, pitch, velocity, instrument))

    for index, (pattern, row) in enumerate(rows):
        for channel in range(channels):
            note, instrument, effect, volume = (
                lib.openmpt_module_get_pattern_row_channel_command(handle, pattern, row, channel, command)
                for command in (_NOTE, _INSTRUMENT, _VOLUME_EFFECT, _VOLUME)
            )
            last[channel] = instrument or last[channel]
            if note and channel in sounding:
                end(channel, index)
            if 0 < note < _OFF:
                loud = volume / 64 if effect == 1 else 1.0
                sounding[channel] = index, note - 1, last[channel], max(1, min(127, round(112 * loud)))
    for channel in list(sounding):
        end(channel, len(rows))
    lib.openmpt_module_destroy(handle)
    meter = METERS["3/4" if triple else "4/4"]
    return Reading(tuple(_drummed(found, names)), min(max(bpm, 30.0), 300.0), meter)


def _played(lib: ctypes.CDLL, handle: ctypes.c_void_p) -> tuple[list[tuple[int, int]], float]:
    """Pattern and row in the order in which they are played once, and how long that takes."""
    buffer = (ctypes.c_int16 * _CHUNK)()
    rows: list[tuple[int, int]] = []
    seen: set[tuple[int, int]] = set()
    before, frames = None, 0
    while frames < _LONGEST_S * _RATE:
        read = lib.openmpt_module_read_mono(handle, _RATE, _CHUNK, buffer)
        if not read:
            break
        order, row = lib.openmpt_module_get_current_order(handle), lib.openmpt_module_get_current_row(handle)
        if (order, row) != before:
            if before is not None and (order, row) in seen and row == 0:
                break
            seen.add((order, row))
            rows.append((lib.openmpt_module_get_current_pattern(handle), row))
            before = (order, row)
        frames += read
    return rows, frames / _RATE


def _names(lib: ctypes.CDLL, handle: ctypes.c_void_p) -> dict[int, str]:
    names: dict[int, str] = defaultdict(str)
    for kind, count in (("instrument", "instruments"), ("sample", "samples")):
        for index in range(getattr(lib, f"openmpt_module_get_num_{count}")(handle)):
            name = getattr(lib, f"openmpt_module_get_{kind}_name")(handle, index)
            names[index + 1] += " " + ctypes.string_at(name).decode("utf-8", "replace").lower()
    return names


def _drummed(notes: list[Played], names: dict[int, str]) -> list[Played]:
    """Instruments that are drums by their name, or because they strike one pitch often, as drums."""
    parts: dict[int, list[Played]] = defaultdict(list)
    for note in notes:
        parts[note.part].append(note)
    drums = {part: _drum_of(names[part], played) for part, played in parts.items()}
    bass = re.compile(r"bass|\bbas\b")
    return [
        Played(
            n.start, n.length, n.pitch, n.velocity, n.part,
            bool(bass.search(names[n.part])) and not drums[n.part], drums[n.part],
        )
        for n in sorted(notes, key=lambda note: note.start)
    ]  # fmt: skip


def _drum_of(name: str, played: list[Played]) -> str:
    for drum, pattern in _DRUM_WORDS:
        if re.search(pattern, name):
            return drum
    pitches = Counter(note.pitch for note in played)
    if len(played) < 16 or pitches.most_common(1)[0][1] < 0.95 * len(played):
        return ""
    beats = Counter(round(note.start / SIXTEENTH) % 8 for note in played)
    if beats[0] + beats[4] < 0.6 * len(played):
        return "hat"
    return "kick" if beats[0] >= beats[4] else "snare"
