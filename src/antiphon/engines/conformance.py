"""What every engine must do, as checks that anybody can run on their own: `failures(MyEngine())` is `[]`.

Each check takes a `Subject` and raises `AssertionError` with what is wrong. They run real generations, a few seconds
of audio in all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines.auditing import ROOT_BYTES, Auditable, Claim, Result
from antiphon.engines.base import Engine, Voice
from antiphon.errors import InputError
from antiphon.services import SpeechRequest

TEXT = "The evening tide is in. Boats rest by the wall."
CHARS_PER_S = (4.0, 40.0)
"""Speech outside this range is cut short, or drags."""

SEED = 7


class Subject:
    """An engine, one of its voices, and what it says (generated once)."""

    def __init__(self, engine: Engine, *, voice: str | None = None, text: str = TEXT) -> None:
        able = engine.capabilities
        self.engine = engine
        self.voice: Voice = next((v for v in able.voices if v.name == voice), able.voices[0])
        self.request = SpeechRequest(text=text, voice=self.voice.name, language=self.voice.language)

    def chunks(self, seed: int = SEED, **changes: object) -> list[Waveform]:
        return list(self.engine.generate(msgspec.structs.replace(self.request, **changes), seed))

    def samples(self, seed: int = SEED, **changes: object) -> Samples:
        return np.concatenate([chunk.samples[0] for chunk in self.chunks(seed, **changes)])

    @cached_property
    def said(self) -> list[Waveform]:
        return self.chunks()

    @cached_property
    def whole(self) -> Samples:
        return np.concatenate([chunk.samples[0] for chunk in self.said])

    def refuses(self, why: str, **changes: object) -> str:
        """The message of the `InputError` that `check` must raise."""
        try:
            self.engine.check(msgspec.structs.replace(self.request, **changes))
        except InputError as error:
            return str(error)
        raise AssertionError(f"check() accepts {why}")


Check = Callable[[Subject], None]


def declares_itself(subject: Subject) -> None:
    """Capabilities are complete, and every voice belongs to the engine."""
    able, name = subject.engine.capabilities, subject.engine.name
    assert isinstance(subject.engine, Engine), f"{name} lacks a method of the Engine protocol"
    assert able.voices, f"{name} offers no voice"
    assert able.rate_hz > 0, f"{name} declares no sample rate"
    assert able.rtf > 0, f"{name} declares no cost"
    assert len({voice.name for voice in able.voices}) == len(able.voices), f"two voices of {name} share a name"
    for voice in able.voices:
        assert voice.engine == name, f"the voice {voice.name} says it belongs to {voice.engine}"
        assert voice.language in able.languages, f"{voice.language} of {voice.name} is not among the languages"
        assert not set(voice.name) & set(" +:"), f"the voice name {voice.name!r} cannot be written in a mix"


def accepts_its_own_voices(subject: Subject) -> None:
    """A request in any voice's own language passes the check."""
    for voice in subject.engine.capabilities.voices:
        subject.engine.check(msgspec.structs.replace(subject.request, voice=voice.name, language=voice.language))


def refuses_what_it_cannot_do(subject: Subject) -> None:
    """Unknown voice, language and option, and text without words, are `InputError`s that name the culprit."""
    assert "nobody-at-all" in subject.refuses("an unknown voice", voice="nobody-at-all")
    assert "xx-none" in subject.refuses("an unknown language", language="xx-none")
    assert "no_such_option" in subject.refuses("an unknown option", options={"no_such_option": 1})
    subject.refuses("text without words", text="... !?")


def audio_is_sound(subject: Subject) -> None:
    """Mono float32 chunks at the declared rate, finite, within full scale, audible, of a plausible length."""
    rate_hz = subject.engine.capabilities.rate_hz
    for chunk in subject.said:
        assert chunk.samples.shape[0] == 1, f"a chunk has {chunk.samples.shape[0]} channels"
        assert chunk.samples.shape[1] > 0, "a chunk is empty"
        assert chunk.rate_hz == rate_hz, f"a chunk has {chunk.rate_hz} Hz, declared are {rate_hz}"
    assert np.isfinite(subject.whole).all(), "samples are not finite"
    assert np.abs(subject.whole).max() < 1.0, "samples reach full scale"
    assert np.sqrt(np.mean(subject.whole**2)) > 0.003, "the audio is silent"
    speed = len(subject.request.text) / (len(subject.whole) / rate_hz)
    assert CHARS_PER_S[0] < speed < CHARS_PER_S[1], f"{speed:.1f} characters a second are not speech"


def adds_no_clicks(subject: Subject) -> None:
    """The ends are quiet, and where chunks join the signal jumps no more than inside them."""
    whole = subject.whole
    assert abs(whole[0]) < 0.01, "it starts with a jump"
    assert abs(whole[-1]) < 0.01, "it ends with a jump"
    jumps = np.abs(np.diff(whole))
    joints = np.cumsum([chunk.samples.shape[1] for chunk in subject.said])[:-1] - 1
    inside = np.delete(jumps, joints)
    assert all(jumps[joint] <= inside.max() for joint in joints), "chunks do not join"


def streams(subject: Subject) -> None:
    """An engine that says it streams gives two sentences in more than one chunk."""
    if subject.engine.capabilities.streams:
        assert len(subject.said) > 1, "two sentences came as one chunk"


def seed_holds(subject: Subject) -> None:
    """Same request and seed, same samples."""
    if subject.engine.capabilities.seeded:
        assert np.array_equal(subject.samples(), subject.whole), "the same seed gave other samples"


def can_be_audited(subject: Subject) -> None:
    """An engine that says so makes the same sound with a trace, passes its own audit, and not for other audio."""
    if not subject.engine.capabilities.auditable:
        return
    assert isinstance(subject.engine, Auditable), "it has no traced() and audit()"
    chunks, trace = subject.engine.traced(subject.request, SEED)
    audio = _joined(list(chunks))
    assert np.array_equal(audio.samples[0], subject.whole), "a trace changes the sound"
    assert len(trace.root) == ROOT_BYTES, "a root has 32 bytes"
    for number in range(3):
        beacon = bytes([number]) * 32
        claim = Claim(subject.request, SEED, trace.root, beacon, trace.open(beacon), audio)
        assert subject.engine.audit(claim).result is Result.PASSED, "honest work does not pass its audit"
        other = replace(claim, audio=Waveform(np.ascontiguousarray(audio.samples[:, ::-1]), audio.rate_hz))
        assert subject.engine.audit(other).result is Result.FAILED, "other audio passes the audit"
        assert subject.engine.audit(replace(claim, root=bytes(32))).result is Result.UNPROVEN, "any root will do"


def _joined(chunks: list[Waveform]) -> Waveform:
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def is_reentrant(subject: Subject) -> None:
    """Two threads at once get what one alone gets."""
    results: list[Samples] = []
    threads = [threading.Thread(target=lambda: results.append(subject.samples())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2, "a thread failed"
    for result in results:
        if subject.engine.capabilities.seeded:
            assert np.array_equal(result, subject.whole), "two threads disturb each other"
        else:
            assert 0.7 < len(result) / len(subject.whole) < 1.4, "two threads disturb each other"


def honours_speed(subject: Subject) -> None:
    """Speed 1.5 takes about two thirds of the time."""
    ratio = len(subject.whole) / len(subject.samples(speed=1.5))
    assert 1.3 < ratio < 1.75, f"speed 1.5 made it {ratio:.2f} times shorter"


def can_be_abandoned(subject: Subject) -> None:
    """A client may leave after the first chunk; the next request is none the worse."""
    iterator = iter(subject.engine.generate(subject.request, SEED))
    first = next(iterator)
    if hasattr(iterator, "close"):
        iterator.close()
    assert first.samples.shape == subject.said[0].samples.shape or not subject.engine.capabilities.seeded
    assert len(subject.samples(text="Boats rest.")) > 0


def mixes(subject: Subject) -> None:
    """A mix of one voice is that voice; a mix of two is finite and is neither."""
    able = subject.engine.capabilities
    if not able.mixes_voices:
        return
    other = next(v.name for v in able.voices if v.name != subject.voice.name)
    assert np.array_equal(subject.samples(voice=f"{subject.voice.name}:1.0"), subject.whole), "a:1.0 is not a"
    mixed = subject.samples(voice=f"{subject.voice.name}:0.5+{other}:0.5")
    assert np.isfinite(mixed).all(), "a mix is not finite"
    assert not np.array_equal(mixed, subject.whole), "a mix is its first voice"


CHECKS: tuple[Check, ...] = (
    declares_itself,
    accepts_its_own_voices,
    refuses_what_it_cannot_do,
    audio_is_sound,
    adds_no_clicks,
    streams,
    seed_holds,
    can_be_audited,
    is_reentrant,
    honours_speed,
    can_be_abandoned,
    mixes,
)


def failures(
    engine: Engine, *, voice: str | None = None, text: str = TEXT, tell: Callable[[str], None] = lambda _: None
) -> list[str]:
    """What is wrong with an engine, one line a check; empty when it conforms. `tell` is given what is checked now."""
    subject = Subject(engine, voice=voice, text=text)
    found = []
    for number, check in enumerate(CHECKS, 1):
        tell(f"Check {number} of {len(CHECKS)}: {check.__name__.replace('_', ' ')}.")
        try:
            check(subject)
        except AssertionError as error:
            found.append(f"{check.__name__}: {error}")
    return found
