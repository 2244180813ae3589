"""What a prompt asks for, in musical terms."""

from __future__ import annotations

import functools
import re
import unicodedata

import msgspec

from antiphon.music import closing, grammar
from antiphon.music.instruments import instruments
from antiphon.music.languages import translated
from antiphon.music.wording import Wording, interpret


class MusicBrief(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt, read. None and empty = not said; the composer chooses, and judges do not ask for it.

    `energy`, `brightness` and `density` are 0..1. `tempo_range_bpm` is what a word such as *slow* or a named range
    means, where no single tempo is named. `style` is a key of `antiphon.music.styles.STYLES`. `instruments` are parts
    of the sound chip: `[square|pulse|thin|triangle] lead`, `[square|pulse|triangle] bass`, `arpeggio`, `chords`,
    `drums`, `echo`, each also as `no drums` and so on. `notes` tells what was resolved or not understood, in sentences.
    """

    prompt: str
    tempo_bpm: float | None = None
    tempo_range_bpm: tuple[float, float] | None = None
    tonic: int | None = None  # 0 = C ... 11 = B
    mode: str | None = None  # "major" or "minor"
    church: str | None = None  # dorian, phrygian, lydian, mixolydian, aeolian or locrian
    dynamics: str | None = None  # crescendo, diminuendo, soft, loud or contrast
    meter: str | None = None  # a key of `antiphon.music.meter.METERS`, e.g. "6/8"
    style: str | None = None
    mood: str | None = None
    energy: float | None = None
    brightness: float | None = None
    density: float | None = None
    instruments: tuple[str, ...] = ()
    structure: str = ""  # section letters, e.g. "AABA"
    seconds: float | None = None
    bars: int | None = None
    intro: int | None = None  # bars of introduction; 0: none
    ending: str | None = None  # plagal, abrupt or slowing
    modulation: int | None = None  # semitones
    loop: bool = False
    unread: tuple[str, ...] = ()  # languages in the prompt that nobody here reads
    notes: tuple[str, ...] = ()

    @property
    def understood(self) -> bool:
        """Whether something is asked for, or nothing was there to be read. A prompt in a language that is not read and
        says nothing else cannot be obeyed, nor judged."""
        return not self.unread or any(
            said not in (None, (), "")
            for said in (
                self.tempo_bpm, self.tempo_range_bpm, self.tonic, self.mode, self.dynamics, self.meter, self.style,
                self.mood, self.energy, self.brightness, self.density, self.instruments, self.structure,
            )
        )  # fmt: skip


_LOOP = re.compile(r"\b(?:seamless(?:ly)?\s+)?loop(?:s|ed|ing|able)?\b|\bendless\b|\brepeats? forever\b", re.IGNORECASE)
_NO_LOOP = re.compile(
    r"\b(?:no|not|without|never|don't)\s+(?:\w+\s+)?(?:loop(?:s|ed|ing|able)?|endless)\b", re.IGNORECASE
)


@functools.lru_cache(maxsize=64)
def read(prompt: str) -> MusicBrief:
    """Read free words. Never fails for words it does not know; contradictions are resolved and told in `notes`.

    Numbers beat words, and of two that contradict each other the first named counts. Words that the grammar does not
    know are compared with styles and moods by meaning, where the prompt names none.
    """
    english = translated(unicodedata.normalize("NFKC", prompt).replace("\u2019", "'"))
    text = grammar.spelt_numbers(english.text)
    tempo = grammar.tempo(text)
    meter = grammar.meter(tempo.rest)
    intro = closing.intro(meter.rest)
    count = closing.bars(intro.rest)
    length = grammar.length(count.rest)
    change = closing.modulation(length.rest)
    close = closing.ending(change.rest)
    key = grammar.key(close.rest)
    form = grammar.structure(key.rest)
    parts = instruments(form.rest)
    loop = bool(_LOOP.search(parts.rest)) and not _NO_LOOP.search(parts.rest)
    said = (tempo, meter, intro, count, length, change, close, key, form, parts)
    words = interpret(
        _LOOP.sub(" ", _NO_LOOP.sub(" ", parts.rest)), anything=loop or any(one.value is not None for one in said)
    )
    beats, meter_notes = _meter(meter.value, words)
    tempo_bpm, tempo_range, tempo_notes = _tempo(tempo.value, words)
    told = (english.notes, *(one.notes for one in said), words.notes)
    return MusicBrief(
        prompt=prompt,
        tempo_bpm=tempo_bpm,
        tempo_range_bpm=tempo_range,
        tonic=key.value.tonic if key.value else None,
        mode=key.value.mode if key.value else None,
        church=key.value.church if key.value else None,
        dynamics=words.dynamics,
        meter=beats,
        style=words.style,
        mood=words.mood,
        energy=words.energy,
        brightness=words.brightness,
        density=words.density,
        instruments=parts.value or (),
        structure=form.value or "",
        seconds=length.value,
        bars=count.value,
        intro=intro.value,
        ending=close.value,
        modulation=change.value,
        loop=loop,
        unread=english.unread,
        notes=(*(note for notes in told for note in notes), *meter_notes, *tempo_notes),
    )


def _meter(named: str | None, words: Wording) -> tuple[str | None, tuple[str, ...]]:
    if not words.waltz:
        return named, ()
    if named not in (None, "3/4"):
        return named, (f"A waltz in {named} is asked for: the number counts.",)
    return "3/4", ()


def _tempo(
    named: grammar.Tempo | None, words: Wording
) -> tuple[float | None, tuple[float, float] | None, tuple[str, ...]]:
    said = words.tempo_range_bpm
    if named is None:
        return None, said, ()
    notes: tuple[str, ...] = ()
    if said and (named.high < 0.85 * said[0] or named.low > 1.15 * said[1]):
        number = f"{named.low:g}" if named.low == named.high else f"{named.low:g}-{named.high:g}"
        notes = (f"{words.tempo_word.capitalize()} does not fit {number} bpm: the number counts.",)
    if named.low == named.high:
        return named.low, None, notes
    return None, (named.low, named.high), notes
