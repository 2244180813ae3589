"""What is still understood at each speed: an engine's own pace against the waveform stretched.

    python scripts/measure_speeds.py [SENTENCES [VOICE ...]]

One line for each voice, speed and means: word error rate by Whisper base (by tiny.en without antiphon[languages]),
DistillMOS, and the length that came out against the length at speed 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from antiphon.audio import Waveform
from antiphon.audio.stretching import stretch
from antiphon.bench.sentences import HELD_OUT
from antiphon.bench.speaking import Naturalness, Transcriber
from antiphon.engines import registry
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.services import SpeechRequest

VOICES = ("hibari", "af_heart", "espeak-en-us")
SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def spoken(voice: str, text: str, speed: float) -> Waveform:
    engine = registry.load(registry.engine_for(voice))
    chunks = list(engine.generate(SpeechRequest(text=text, voice=voice, speed=speed), 7))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def stretched(wave: Waveform, speed: float) -> Waveform:
    return stretch(wave, speed)


def main(count: int, voices: Sequence[str]) -> None:
    transcriber, quality = Transcriber(), Naturalness()
    texts = HELD_OUT[:count]
    for voice in voices:
        plain = [spoken(voice, text, 1.0) for text in texts]
        for speed in SPEEDS:
            made = {
                "engine": plain if speed == 1 else [spoken(voice, text, speed) for text in texts],
                "stretched": [stretch(one, speed) for one in plain],
            }
            for means, waves in made.items():
                errors = words = 0.0
                for text, heard in zip(texts, transcriber.words(waves), strict=True):
                    wanted = normalise(text, "en")
                    errors += error_rates(wanted, heard)[0] * len(wanted.split())
                    words += len(wanted.split())
                mos = [score for score in map(quality.of, waves) if score is not None]
                length = sum(wave.duration_s for wave in waves) / sum(wave.duration_s for wave in plain)
                print(
                    f"{voice:13} {speed:5.2f} {means:10} WER {100 * errors / words:5.1f}%  "
                    f"MOS {np.mean(mos):.2f}  length x {length:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else len(HELD_OUT), sys.argv[2:] or VOICES)
