"""What a telephone's band costs a clone: each cloner on the same recordings, whole and through 8 kHz.

    python scripts/measure_narrow_references.py [SENTENCES [CLONER ...]]

Likeness is to the whole recording, by the embedder that no cloner optimises.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import cast

import soundfile

from antiphon.audio import read, resample
from antiphon.audio.reference import prepare
from antiphon.bench.cloning import REFERENCES, Cloning
from antiphon.engines.base import Cloner
from antiphon.engines.mimic import MimicEngine
from antiphon.engines.soundstorm import SoundStormEngine


def narrowed(file: Path, rate_hz: int) -> io.BytesIO:
    wave = resample(read(file), rate_hz)
    blob = io.BytesIO()
    soundfile.write(blob, wave.samples.T, rate_hz, format="WAV", subtype="PCM_16")
    blob.seek(0)
    return blob


CLONERS = {"mimic": MimicEngine, "soundstorm": SoundStormEngine}


def main(sentences: int, cloners: Sequence[str]) -> None:
    for name in cloners:
        cloner = CLONERS[name]()
        for rate_hz in (0, 8_000):
            cloning = Cloning(cast(Cloner, cloner))
            for voice in cloning._references if rate_hz else ():
                cloning._references[voice] = prepare(narrowed(REFERENCES / f"{voice}.opus", rate_hz))
            trials = list(cloning.speak(cloning.enrol(), sentences))
            errors = sum(one.errors for one in trials) / sum(one.words for one in trials)
            print(
                f"{name:10} {f'{rate_hz} Hz' if rate_hz else 'whole':8} nearest {sum(one.won for one in trials)} of "
                f"{len(trials)}, cosine {mean(one.own for one in trials):.3f}, WER {100 * errors:.1f}%, "
                f"DistillMOS {mean(one.mos for one in trials):.2f}",
                flush=True,
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", nargs="?", type=int, default=3, help="said in each voice (default: %(default)s)")
    parser.add_argument("cloners", nargs="*", metavar="CLONER", help=f"of {', '.join(CLONERS)} (default: all)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.cloners if name not in CLONERS]:
        parser.error(f"no cloner {unknown[0]!r}: choose from {', '.join(CLONERS)}")
    return arguments


if __name__ == "__main__":
    _given = _arguments()
    main(_given.sentences, _given.cloners or tuple(CLONERS))
