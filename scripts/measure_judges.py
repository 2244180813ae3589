"""Honest work and cheats through all meters: the distributions that the economy's thresholds are chosen from.

python scripts/measure_judges.py judges.jsonl          # about 10 minutes on two cores
python scripts/measure_judges.py judges.jsonl --table  # print the distributions of an earlier run
"""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import soxr

from antiphon import engines
from antiphon.audio.waveform import Waveform
from antiphon.judges.fingerprints import History
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.services import SpeechRequest
from antiphon.text import normalise

TEXTS = (
    "Good evening.",
    "Yes, that is right.",
    "The parcel will arrive tomorrow.",
    "Where did you put my umbrella?",
    "It costs $12.50, or 3 for $30.",
    "On May 4th, 1986, 27 people signed the first contract.",
    "My neighbour grows tomatoes and peppers on her sunny balcony.",
    "The captain asked the crew to check every rope before the storm arrived.",
    "A narrow path leads from the village up to the ruins of the castle.",
    "Nobody expected the young team to win the final match in March.",
    "The museum opens at 9:30, but the garden is free to visit all day.",
    "Heavy rain delayed the flight, so we slept at the airport.",
    "He wrote a short letter to his teacher and thanked her for the help.",
    "Most birds leave the valley in autumn; they return when the snow melts.",
    "The doctor listened carefully and then explained what would happen next.",
    "Only 40% of the seats were sold, yet the concert was a great success.",
    "I've never seen such a bright moon. Shall we walk along the river and watch it for a while?",
    "The engineer drew a simple plan of the bridge on a piece of paper, folded it, and put it in her pocket.",
    "When the lights went out, everyone stayed calm. Somebody found candles, and we went on playing cards until two.",
    "This recipe needs two eggs, a cup of flour, some salt and half a litre of milk. Stir it well and bake it slowly.",
)
KOKORO = ("af_heart", "af_nicole", "am_michael", "am_adam", "bf_emma", "bm_george", "ef_dora", "jf_alpha")


def evidence(voice: str, text: str, waveform: Waveform) -> Evidence:
    audio = Waveform.from_pcm16(waveform.to_pcm16(), waveform.rate_hz)
    language = engines.find_voice(voice).language
    request = SpeechRequest(text=text, voice=voice, language=language)
    return Evidence(request, audio, audio.rate_hz, audio.samples.shape[1])


def speak(voice: str, text: str) -> Waveform:
    request = SpeechRequest(text=text, voice=voice, language=engines.find_voice(voice).language)
    chunks = list(engines.load(engines.engine_for(voice)).generate(request, seed=3))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def honest() -> Iterator[tuple[str, Evidence]]:
    for text in TEXTS:
        yield "honest hibari", evidence("hibari", text, speak("hibari", text))
        yield "honest espeak", evidence("espeak-en-us", text, speak("espeak-en-us", text))
    for n, voice in enumerate(KOKORO):
        for text in TEXTS[n % 4 :: 4]:
            yield "honest kokoro", evidence(voice, text, speak(voice, text))


def recoded(audio: Waveform, kind: str, subtype: str) -> Waveform:
    buffer = io.BytesIO()
    soundfile.write(buffer, audio.samples[0], audio.rate_hz, format=kind, subtype=subtype)
    buffer.seek(0)
    samples, rate_hz = soundfile.read(buffer, dtype="float32")
    return Waveform(samples[None, :], rate_hz)


def at_rate(one: Evidence, rate_hz: int) -> Evidence:
    """The same samples, played at another rate and declared so."""
    assert one.audio is not None
    return replace(one, audio=Waveform(one.audio.samples, rate_hz), declared_rate_hz=rate_hz, cache={})


def cheats(work: list[tuple[str, Evidence]], rng: np.random.Generator) -> Iterator[tuple[str, Evidence]]:
    for index, (_, one) in enumerate(work):
        if one.request.voice.startswith("espeak"):
            continue
        for number, cheat in enumerate(_cheats_of(index, one, [e for _, e in work], rng)):
            if (number + index) % 3 == 0:  # a third of all combinations is enough
                yield cheat


def _cheats_of(
    index: int, one: Evidence, everybody: list[Evidence], rng: np.random.Generator
) -> Iterator[tuple[str, Evidence]]:
    assert one.audio is not None
    samples, rate_hz, text = one.audio.samples, one.audio.rate_hz, one.request.text
    size = samples.shape[1]

    def changed(new: np.ndarray, rate: int = rate_hz) -> Evidence:
        return evidence(one.request.voice, text, Waveform(new.astype(np.float32).reshape(1, -1), rate))

    white = rng.standard_normal(size)
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), size)
    same_voice = [e for e in everybody if e.request.voice == one.request.voice and e.request.text != text]
    other_voice = [e for e in everybody if e.request.text == text and e.request.voice != one.request.voice]
    rms = float(np.sqrt(np.mean(samples**2)))

    yield "silence", changed(np.zeros(size))
    yield "white noise", changed(0.05 * white)
    yield "pink noise", changed(0.1 * pink / np.abs(pink).max())
    yield "half of the text", changed(samples[0, : size // 2])
    yield "first 0.2 s", changed(samples[0, : rate_hz // 5])
    yield "rate x 2/3", at_rate(one, rate_hz * 2 // 3)
    yield "rate x 4/3", at_rate(one, rate_hz * 4 // 3)
    yield "declared 10% longer", replace(one, declared_samples=int(size * 1.1), cache={})
    yield "noise at 15 dB", changed(samples[0] + rms * 10 ** (-15 / 20) * white)
    yield "clipped hard", changed(np.clip(samples[0] * 12, -1, 1))
    narrow = soxr.resample(soxr.resample(samples[0], rate_hz, 4000), 4000, rate_hz)
    yield "telephone, 2 kHz", changed(narrow)
    yield "padded with 5 s of silence", changed(np.concatenate([samples[0], np.zeros(5 * rate_hz)]))
    if same_voice:
        other = same_voice[index % len(same_voice)]
        assert other.audio is not None
        yield "other text", evidence(one.request.voice, text, other.audio)
    for other in other_voice:
        assert other.audio is not None
        kind = "espeak instead" if other.request.voice.startswith("espeak") else "other voice"
        yield kind, evidence(one.request.voice, text, other.audio)


def copies(work: list[tuple[str, Evidence]], rng: np.random.Generator) -> Iterator[tuple[str, Evidence]]:
    """Earlier work again, for another text, lightly changed."""
    for index, (_, one) in enumerate(work):
        assert one.audio is not None
        samples, rate_hz = one.audio.samples[0], one.audio.rate_hz
        text = TEXTS[(TEXTS.index(one.request.text) + 7) % len(TEXTS)]
        noise = rng.standard_normal(samples.size) * np.sqrt(np.mean(samples**2)) * 10 ** (-25 / 20)
        variants = {
            "as it was": one.audio,
            "gain": Waveform(one.audio.samples * np.float32(0.5), rate_hz),
            "noise": Waveform((samples + noise).astype(np.float32)[None], rate_hz),
            "shift": Waveform(np.concatenate([np.zeros(777, np.float32), samples[333:]])[None], rate_hz),
            "vorbis": recoded(one.audio, "OGG", "VORBIS"),
            "resampled": Waveform(soxr.resample(samples, rate_hz, 16_000)[None], 16_000),
        }
        for number, (kind, audio) in enumerate(variants.items()):
            if (index + number) % 3 == 0:
                yield f"copy: {kind}", evidence(one.request.voice, text, audio)


def table(path: Path) -> None:
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    counts: dict[str, int] = defaultdict(int)
    for line in path.read_text().splitlines():
        row = json.loads(line)
        counts[row["kind"]] += 1
        for name, value in row["values"].items():
            if value is not None:
                groups[name][row["kind"]].append(value)
    for name, kinds in groups.items():
        print(f"\n{name:<28}{'n':>5}{'min':>9}{'2%':>9}{'50%':>9}{'98%':>9}{'max':>9}")
        for kind, values in kinds.items():
            figures = np.percentile(values, [0, 2, 50, 98, 100])
            print(f"{kind:<28}{len(values):>5}" + "".join(f"{figure:9.3f}" for figure in figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        rng = np.random.default_rng(0)
        meters = SpeechMeters(normaliser=normalise, history=History(10_000))
        work = list(honest())
        with arguments.target.open("w") as target:
            for source in (iter(work), copies(work, rng), cheats(work, rng)):
                for kind, one in source:
                    measurements = meters.measure(one)
                    row = {
                        "kind": kind,
                        "voice": one.request.voice,
                        "text": one.request.text,
                        "values": {f"{m.judge}.{m.name}": m.value for m in measurements},
                        "reasons": {m.name: m.reason for m in measurements if m.reason},
                    }
                    target.write(json.dumps(row) + "\n")
    table(arguments.target)


if __name__ == "__main__":
    main()
