"""What each part of mimic adds, on recordings of your own: one folder a voice, each with two WAV files or more.

    python scripts/measure_mimic_ablation.py VOICES

The first file of a voice is its reference, the others say who it is. Prints, for each step, the mean cosine to the own
voice by the second embedder, the mean margin over the nearest other voice of the folder, and DistillMOS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from antiphon.analysis import embed_independent, mean_voice
from antiphon.audio import Waveform, read
from antiphon.engines import english
from antiphon.engines.mimic import enrolment, timbre
from antiphon.engines.mimic.rendering import moved, render
from antiphon.engines.mimic.split_model import RATE_HZ, SplitModel, load
from antiphon.engines.mimic.voice_parameters import VoiceParameters
from antiphon.errors import InputError
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DistillMosMeter
from antiphon.services import SpeechRequest

TEXT = "My neighbour grows tomatoes and peppers on her balcony."
FLAT = (0.0,) * timbre.BANDS


def steps(full: VoiceParameters) -> Iterator[tuple[str, VoiceParameters, bool]]:
    """Name, parameters, and whether the melody is moved."""
    alone = msgspec.structs.replace(full, colour_db=FLAT, tract=1.0)
    yield "mix of the nearest voices", alone, False
    yield "+ pitch", alone, True
    yield "+ tract", msgspec.structs.replace(full, colour_db=FLAT), True
    yield "+ colour (all)", full, True


def spoken(model: SplitModel, parameters: VoiceParameters, *, pitched: bool) -> Waveform:
    features = model.encode(next(english.readings(TEXT, british=False))[0], parameters.manner_mix, 1.0)
    if pitched:
        features = moved(features, parameters.pitch_hz, parameters.pitch_range)
    return Waveform(render(model, parameters, features)[None], RATE_HZ)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voices", type=Path)
    folder = parser.parse_args().voices
    files = {voice.name: sorted(voice.glob("*.wav")) for voice in sorted(folder.iterdir()) if voice.is_dir()}
    speakers = {
        name: mean_voice([embed_independent(read(file)) for file in found[1:]])
        for name, found in files.items()
        if len(found) > 1
    }
    model, judge = load(), DistillMosMeter()
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for name, speaker in speakers.items():
        try:
            full = enrolment.enrol(read(files[name][0]), model)
        except InputError as error:
            print(f"{name}: {error}")
            continue
        for step, parameters, pitched in steps(full):
            audio = spoken(model, parameters, pitched=pitched)
            heard = embed_independent(audio)
            others = max(float(heard @ voice) for other, voice in speakers.items() if other != name)
            own = float(heard @ speaker)
            evidence = Evidence(SpeechRequest(text=TEXT, voice="x"), audio, RATE_HZ, audio.samples.shape[1])
            rows.setdefault(step, []).append((own, own - others, judge.measure(evidence)[0].value or 0.0))
        print(name, {step: np.round(row[-1], 2).tolist() for step, row in rows.items()}, flush=True)
    for step, row in rows.items():
        own, margin, mos = np.mean(row, axis=0)
        won = np.mean([difference > 0 for _, difference, _ in row])
        print(f"{step}: own {own:.3f}, margin {margin:+.3f}, MOS {mos:.2f}, nearest {won:.0%}")


if __name__ == "__main__":
    main()
