"""What is still understood at each speed: an engine's own pace against the waveform stretched.

    python scripts/measure_speeds.py [VOICE ...] [--sentences 40] [--speeds 1 1.5 2] [--means stretched] [--words-only]

One line for each voice, speed and means: word error rate by Whisper base (by tiny.en without antiphon[languages]),
DistillMOS, and the length that came out against the length at speed 1. Sentences: the held-out ones, then some of the
prompt grammar. What users get at speeds above 1 is `stretched`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from antiphon.audio import Waveform
from antiphon.audio.stretching import stretch
from antiphon.bench.sentences import HELD_OUT
from antiphon.bench.speaking import Naturalness, Transcriber
from antiphon.engines import registry
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.network.prompts import GrammarPrompts
from antiphon.services import SpeechRequest

VOICES = ("hibari", "af_heart", "espeak-en-us", "espeak-en-gb", "aspen", "cedar")
SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
MEANS = ("engine", "stretched")


def spoken(voice: str, text: str, speed: float) -> Waveform:
    engine = registry.load(registry.engine_for(voice))
    language = registry.find_voice(voice).language
    chunks = list(engine.generate(SpeechRequest(text=text, voice=voice, language=language, speed=speed), 7))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def texts(count: int) -> list[str]:
    more = [(4_099 + n * 15_485_863) % GrammarPrompts.period for n in range(count - len(HELD_OUT))]
    return [*HELD_OUT[:count], *map(GrammarPrompts.sentence, more)]


def misheard(transcriber: Transcriber, said: Sequence[str], waves: Sequence[Waveform]) -> float:
    """Errors over words of all sentences."""
    errors = words = 0.0
    for text, heard in zip(said, transcriber.words(waves), strict=True):
        wanted = normalise(text, "en")
        errors += error_rates(wanted, heard)[0] * len(wanted.split())
        words += len(wanted.split())
    return errors / words


def lines(given: argparse.Namespace) -> Iterator[str]:
    transcriber, quality, said = Transcriber(), Naturalness(), texts(given.sentences)
    for voice in given.voices or VOICES:
        plain = [spoken(voice, text, 1.0) for text in said]
        for speed in given.speeds:
            for means in given.means if speed != 1 else given.means[:1]:
                again = means == "engine" and speed != 1
                waves = [spoken(voice, text, speed) for text in said] if again else [stretch(p, speed) for p in plain]
                line = f"{voice:13} {speed:5.2f} {means:10} WER {100 * misheard(transcriber, said, waves):5.1f}%"
                if not given.words_only:
                    line += f"  MOS {np.mean([mos for mos in map(quality.of, waves) if mos is not None]):.2f}"
                length = sum(wave.duration_s for wave in waves) / sum(wave.duration_s for wave in plain)
                yield f"{line}  length x {length:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", nargs="*", metavar="VOICE")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--speeds", type=float, nargs="+", default=SPEEDS)
    parser.add_argument("--means", nargs="+", choices=MEANS, default=MEANS)
    parser.add_argument("--words-only", action="store_true")
    for line in lines(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
